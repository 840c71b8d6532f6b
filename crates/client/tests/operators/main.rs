//! The Operator back end against real API servers with the operators' own definitions, statuses written as the operators write them.

mod access;
mod fixture;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sparkconnect_client::operators::Flavour;
use sparkconnect_client::{
    ApplicationRequest, ApplicationState, BackendKind, Category, DriverResources, Error,
    ExecutorResources, LogRequest, Progress, Role, SparkClient, Waiting,
};

use crate::fixture::{client, pi, pod, shared, tell, with_apaches};

/// Everything that both operators have.
fn whole() -> ApplicationRequest {
    let list = |item: &str| vec![item.to_owned()];
    let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let some = |text: &str| Some(text.to_owned());
    ApplicationRequest {
        arguments: list("10"),
        image_pull_policy: some("IfNotPresent"),
        image_pull_secrets: list("pull"),
        spark_conf: map("spark.sql.shuffle.partitions", "8"),
        hadoop_conf: map("fs.s3a.path.style.access", "true"),
        jars: list("local:///a.jar"),
        py_files: list("local:///a.zip"),
        files: list("local:///a.csv"),
        archives: list("local:///a.tar.gz"),
        packages: list("org.example:a:1.0"),
        driver: DriverResources {
            cores: Some(1),
            memory: some("1g"),
            memory_overhead: some("256m"),
            service_account: some("spark"),
            env: map("A", "1"),
        },
        executor: ExecutorResources {
            bounds: Some((1, 3)),
            instances: None,
            cores: Some(1),
            memory: some("1g"),
            memory_overhead: some("256m"),
            env: map("A", "1"),
        },
        proxy_user: some("ada"),
        retries: 2,
        ttl: Some(Duration::from_secs(60)),
        labels: map("team", "data"),
        ..pi()
    }
}

async fn state(client: &SparkClient) -> ApplicationState {
    client.get_status("pi").await.expect("a status").state
}

async fn no_log(client: &SparkClient, role: Role) -> Error {
    let request = LogRequest {
        role,
        ..LogRequest::default()
    };
    let Err(error) = client.get_logs("pi", request).await else {
        panic!("there is no log");
    };
    assert_eq!(error.category(), Category::NotFound, "{error}");
    assert!(error.hint_text().is_some());
    error
}

/// What both have in common, from a request to its end.
async fn lives(client: &SparkClient) {
    assert_eq!(client.kind(), BackendKind::Operator);
    let submitted = client
        .submit_application(whole())
        .await
        .expect("it is taken");
    assert_eq!(submitted.id, "pi");
    assert_eq!(submitted.state, ApplicationState::Submitted);
    assert!(submitted.submitted.is_some() && submitted.ended.is_none());

    let again = client.submit_application(pi()).await.unwrap_err();
    assert_eq!(again.category(), Category::AlreadyExists);
    let other = ApplicationRequest {
        name: "other".to_owned(),
        ..pi()
    };
    client.submit_application(other).await.expect("it is taken");
    let listed = client.list_applications().await.expect("a list");
    let mut ids: Vec<_> = listed.iter().map(|listed| listed.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["other", "pi"]);

    let error = no_log(client, Role::Driver).await;
    assert!(error.to_string().contains("driver"), "{error}");
    client
        .delete_application("pi")
        .await
        .expect("it is deleted");
    for gone in [
        client.get_status("pi").await.map(drop),
        client.delete_application("pi").await,
        client.get_logs("pi", LogRequest::default()).await.map(drop),
    ] {
        assert_eq!(gone.unwrap_err().category(), Category::NotFound);
    }
}

#[tokio::test]
async fn kubeflows_definition_takes_every_field() {
    let client = client(shared(), "kubeflow-fields", Flavour::Kubeflow).await;
    let queued = ApplicationRequest {
        name: "queued".to_owned(),
        queue: Some("research".to_owned()),
        ..whole()
    };
    client
        .submit_application(queued)
        .await
        .expect("it is taken");
    client
        .delete_application("queued")
        .await
        .expect("it is deleted");
    lives(&client).await;
}

#[tokio::test]
async fn apaches_definition_takes_every_field() {
    for server in with_apaches() {
        lives(&client(server, "apache-fields", Flavour::Apache).await).await;
    }
}

#[tokio::test]
async fn a_value_that_the_definition_refuses_is_named() {
    let client = client(shared(), "kubeflow-refused", Flavour::Kubeflow).await;
    let request = ApplicationRequest {
        executor: ExecutorResources {
            instances: Some(0),
            ..ExecutorResources::default()
        },
        ..pi()
    };
    let error = client.submit_application(request).await.unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput);
    assert!(
        error.to_string().contains("spec.executor.instances"),
        "{error}"
    );
}

