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
    hang_up: Option<Signal>,
}

impl Endings {
    /// Begins to listen. Where the terminal goes, the process ends, or goes on under nohup, as ever.
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::no_runtime);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: None,
        })
    }

    /// The same of one that has something to put in order also when its terminal goes.
    pub(crate) fn listen_to_all() -> Result<Self, Error> {
        let hang_up = signal(SignalKind::hangup()).map_err(Error::no_runtime)?;
        Ok(Self {
            hang_up: Some(hang_up),
            ..Self::listen()?
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Terminated,
            () = hung_up(&mut self.hang_up) => Ending::Terminated,
        }
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
