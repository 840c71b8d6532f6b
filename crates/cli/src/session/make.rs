//! A session made for one who may not wait for it. Does I/O through the client.

use std::sync::Arc;
use std::time::Duration;

use sparkconnect_client::{Category, Progress, Session, SessionRequest, SparkClient, Waiting};
use tokio::sync::watch;

use crate::context::Context;
use crate::ending::Endings;
use crate::error::Error;
use crate::terminal::{self, Spinner};

/// Makes it, and takes it back when that is interrupted; one that cannot be made the client has taken back. Whoever interrupts twice does
/// not wait for that.
pub(crate) async fn session(
    context: &Context,
    client: &SparkClient,
    request: SessionRequest,
    timeout: Duration,
    endings: &mut Endings,
) -> Result<Session, Error> {
    let spinner = Spinner::start("Making a session");
    let (waiting, mut named) = naming(&context.waiting(&spinner, Some(timeout)));
    let mut made = Box::pin(client.create_session(request, &waiting));
    tokio::select! {
        made = &mut made => return Ok(made?),
        _ = endings.next() => {}
    }
    // What was asked of the API server may still be done: the first news of it has its name.
    let name = tokio::select! {
        made = &mut made => made?.info.name,
        heard = named.wait_for(Option::is_some) => heard.ok().and_then(|name| name.clone()),
        _ = endings.next() => None,
    };
    drop(made);
    drop(spinner);
    if let Some(name) = name {
        tokio::select! {
            taken_back = take_back(client, &name) => taken_back?,
            _ = endings.next() => {}
        }
    }
    Err(Error::Interrupted)
}

/// The client does that in a task of its own, which would end with this program.
async fn take_back(client: &SparkClient, name: &str) -> Result<(), Error> {
    match client.close_session(name).await {
        Err(error) if error.category() != Category::NotFound => Err(error.into()),
        Ok(()) | Err(_) => {
            terminal::note(&format!("Interrupted: the session {name} was taken back."));
            Ok(())
        }
    }
}

/// The same wait, and the name of what is waited for once that is known.
fn naming(waiting: &Waiting) -> (Waiting, watch::Receiver<Option<String>>) {
    let (tell, named) = watch::channel(None);
    let known = waiting.progress.clone();
    let progress = move |progress: &Progress| {
        tell.send_replace(name_in(&progress.subject));
        if let Some(known) = &known {
            known(progress);
        }
    };
    let waiting = Waiting {
        timeout: waiting.timeout,
        progress: Some(Arc::new(progress)),
    };
    (waiting, named)
}

/// The name in `SparkSession team/ada`.
fn name_in(subject: &str) -> Option<String> {
    let (_, name) = subject.rsplit_once('/')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_known_from_the_first_news() {
        let (waiting, named) = naming(&Waiting::default());
        assert_eq!(*named.borrow(), None);
        waiting.tell(&Progress {
            subject: "SparkSession team/ada".to_owned(),
            state: "Pending".to_owned(),
            message: String::new(),
        });
        assert_eq!(named.borrow().as_deref(), Some("ada"));
    }
}
