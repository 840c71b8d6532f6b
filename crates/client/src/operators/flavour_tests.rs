use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::{DriverResources, ExecutorResources};

fn least() -> ApplicationRequest {
    ApplicationRequest {
        name: "pi".to_owned(),
        main_file: "local:///opt/spark/examples/src/main/python/pi.py".to_owned(),
        spark_version: Some("4.1.4".to_owned()),
        ..ApplicationRequest::default()
    }
}

/// Everything that both operators have.
fn whole() -> ApplicationRequest {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let some = |text: &str| Some(text.to_owned());
    ApplicationRequest {
        arguments: list(&["10", "a b"]),
        image: some("registry.example/spark:4.1.4"),
        image_pull_policy: some("IfNotPresent"),
        image_pull_secrets: list(&["pull-a", "pull-b"]),
        spark_conf: map("spark.sql.shuffle.partitions", "8"),
        hadoop_conf: map("fs.s3a.path.style.access", "true"),
        jars: list(&["local:///jars/a.jar", "local:///jars/b.jar"]),
        py_files: list(&["local:///py/a.zip", "local:///py/b.py"]),
        files: list(&["local:///files/a.csv"]),
        archives: list(&["local:///archives/env.tar.gz#env"]),
        packages: list(&["org.example:a:1.0"]),
        driver: DriverResources {
            cores: Some(1),
            memory: some("1g"),
            memory_overhead: some("256m"),
            service_account: some("spark"),
            env: map("STAGE", "test"),
        },
        executor: ExecutorResources {
            instances: Some(2),
            bounds: None,
            cores: Some(2),
            memory: some("2g"),
            memory_overhead: some("512m"),
            env: map("ROLE", "worker"),
        },
        proxy_user: some("ada"),
        retries: 3,
        ttl: Some(Duration::from_secs(3600)),
        labels: map("team", "data"),
        ..least()
    }
}

fn jar() -> ApplicationRequest {
    ApplicationRequest {
        main_file: "local:///opt/etl.jar".to_owned(),
        main_class: Some("org.example.Etl".to_owned()),
        jars: vec!["local:///jars/a.jar".to_owned()],
        executor: ExecutorResources {
            bounds: Some((1, 5)),
            ..ExecutorResources::default()
        },
        ..least()
    }
}

#[test]
fn every_spec_is_as_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for flavour in Flavour::ALL {
        for (name, request) in [("least", least()), ("whole", whole()), ("jar", jar())] {
            let object = flavour.object(request).unwrap();
            let text = serde_json::to_string_pretty(&object).unwrap();
            settings.bind(|| insta::assert_snapshot!(format!("{flavour}-{name}"), text));
        }
    }
}

fn refusal(flavour: Flavour, change: impl FnOnce(&mut ApplicationRequest)) -> String {
    let mut request = least();
    change(&mut request);
    let error = flavour.object(request).unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput, "{error}");
    error.to_string()
}

#[test]
fn what_cannot_be_said_is_refused_by_its_name() {
    type Change = fn(&mut ApplicationRequest);
    let cases: [(&str, Change); 9] = [
        ("`name`", |request| request.name.clear()),
        ("`main_file`", |request| request.main_file.clear()),
        ("`spark_version`", |request| request.spark_version = None),
        ("`main_class`", |request| {
            request.main_class = Some("org.example.Etl".to_owned());
        }),
        ("`executor.instances`", |request| {
            request.executor.instances = Some(1);
            request.executor.bounds = Some((1, 2));
        }),
        ("`executor.bounds`", |request| {
            request.executor.bounds = Some((2, 1));
        }),
        ("`files`", |request| request.files = vec!["a,b".to_owned()]),
        ("`driver.env`", |request| {
            request.driver.env.insert("A".to_owned(), "1".to_owned());
            let setting = "spark.kubernetes.driverEnv.A".to_owned();
            request.spark_conf.insert(setting, "2".to_owned());
        }),
        ("`ttl`", |request| {
            request.ttl = Some(Duration::from_nanos(1_000_000_001));
        }),
    ];
    for flavour in Flavour::ALL {
        for (field, change) in cases {
            let told = refusal(flavour, change);
            assert!(told.contains(field), "{told}");
        }
    }
}

