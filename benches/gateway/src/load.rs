//! Calls that follow each other for as long as they are wanted. Does I/O.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sparkconnect_testkit::{Error, Result};
use tokio::task::{JoinError, JoinSet};

use crate::client::{Connection, Target};
use crate::frames::Method;

/// How much is called at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// What is called.
    pub method: Method,
    /// Over how many connections.
    pub connections: usize,
    /// How many calls are under way on each.
    pub calls: usize,
}

/// Calls under way; they break off with this value.
#[derive(Debug)]
pub struct Load {
    callers: JoinSet<Result<()>>,
    kept: Arc<Kept>,
}

/// What callers share.
#[derive(Debug, Default)]
struct Kept {
    times: Mutex<Vec<Duration>>,
    over: AtomicBool,
}

impl Load {
    /// Begins to call.
    ///
    /// # Errors
    /// When a connection cannot be made.
    pub async fn start(target: &Target, traffic: Traffic) -> Result<Self> {
        let mut callers = JoinSet::new();
        let kept = Arc::default();
        for _ in 0..traffic.connections {
            let connection = Connection::open(target).await?;
            for _ in 0..traffic.calls {
                let connection = connection.clone();
                callers.spawn(call(connection, traffic.method, Arc::clone(&kept)));
            }
        }
        Ok(Self { callers, kept })
    }

    /// Goes on for as long as `time`.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn go_on(&mut self, time: Duration) -> Result<()> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            Some(ended) = self.callers.join_next() => Err(failure(ended)),
        }
    }

    /// Has every caller end with the call that it is at: a proxy would take calls that break off for an attack.
    ///
    /// # Errors
    /// When one of these fails.
    pub async fn end(mut self) -> Result<()> {
        self.kept.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.callers.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                failed => return Err(failure(failed)),
            }
        }
        Ok(())
    }

    /// How long each call took that ended since this was asked the last time.
    pub fn take_times(&self) -> Vec<Duration> {
        std::mem::take(&mut self.kept.lock())
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn call(connection: Connection, method: Method, kept: Arc<Kept>) -> Result<()> {
    while !kept.over.load(Ordering::Relaxed) {
        let began = Instant::now();
        connection.call(method).await?;
        kept.lock().push(began.elapsed());
    }
    Ok(())
}

fn failure(ended: Result<Result<()>, JoinError>) -> Error {
    match ended {
        Ok(Err(error)) => error,
        Ok(Ok(())) => Error::new("a caller ended by itself"),
        Err(error) => Error::new(format!("a caller ended: {error}")),
    }
}
