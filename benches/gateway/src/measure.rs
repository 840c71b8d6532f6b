//! One proxy, one shape, once: warm up, look, wait, look again. Does I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sparkconnect_testkit::{Error, Result};

use crate::client::{Connection, Target};
use crate::frames::Method;
use crate::load::{Load, Traffic};
use crate::place::{LOAD_CORE, PROXY_CORE};
use crate::shape::{IDLE, Reading};
use crate::usage::{Threads, Ticks, Tree, spent};

/// How long calls go on before they are measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long a proxy is left alone before its memory is looked at.
const REST: Duration = Duration::from_millis(500);

/// What is looked at.
#[derive(Debug)]
pub struct Subject {
    /// Whom to call.
    pub target: Target,
    /// The proxy.
    pub proxy: Tree,
    /// The load and the backend: this process.
    pub load: Tree,
    /// Bytes of requests that have reached the backend.
    pub asked: Arc<AtomicU64>,
}

/// What a look sees.
struct Look {
    at: Instant,
    proxy: Threads,
    load: Threads,
    ticks: [Ticks; 2],
    asked: u64,
    answered: u64,
}

impl Subject {
    /// Calls for as long as `time`, after a time to warm up.
    ///
    /// # Errors
    /// When a call fails, or none ends in time.
    pub async fn busy(&self, traffic: Traffic, time: Duration) -> Result<Reading> {
        let mut load = Load::start(&self.target, traffic).await?;
        load.go_on(WARM_UP).await?;
        drop(load.take_times());
        let before = self.look()?;
        load.go_on(time).await?;
        let mut times = load.take_times();
        let after = self.look()?;
        load.end().await?;
        if times.is_empty() {
            return Err(Error::new(format!(
                "no call of {traffic:?} ended within {time:?}"
            )));
        }
        times.sort_unstable();
        Ok(Reading {
            time: after.at - before.at,
            cpu: spent(&before.proxy, &after.proxy),
            load: spent(&before.load, &after.load),
            busy: [0, 1].map(|core| after.ticks[core].share_since(before.ticks[core])),
            times,
            asked: after.asked - before.asked,
            answered: after.answered - before.answered,
        })
    }

    /// Bytes of memory that a connection takes that has made one call.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn idle(&self) -> Result<f64> {
        let before = self.memory().await?;
        let mut connections = Vec::with_capacity(IDLE);
        for _ in 0..IDLE {
            let connection = Connection::open(&self.target).await?;
            connection.call(Method::Config).await?;
            connections.push(connection);
        }
        let after = self.memory().await?;
        drop(connections);
        Ok((after - before) / IDLE as f64)
    }

    /// Bytes of the proxy's memory.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn memory(&self) -> Result<f64> {
        tokio::time::sleep(REST).await;
        Ok(self.proxy.memory()? as f64)
    }

    fn look(&self) -> Result<Look> {
        Ok(Look {
            at: Instant::now(),
            proxy: self.proxy.threads()?,
            load: self.load.threads()?,
            ticks: [Ticks::of(PROXY_CORE)?, Ticks::of(LOAD_CORE)?],
            asked: self.asked.load(Ordering::Relaxed),
            answered: self.target.received.load(Ordering::Relaxed),
        })
    }
}
