//! The user's wish to end: Ctrl-C, or the system's to end a process. Does I/O: takes signals.

use sparkconnect_client::{Category, Error as ClientError};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Takes signals from when it is made.
#[derive(Debug)]
pub(crate) struct Interrupt {
    terminal: Signal,
    system: Signal,
}

impl Interrupt {
    /// From now on such a signal does not end the process by itself.
    pub(crate) fn listen() -> Result<Self, Error> {
        let taken = |kind| {
            signal(kind).map_err(|error| {
                ClientError::new(Category::Failed, "the system gives no signals").caused_by(error)
            })
        };
        Ok(Self {
            terminal: taken(SignalKind::interrupt())?,
            system: taken(SignalKind::terminate())?,
        })
    }

    /// Returns when there is one.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminal.recv() => {}
            _ = self.system.recv() => {}
        }
    }
}