#[test]
fn only_kubeflows_operator_has_queues() {
    let queue = |request: &mut ApplicationRequest| request.queue = Some("research".to_owned());
    assert!(refusal(Flavour::Apache, queue).contains("`queue`"));
    let mut request = least();
    queue(&mut request);
    let object = Flavour::Kubeflow.object(request).unwrap();
    let options = &object.data["spec"]["batchSchedulerOptions"];
    assert_eq!(options, &json!({"queue": "research"}));
}

/// A resource with this status.
fn with(flavour: Flavour, status: &Value) -> DynamicObject {
    let mut object = DynamicObject::new("pi", &flavour.resource());
    object.data = json!({ "status": status });
    object
}

fn kubeflow(state: &str) -> Application {
    let status = json!({"driverInfo": {}, "applicationState": {"state": state}});
    let object = with(Flavour::Kubeflow, &status);
    Flavour::Kubeflow.application(&object).unwrap()
}

#[test]
fn only_two_of_kubeflows_states_are_final() {
    use ApplicationState::{Failed, Running, Submitted, Succeeded, Suspended, Unknown};
    for (state, meaning) in [
        ("", Submitted),
        ("SUBMITTED", Submitted),
        ("RUNNING", Running),
        ("SUCCEEDING", Running),
        ("COMPLETED", Succeeded),
        ("FAILING", Running),
        ("FAILED", Failed),
        ("SUBMISSION_FAILED", Submitted),
        ("PENDING_RERUN", Submitted),
        ("INVALIDATING", Submitted),
        ("UNKNOWN", Unknown),
        ("SUSPENDING", Running),
        ("SUSPENDED", Suspended),
        ("RESUMING", Submitted),
        ("INVENTED_LATER", Unknown),
    ] {
        let told = kubeflow(state);
        assert_eq!(told.state, meaning, "{state}");
        assert_eq!(told.peer_state.unwrap_or_default(), state);
        let ends = matches!(state, "COMPLETED" | "FAILED");
        assert_eq!(meaning.is_final(), ends, "{state}");
    }
}

#[test]
fn before_the_operator_wrote_a_status_nothing_is_made_up() {
    for flavour in Flavour::ALL {
        let object = DynamicObject::new("pi", &flavour.resource()).data(json!({"spec": {}}));
        let told = flavour.application(&object).unwrap();
        assert_eq!(told, untold(&object));
        assert_eq!(told.state, ApplicationState::Submitted);
    }
    let object = with(Flavour::Kubeflow, &Value::Null);
    assert_eq!(
        Flavour::Kubeflow.place(&object, &Role::Driver).unwrap(),
        None
    );
}

#[test]
fn the_address_of_an_ingress_is_preferred() {
    let url = |info: Value| {
        let status = json!({"driverInfo": info});
        let object = with(Flavour::Kubeflow, &status);
        Flavour::Kubeflow.application(&object).unwrap().ui_url
    };
    let service = json!({"webUIAddress": "198.18.32.7:4040"});
    assert_eq!(url(service).as_deref(), Some("http://198.18.32.7:4040"));
    let both = json!({
        "webUIAddress": "198.18.32.7:4040", "webUIIngressAddress": "https://spark.example/pi",
    });
    assert_eq!(url(both).as_deref(), Some("https://spark.example/pi"));
    assert_eq!(url(json!({"webUIAddress": ""})), None);
}

/// Apache's status after these states.
fn apache(states: &[&str]) -> Application {
    let state = |summary: &str| {
        json!({
            "currentStateSummary": summary,
            "lastTransitionTime": "2026-11-27T10:00:00.123456Z",
            "message": format!("it is {summary}"),
        })
    };
    let history = states.iter().enumerate();
    let history = history.map(|(at, summary)| (at.to_string(), state(summary)));
    let status = json!({
        "currentState": state(states.last().unwrap()),
        "stateTransitionHistory": history.collect::<serde_json::Map<_, _>>(),
    });
    let object = with(Flavour::Apache, &status);
    Flavour::Apache.application(&object).unwrap()
}

