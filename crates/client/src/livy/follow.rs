//! The lines of a batch's log as they come. Does I/O: asks Livy again and again, for it has no way to be told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde::Deserialize;

use super::batch::State;
use super::log::Seen;
use super::rest::Rest;
use crate::{Category, Error, LogRequest, LogStream, Role};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// More lines than Livy keeps.
const ALL: u32 = 1_000_000;

#[derive(Deserialize)]
struct Log {
    log: Vec<String>,
}

/// The lines of the log at `path`.
pub(super) async fn lines(
    rest: Arc<Rest>,
    path: String,
    request: LogRequest,
) -> Result<LogStream, Error> {
    check(&request)?;
    let mut follower = Follower {
        rest,
        path,
        seen: Seen::default(),
        told: VecDeque::new(),
        ended: false,
    };
    follower.look().await?;
    follower.ended |= !request.follow;
    if let Some(tail) = request.tail.and_then(|tail| usize::try_from(tail).ok()) {
        let before = follower.told.len().saturating_sub(tail);
        follower.told.drain(..before);
    }
    let lines = stream::try_unfold(follower, |mut follower| async {
        let line = follower.next().await?;
        Ok(line.map(|line| (line, follower)))
    });
    Ok(lines.boxed())
}

fn check(request: &LogRequest) -> Result<(), Error> {
    let refused = |message: &str| Err(Error::new(Category::InvalidInput, message));
    if let Role::Executor(_) = request.role {
        return refused("Livy has no log of an executor (`role`)").map_err(|error| {
            error.hint("the application's UI (`ui_url`) leads to them, where there is one")
        });
    }
    if request.previous {
        return refused("Livy has no log of an earlier run (`previous`)")
            .map_err(|error| error.hint("Livy starts no batch again; leave it out"));
    }
    Ok(())
}

struct Follower {
    rest: Arc<Rest>,
    path: String,
    seen: Seen,
    /// Lines that were read, and are not given yet.
    told: VecDeque<String>,
    /// Whether nothing is read any more.
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Result<Option<String>, Error> {
        while self.told.is_empty() && !self.ended {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await.map_err(deleted)?;
        }
        Ok(self.told.pop_front())
    }

    /// The state is asked for first: Livy says that a batch has ended when it has read all that the batch wrote.
    async fn look(&mut self) -> Result<(), Error> {
        let path = &self.path;
        let doing = "reading the log of the batch";
        let state: State = self.rest.get(&format!("{path}/state"), doing).await?;
        let log = format!("{path}/log?from=0&size={ALL}");
        let log: Log = self.rest.get(&log, doing).await?;
        self.told.extend(self.seen.new_lines(log.log));
        self.ended = state.is_final();
        Ok(())
    }
}

/// It was there at the first look.
fn deleted(error: Error) -> Error {
    if error.category() != Category::NotFound {
        return error;
    }
    let message = "the batch was deleted while its log was followed";
    Error::new(Category::Ended, message).caused_by(error)
}
