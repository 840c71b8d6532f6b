//! The client with other projects' real programs on the local cluster. Needs root.

mod examples;
mod kubeflow;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use sparkconnect_client::{
    Application, ApplicationState, Category, LogRequest, Progress, Role, SparkClient, Waiting,
};

use crate::kubeflow::Kubeflow;

/// Many times what a job of a minute takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

fn start(test: &str) -> Kubeflow {
    Kubeflow::start(test).unwrap_or_else(|error| panic!("{error}"))
}

/// Looks at an application until `is` holds for it.
async fn until(
    kubeflow: &Kubeflow,
    client: &SparkClient,
    id: &str,
    is: impl Fn(&Application) -> bool,
) -> Application {
    let began = Instant::now();
    loop {
        let seen = client.get_status(id).await.expect("a status");
        if is(&seen) {
            return seen;
        }
        let waits = began.elapsed() < PATIENCE && !seen.state.is_final();
        assert!(waits, "last seen: {seen:?}\n{}", kubeflow.explain());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn lines(client: &SparkClient, id: &str, role: Role) -> Vec<String> {
    let request = LogRequest {
        role,
        follow: true,
        ..LogRequest::default()
    };
    let log = client.get_logs(id, request).await.expect("a log");
    log.try_collect().await.expect("its lines to the end")
}

/// Waits for the end, and returns it with the states that were told on the way.
async fn ended(client: &SparkClient, id: &str) -> (Application, Vec<String>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let waiting = Waiting {
        timeout: Some(PATIENCE),
        progress: Some(Arc::new(move |progress: &Progress| {
            heard.lock().unwrap().push(progress.state.clone());
        })),
    };
    let ended = client.wait(id, &waiting).await.expect("its end");
    let told = told.lock().unwrap().clone();
    (ended, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_to_its_end_by_kubeflows_operator() {
    let kubeflow = start("kubeflow");
    let client = kubeflow.client().await;
    let submitted = client.submit_application(kubeflow.pi("pi", 200)).await;
    assert_eq!(
        submitted.expect("it is taken").state,
        ApplicationState::Submitted
    );
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { ended(&client, "pi").await })
    };

    let running = until(&kubeflow, &client, "pi", |seen| {
        seen.executors.is_some_and(|count| count > 0)
    });
    let running = running.await;
    assert_eq!(running.state, ApplicationState::Running);
    assert!(
        running.spark_application_id.is_some() && running.ui_url.is_some(),
        "{running:?}"
    );
    let (driver, executor) = futures::join!(
        lines(&client, "pi", Role::Driver),
        lines(&client, "pi", Role::Executor("1".to_owned())),
    );
    let pi = driver
        .iter()
        .any(|line| line.starts_with("Pi is roughly 3.1"));
    assert!(pi, "{}", driver.join("\n"));
    let spoke = executor.iter().any(|line| line.contains("Running task"));
    assert!(spoke, "{}", executor.join("\n"));

    let (ended, told) = waiting.await.expect("no panic");
    assert_eq!(
        ended.state,
        ApplicationState::Succeeded,
        "{}",
        kubeflow.explain()
    );
    assert!(ended.ended > ended.submitted, "{ended:?}");
    let mut order = told.iter();
    // What lasts less than the second between two looks, as SUBMITTED may, can be missed.
    for state in ["RUNNING", "COMPLETED"] {
        assert!(order.any(|told| told == state), "{state} in {told:?}");
    }

    let listed = client.list_applications().await.expect("a list");
    assert_eq!(listed, [ended]);
    client
        .delete_application("pi")
        .await
        .expect("it is deleted");
    let gone = client.get_status("pi").await.unwrap_err();
    assert_eq!(gone.category(), Category::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_job_starts_anew_when_it_is_resumed() {
    let kubeflow = start("kubeflow-suspend");
    let client = kubeflow.client().await;
    let submitted = client.submit_application(kubeflow.pi("pi", 200)).await;
    submitted.expect("it is taken");
    let state = |state| move |seen: &Application| seen.state == state;
    until(&kubeflow, &client, "pi", state(ApplicationState::Running)).await;
    client
        .suspend_application("pi")
        .await
        .expect("it is suspended");
    until(&kubeflow, &client, "pi", state(ApplicationState::Suspended)).await;
    client
        .resume_application("pi")
        .await
        .expect("it is resumed");
    let (ended, told) = ended(&client, "pi").await;
    assert_eq!(
        ended.state,
        ApplicationState::Succeeded,
        "{}",
        kubeflow.explain()
    );
    assert!(told.iter().any(|told| told == "RUNNING"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_submitted_says_why() {
    let kubeflow = start("kubeflow-wrong");
    let client = kubeflow.client().await;
    let mut request = kubeflow.pi("pi", 1);
    let master = ("spark.kubernetes.driver.pod.name", "Not_A_Name");
    request
        .spark_conf
        .insert(master.0.to_owned(), master.1.to_owned());
    client
        .submit_application(request)
        .await
        .expect("it is taken");
    let (ended, _) = ended(&client, "pi").await;
    assert_eq!(
        ended.state,
        ApplicationState::Failed,
        "{}",
        kubeflow.explain()
    );
    assert!(ended.message.is_some_and(|message| !message.is_empty()));
}
