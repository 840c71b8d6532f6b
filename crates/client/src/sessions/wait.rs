//! Waits for a session to live, and tells what it waits for. Does I/O: watches the resource and its events.

use std::pin::pin;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Event;
use kube::runtime::watcher::{self, watch_object};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, ResourceExt};
use sparkconnect_api::SparkSession;

use super::info::info;
use crate::{Category, Error, Progress, SessionState, Waiting, kubernetes};

/// What is seen while waiting.
enum Seen {
    Session(Box<SparkSession>),
    Gone,
    Event(Box<Event>),
}

/// Returns the session once it lives.
pub(super) async fn until_ready(
    client: &Client,
    session: &SparkSession,
    waiting: &Waiting,
) -> Result<SparkSession, Error> {
    let subject = format!("SparkSession {}", full_name(session));
    let mut told = None;
    let found = watched(client, session, &subject, waiting, &mut told);
    match waiting.timeout {
        None => found.await,
        Some(timeout) => match tokio::time::timeout(timeout, found).await {
            Ok(found) => found,
            Err(_) => Err(late(&subject, timeout, told.as_ref())),
        },
    }
}

async fn watched(
    client: &Client,
    session: &SparkSession,
    subject: &str,
    waiting: &Waiting,
    told: &mut Option<Progress>,
) -> Result<SparkSession, Error> {
    let mut seen = pin!(stream::select(
        changes(client, session, subject),
        events(client, session)
    ));
    let mut tell = |state: String, message: String| {
        let progress = Progress {
            subject: subject.to_owned(),
            state,
            message,
        };
        if told.as_ref() != Some(&progress) {
            waiting.tell(&progress);
            *told = Some(progress);
        }
    };
    while let Some(seen) = seen.try_next().await? {
        match seen {
            Seen::Event(event) => tell(
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default(),
            ),
            Seen::Gone => return Err(gone(subject)),
            Seen::Session(session) => {
                let info = info(&session);
                match info.state {
                    SessionState::Ready => return Ok(*session),
                    state if state.is_final() => return Err(ended(subject, &session)),
                    _ => tell(info.peer_state.unwrap_or_default(), why(&session)),
                }
            }
        }
    }
    Err(gone(subject))
}

/// The resource as it changes. What a new look may mend is not told.
fn changes<'a>(
    client: &Client,
    session: &SparkSession,
    subject: &'a str,
) -> BoxStream<'a, Result<Seen, Error>> {
    let namespace = session.namespace().unwrap_or_default();
    let sessions: Api<SparkSession> = Api::namespaced(client.clone(), &namespace);
    let mut there = false;
    watch_object(sessions, &session.name_any())
        .filter_map(move |seen| {
            let seen = match seen {
                Ok(Some(session)) => {
                    there = true;
                    Some(Ok(Seen::Session(Box::new(session))))
                }
                // The API server's cache may be behind what was just made.
                Ok(None) => there.then_some(Ok(Seen::Gone)),
                Err(error) => refused(error, subject).map(Err),
            };
            futures::future::ready(seen)
        })
        .boxed()
}

/// Its events. Who may not read them waits without.
fn events(client: &Client, session: &SparkSession) -> BoxStream<'static, Result<Seen, Error>> {
    let namespace = session.namespace().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let uid = session.uid().unwrap_or_default();
    let config = watcher::Config::default().fields(&format!("involvedObject.uid={uid}"));
    watch(events, config)
        .applied_objects()
        .take_while(|seen| futures::future::ready(seen.is_ok()))
        .filter_map(|seen| {
            futures::future::ready(seen.ok().map(|event| Ok(Seen::Event(Box::new(event)))))
        })
        .chain(stream::pending())
        .boxed()
}

/// The error of a watch, where another try is of no use.
fn refused(error: watcher::Error, subject: &str) -> Option<Error> {
    let cause = match error {
        watcher::Error::InitialListFailed(cause)
        | watcher::Error::WatchStartFailed(cause)
        | watcher::Error::WatchFailed(cause) => cause,
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => return None,
    };
    let told = kubernetes::told(cause, &format!("watching {subject}"));
    matches!(
        told.category(),
        Category::PermissionDenied | Category::Unauthenticated
    )
    .then_some(told)
}

/// What a session that does not live yet waits for.
fn why(session: &SparkSession) -> String {
    let told = session.status.as_ref().and_then(|it| it.message.clone());
    told.unwrap_or_else(|| "waiting for the operator to see it".to_owned())
}

fn ended(subject: &str, session: &SparkSession) -> Error {
    let info = info(session);
    let state = info.state.name();
    let message = info.message.unwrap_or_default();
    Error::new(Category::Ended, format!("{subject} is {state}: {message}"))
}

fn gone(subject: &str) -> Error {
    Error::new(Category::Ended, format!("{subject} was deleted"))
}

fn late(subject: &str, timeout: std::time::Duration, told: Option<&Progress>) -> Error {
    let last = match told {
        Some(progress) => progress.message.as_str(),
        None => "nothing was heard of it",
    };
    Error::new(
        Category::TimedOut,
        format!(
            "{subject} was not ready within {} s: {last}",
            timeout.as_secs()
        ),
    )
    .hint("is the operator running, and its server ready? `kubectl sparkconnect doctor` looks")
}

/// `namespace/name`.
pub(super) fn full_name(session: &SparkSession) -> String {
    let namespace = session.namespace().unwrap_or_default();
    format!("{namespace}/{}", session.name_any())
}
