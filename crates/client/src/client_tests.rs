use std::collections::VecDeque;
use std::sync::Mutex;

use futures::FutureExt;

use super::*;
use crate::{Answer, ApplicationState, Operation};

/// Answers from a list; tells that there is nothing more by failing.
#[derive(Debug)]
struct Told(Mutex<VecDeque<Result<&'static str, Category>>>);

fn told(answers: impl IntoIterator<Item = Result<&'static str, Category>>) -> SparkClient {
    SparkClient::new(Told(Mutex::new(answers.into_iter().collect())))
}

impl Backend for Told {
    fn kind(&self) -> BackendKind {
        BackendKind::Operator
    }

    fn get_status<'a>(&'a self, id: &'a str) -> Answer<'a, Application> {
        let next = self
            .0
            .lock()
            .unwrap()
            .pop_front()
            .expect("one look too many");
        let answer = next.map(|state| Application {
            id: id.to_owned(),
            name: None,
            namespace: None,
            state: match state {
                "COMPLETED" => ApplicationState::Succeeded,
                _ => ApplicationState::Running,
            },
            peer_state: Some(state.to_owned()),
            message: None,
            spark_application_id: None,
            ui_url: None,
            submitted: None,
            ended: None,
            executors: None,
        });
        let answer = answer.map_err(|category| Error::new(category, "no"));
        futures::future::ready(answer).boxed()
    }
}

/// Tells into a list.
fn listening(timeout: Option<Duration>) -> (Waiting, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let waiting = Waiting {
        timeout,
        progress: Some(Arc::new(move |progress: &Progress| {
            told.lock().unwrap().push(progress.state.clone());
        })),
    };
    (waiting, heard)
}

#[tokio::test(start_paused = true)]
async fn waiting_outlives_a_silence_and_tells_each_change_once() {
    let answers = [
        Ok("SUBMITTED"),
        Ok("SUBMITTED"),
        Err(Category::Unavailable),
        Ok("RUNNING"),
        Ok("COMPLETED"),
    ];
    let (waiting, heard) = listening(None);
    let ended = told(answers).wait("pi", &waiting).await.unwrap();
    assert_eq!(ended.state, ApplicationState::Succeeded);
    assert_eq!(
        *heard.lock().unwrap(),
        ["SUBMITTED", "RUNNING", "COMPLETED"]
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_what_waiting_cannot_mend() {
    let client = told([Ok("RUNNING"), Err(Category::NotFound)]);
    let error = client.wait("pi", &Waiting::default()).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound);

    let silent = (0..=PATIENCE).map(|_| Err(Category::Unavailable));
    let error = told(silent).wait("pi", &Waiting::default()).await;
    assert_eq!(error.unwrap_err().category(), Category::Unavailable);

    let client = told([Ok("RUNNING")]);
    let error = client.wait("pi", &Waiting::at_most(Duration::ZERO)).await;
    let error = error.unwrap_err();
    assert_eq!(error.category(), Category::TimedOut);
    assert!(error.to_string().contains("RUNNING"), "{error}");
}

#[tokio::test]
async fn what_a_back_end_does_not_define_it_refuses() {
    let client = told([]);
    let error = client.list_sessions().await.unwrap_err();
    assert_eq!(error.category(), Category::Unsupported);
    assert!(
        error
            .to_string()
            .contains(&Operation::ListSessions.to_string()),
        "{error}"
    );
}
