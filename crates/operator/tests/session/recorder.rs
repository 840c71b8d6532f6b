//! A client of the API server that records every call, and whose process may be made to die before or after any of them.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tower::BoxError;

/// Where the process dies: no call after that gets through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Before the call of this number is sent.
    Before(usize),
    /// After the call of this number has taken effect, before its answer arrives.
    After(usize),
}

/// The calls so far.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    cut: Option<Cut>,
}

enum Fate {
    Answered,
    Unanswered,
    Unsent,
}

impl Recorder {
    /// Of a process that dies at `cut`.
    pub(crate) fn cut(cut: Cut) -> Self {
        Self {
            cut: Some(cut),
            ..Self::default()
        }
    }

    /// A client that is recorded here.
    pub(crate) fn client(&self, inner: Client) -> Client {
        let recorder = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (inner, fate) = (inner.clone(), recorder.note(&request));
            async move { answer(inner, request, fate).await }
        });
        Client::new(service, "default")
    }

    /// The calls since the last time, as `PATCH sparksessions/nb/status`.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// The calls from the one of this number on.
    pub(crate) fn since(&self, number: usize) -> Vec<String> {
        self.calls.lock().unwrap()[number..].to_vec()
    }

    /// How many calls there were, whatever became of them.
    pub(crate) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    fn note(&self, request: &Request<Body>) -> Fate {
        let mut calls = self.calls.lock().unwrap();
        let number = calls.len();
        calls.push(describe(request));
        match self.cut {
            Some(Cut::Before(cut)) if number >= cut => Fate::Unsent,
            Some(Cut::After(cut)) if number == cut => Fate::Unanswered,
            Some(Cut::After(cut)) if number > cut => Fate::Unsent,
            _ => Fate::Answered,
        }
    }
}

async fn answer(
    client: Client,
    request: Request<Body>,
    fate: Fate,
) -> Result<Response<Body>, BoxError> {
    let died = || BoxError::from("the process died here");
    match fate {
        Fate::Answered => Ok(client.send(request).await?),
        Fate::Unanswered => {
            client.send(request).await?;
            Err(died())
        }
        Fate::Unsent => Err(died()),
    }
}

/// Whether a call changes something.
pub(crate) fn is_write(call: &str) -> bool {
    !call.starts_with(Method::GET.as_str())
}

fn describe(request: &Request<Body>) -> String {
    let path = request.uri().path();
    let place = path
        .split_once("/namespaces/")
        .map_or(path, |(_, place)| place);
    let place = place.split_once('/').map_or(place, |(_, place)| place);
    format!("{} {place}", request.method())
}