/// The states of a real run in their order, with what the operator wrote beside them.
#[tokio::test]
async fn kubeflows_run_is_told_as_it_goes() {
    let (server, space) = (shared(), "kubeflow-run");
    let client = client(server, space, Flavour::Kubeflow).await;
    client.submit_application(pi()).await.expect("it is taken");
    let write = |status: Value| tell(server, space, Flavour::Kubeflow, &status);
    let info = json!({"podName": "pi-driver", "webUIAddress": "198.18.32.9:4040"});

    write(json!({
        "driverInfo": {"podName": "pi-driver"}, "applicationState": {"state": "SUBMITTED"},
        "lastSubmissionAttemptTime": "2026-11-27T10:00:00Z", "terminationTime": null,
    }));
    assert_eq!(state(&client).await, ApplicationState::Submitted);
    write(json!({
        "driverInfo": info, "applicationState": {"state": "RUNNING"}, "sparkApplicationId": "spark-1",
        "executorState": {"pythonpi-1-exec-1": "RUNNING", "pythonpi-1-exec-2": "PENDING"},
    }));
    let running = client.get_status("pi").await.expect("a status");
    assert_eq!(running.state, ApplicationState::Running);
    assert_eq!(running.executors, Some(1));
    assert_eq!(running.ui_url.as_deref(), Some("http://198.18.32.9:4040"));
    assert_eq!(running.spark_application_id.as_deref(), Some("spark-1"));
    write(json!({"applicationState": {"state": "SUCCEEDING"}}));
    assert!(!state(&client).await.is_final());
    write(json!({
        "applicationState": {"state": "COMPLETED"}, "terminationTime": "2026-11-27T10:01:00Z",
        "executorState": {"pythonpi-1-exec-1": "COMPLETED", "pythonpi-1-exec-2": "COMPLETED"},
    }));
    let ended = client
        .wait("pi", &Waiting::default())
        .await
        .expect("it has ended");
    assert_eq!(ended.state, ApplicationState::Succeeded);
    assert_eq!(ended.executors, Some(0));
    assert_eq!(ended.ended, Some("2026-11-27T10:01:00Z".parse().unwrap()));
}

#[tokio::test]
async fn a_failure_is_not_the_end_before_it_is() {
    let (server, space) = (shared(), "kubeflow-failure");
    let client = client(server, space, Flavour::Kubeflow).await;
    client.submit_application(pi()).await.expect("it is taken");
    let told = Arc::new(Mutex::new(Vec::new()));
    let next = ["PENDING_RERUN", "RUNNING", "FAILING", "FAILED"];
    let write = move |state: &str| {
        let status = json!({
            "driverInfo": {}, "applicationState": {"state": state, "errorMessage": "exit code 1"},
        });
        tell(server, space, Flavour::Kubeflow, &status);
    };
    write("SUBMISSION_FAILED");
    // Each state is followed by the next as soon as it was told.
    let heard = Arc::clone(&told);
    let waiting = Waiting {
        timeout: None,
        progress: Some(Arc::new(move |progress: &Progress| {
            let mut heard = heard.lock().unwrap();
            if let Some(state) = next.get(heard.len()) {
                write(state);
            }
            heard.push(progress.state.clone());
        })),
    };
    let ended = client.wait("pi", &waiting).await.expect("it has ended");
    assert_eq!(ended.state, ApplicationState::Failed);
    assert_eq!(ended.message.as_deref(), Some("exit code 1"));
    let all = [
        "SUBMISSION_FAILED",
        "PENDING_RERUN",
        "RUNNING",
        "FAILING",
        "FAILED",
    ];
    assert_eq!(*told.lock().unwrap(), all);
}

#[tokio::test]
async fn kubeflows_application_is_suspended_and_resumed() {
    let (server, space) = (shared(), "kubeflow-suspend");
    let client = client(server, space, Flavour::Kubeflow).await;
    client.submit_application(pi()).await.expect("it is taken");
    let suspended = || {
        let args = [
            "get",
            "sparkapplications.v1beta2.sparkoperator.k8s.io",
            "pi",
        ];
        let rest = ["--namespace", space, "--output=jsonpath={.spec.suspend}"];
        fixture::kubectl(server, &[&args[..], &rest].concat())
    };
    client
        .suspend_application("pi")
        .await
        .expect("it is suspended");
    assert_eq!(suspended(), "true");
    tell(
        server,
        space,
        Flavour::Kubeflow,
        &json!({"driverInfo": {}, "applicationState": {"state": "SUSPENDED"}}),
    );
    assert_eq!(state(&client).await, ApplicationState::Suspended);
    client
        .resume_application("pi")
        .await
        .expect("it is resumed");
    assert_eq!(suspended(), "false");
    let error = client.suspend_application("none").await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound);
}