#[test]
fn apaches_end_is_told_by_the_history() {
    use ApplicationState::{Cancelled, Failed, Succeeded};
    let run = ["Submitted", "DriverRequested", "RunningHealthy"];
    for (rest, meaning, message) in [
        (
            ["Succeeded", "ResourceReleased"],
            Succeeded,
            "it is Succeeded",
        ),
        (["Failed", "ResourceReleased"], Failed, "it is Failed"),
        (
            ["DriverEvicted", "ResourceReleased"],
            Failed,
            "it is DriverEvicted",
        ),
        (
            [
                "ExecutorsStartTimedOut",
                "TerminatedWithoutReleaseResources",
            ],
            Failed,
            "it is ExecutorsStartTimedOut",
        ),
        (
            ["RunningHealthy", "ResourceReleased"],
            Cancelled,
            "it is ResourceReleased",
        ),
    ] {
        let told = apache(&[&run[..], &rest].concat());
        assert_eq!(told.state, meaning, "{rest:?}");
        assert_eq!(told.peer_state.as_deref(), Some(rest[1]));
        assert_eq!(told.message.as_deref(), Some(message));
        assert!(told.ended.is_some());
    }
}

#[test]
fn the_tenth_entry_of_the_history_comes_after_the_ninth() {
    // As texts, `10` and `11` come before `9`: the failure would be found first.
    let states = [
        "Submitted",
        "DriverRequested",
        "DriverStarted",
        "DriverReady",
        "RunningHealthy",
        "RunningWithPartialCapacity",
        "RunningHealthy",
        "RunningWithPartialCapacity",
        "RunningHealthy",
        "Failed",
        "Succeeded",
        "ResourceReleased",
    ];
    assert_eq!(apache(&states).state, ApplicationState::Succeeded);
}

#[test]
fn an_earlier_attempt_says_nothing_of_the_last() {
    let states = [
        "Submitted",
        "RunningHealthy",
        "Failed",
        "ScheduledToRestart",
        "DriverRequested",
        "ResourceReleased",
    ];
    assert_eq!(apache(&states).state, ApplicationState::Cancelled);
}

#[test]
fn none_of_apaches_other_states_is_final() {
    use ApplicationState::{Running, Submitted, Unknown};
    for (state, meaning) in [
        ("Submitted", Submitted),
        ("ScheduledToRestart", Submitted),
        ("DriverRequested", Submitted),
        ("DriverStarted", Running),
        ("DriverReady", Running),
        ("InitializedBelowThresholdExecutors", Running),
        ("RunningHealthy", Running),
        ("RunningWithPartialCapacity", Running),
        ("RunningWithBelowThresholdExecutors", Running),
        ("DriverStartTimedOut", Submitted),
        ("ExecutorsStartTimedOut", Running),
        ("DriverReadyTimedOut", Running),
        ("Succeeded", Running),
        ("Failed", Running),
        ("SchedulingFailure", Submitted),
        ("DriverEvicted", Running),
        ("InventedLater", Unknown),
    ] {
        let told = apache(&[state]);
        assert_eq!(told.state, meaning, "{state}");
        assert!(!told.state.is_final() && told.ended.is_none(), "{state}");
    }
}

#[test]
fn executors_are_found_by_labels_and_their_number() {
    let role = |number: &str| Role::Executor(number.to_owned());
    for (flavour, label) in [
        (Flavour::Kubeflow, "sparkoperator.k8s.io/app-name=pi"),
        (Flavour::Apache, "spark.operator/spark-app-name=pi"),
    ] {
        let object = DynamicObject::new("pi", &flavour.resource());
        let place = flavour.place(&object, &role("2")).unwrap();
        let labels = format!("{label},spark-role=executor,spark-exec-id=2");
        assert_eq!(place, Some(Place::Labels(labels)));
        // It must not get further into the selector.
        let error = flavour.place(&object, &role("2,x=y")).unwrap_err();
        assert_eq!(error.category(), Category::InvalidInput);
    }
}

#[test]
fn a_status_that_is_none_says_so() {
    let object = with(Flavour::Kubeflow, &json!({"applicationState": "RUNNING"}));
    let error = Flavour::Kubeflow.application(&object).unwrap_err();
    assert_eq!(error.category(), Category::Protocol);
}
