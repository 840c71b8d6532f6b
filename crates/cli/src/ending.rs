//! The signals by which a person or the system ends this program. Does I/O: listens for them.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// How this program is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Ctrl-C at the terminal: SIGINT, which every program of the terminal gets.
    Interrupted,
    /// SIGTERM, or SIGHUP: the terminal is gone.
    Terminated,
}

/// Listens; from here on the signals do not end this program by themselves.
#[derive(Debug)]
pub(crate) struct Endings {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Endings {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::no_runtime);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Terminated,
            _ = self.hang_up.recv() => Ending::Terminated,
        }
    }
}