#[tokio::test]
async fn apaches_application_cannot_be_suspended() {
    let client = client(shared(), "apache-suspend", Flavour::Apache).await;
    let error = client.suspend_application("pi").await.unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput);
    assert!(error.hint_text().unwrap().contains("kubeflow"));
}

fn apache_status(states: &[&str]) -> Value {
    let state = |summary: &str| {
        json!({
            "currentStateSummary": summary, "lastTransitionTime": "2026-11-27T10:00:00.123456Z",
            "message": format!("it is {summary}"),
        })
    };
    let history = states.iter().enumerate();
    let history = history.map(|(at, summary)| (at.to_string(), state(summary)));
    json!({
        "currentState": state(states.last().expect("a state")),
        "stateTransitionHistory": history.collect::<serde_json::Map<_, _>>(),
        "currentAttemptSummary": {"attemptInfo": {"id": 0}},
    })
}

#[tokio::test]
async fn apaches_run_is_told_by_its_history() {
    let mut states = vec![
        "Submitted",
        "DriverRequested",
        "DriverStarted",
        "DriverReady",
    ];
    states.extend(["RunningHealthy", "RunningWithPartialCapacity"].repeat(3));
    for server in with_apaches() {
        for (end, meaning) in [
            ("Succeeded", ApplicationState::Succeeded),
            ("Failed", ApplicationState::Failed),
        ] {
            let space = format!("apache-{}", meaning.name());
            let client = client(server, &space, Flavour::Apache).await;
            client.submit_application(pi()).await.expect("it is taken");
            let write = |states: &[&str]| {
                tell(server, &space, Flavour::Apache, &apache_status(states));
            };
            write(&states);
            assert_eq!(state(&client).await, ApplicationState::Running);
            let ended = [&states[..], &[end]].concat();
            write(&ended);
            assert!(!state(&client).await.is_final(), "it may start again");
            write(&[&ended[..], &["ResourceReleased"]].concat());
            let told = client
                .wait("pi", &Waiting::default())
                .await
                .expect("its end");
            assert_eq!(told.state, meaning);
            assert_eq!(told.peer_state.as_deref(), Some("ResourceReleased"));
            assert_eq!(told.message, Some(format!("it is {end}")));
            assert!(told.ended.is_some());
        }
    }
}

#[tokio::test]
async fn kubeflows_executors_are_found_though_named_after_the_program() {
    let (server, space) = (shared(), "kubeflow-pods");
    let client = client(server, space, Flavour::Kubeflow).await;
    client.submit_application(pi()).await.expect("it is taken");
    let executor = || Role::Executor("1".to_owned());
    let error = no_log(&client, executor()).await;
    assert!(
        error.to_string().contains("no pod of its executor 1"),
        "{error}"
    );

    let labels = json!({
        "sparkoperator.k8s.io/app-name": "pi", "spark-app-name": "pythonpi",
        "spark-role": "executor", "spark-exec-id": "1",
    });
    pod(server, space, "pythonpi-5f-exec-1", &labels);
    let error = no_log(&client, executor()).await;
    assert!(error.to_string().contains("pythonpi-5f-exec-1"), "{error}");

    let info = json!({"podName": "named-otherwise"});
    let status = json!({"driverInfo": info, "applicationState": {"state": "RUNNING"}});
    tell(server, space, Flavour::Kubeflow, &status);
    let error = no_log(&client, Role::Driver).await;
    assert!(
        error.to_string().contains("no pod of its driver"),
        "{error}"
    );
    pod(server, space, "named-otherwise", &json!({}));
    let error = no_log(&client, Role::Driver).await;
    assert!(error.to_string().contains("named-otherwise"), "{error}");
}

#[tokio::test]
async fn apaches_driver_is_found_whatever_its_name() {
    for server in with_apaches() {
        let space = "apache-pods";
        let client = client(server, space, Flavour::Apache).await;
        client.submit_application(pi()).await.expect("it is taken");
        let labels = json!({"spark.operator/spark-app-name": "pi", "spark-role": "driver"});
        pod(server, space, "pi-hashed-driver", &labels);
        let error = no_log(&client, Role::Driver).await;
        assert!(error.to_string().contains("pi-hashed-driver"), "{error}");
    }
}
