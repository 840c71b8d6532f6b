//! The threads that serve clients, each with a runtime of its own: a connection, its calls and their way on to replicas stay on one
//! thread. Calls that are ready together are then written together, and no thread has to wake another for each of them. Starts threads.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures::FutureExt;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::upstream::Upstreams;

/// The threads. They end with this value, and all that still runs on them.
#[derive(Debug)]
pub struct Workers {
    all: Vec<Worker>,
    _end: DropGuard,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// Connections from this thread to replicas.
    upstreams: Arc<Upstreams>,
    connections: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts so many threads, each with its own of what `upstreams` makes.
    ///
    /// # Errors
    /// When the system has no more threads or files.
    pub fn start(threads: NonZeroUsize, upstreams: impl Fn() -> Upstreams) -> io::Result<Self> {
        let end = CancellationToken::new();
        let all = (0..threads.get())
            .map(|number| Worker::start(number, upstreams(), end.clone()))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            all,
            _end: end.drop_guard(),
        })
    }

    /// Serves one more connection on the thread that has the fewest.
    pub fn spawn<F>(&self, tasks: &TaskTracker, connection: impl FnOnce(Arc<Upstreams>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let load = |worker: &&Worker| worker.connections.load(Ordering::Relaxed);
        let Some(worker) = self.all.iter().min_by_key(load) else {
            return; // there is one at the least
        };
        worker.connections.fetch_add(1, Ordering::Relaxed);
        let one = One(Arc::clone(&worker.connections));
        // Not awaited by a block of its own, which would have room for it twice.
        let connection = connection(Arc::clone(&worker.upstreams)).map(|()| drop(one));
        tasks.spawn_on(connection, &worker.runtime);
    }
}

impl Worker {
    fn start(number: usize, upstreams: Upstreams, end: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name(format!("serve-{number}"))
            .spawn(move || runtime.block_on(end.cancelled()))?;
        Ok(Self {
            runtime: handle,
            upstreams: Arc::new(upstreams),
            connections: Arc::default(),
        })
    }
}

/// A connection of a thread, until this is dropped.
struct One(Arc<AtomicUsize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::settings::WINDOWS;

    fn workers(threads: usize) -> Workers {
        let upstreams = || Upstreams::new(WINDOWS, Duration::from_secs(1), Arc::default());
        Workers::start(NonZeroUsize::new(threads).unwrap(), upstreams).unwrap()
    }

    fn name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_connection_goes_where_the_fewest_are() {
        let (workers, tasks) = (workers(2), TaskTracker::new());
        let (told, mut names) = mpsc::unbounded_channel();
        let begin = || {
            let (told, (release, released)) = (told.clone(), oneshot::channel::<()>());
            workers.spawn(&tasks, |_| async move {
                told.send(name()).unwrap();
                let _ = released.await;
                told.send("ended".to_owned()).unwrap();
            });
            release
        };
        let (first, _second) = (begin(), begin());
        let mut both = [names.recv().await.unwrap(), names.recv().await.unwrap()];
        both.sort();
        assert_eq!(both, ["serve-0", "serve-1"]);
        drop(first);
        assert_eq!(names.recv().await.unwrap(), "ended");
        tokio::time::timeout(Duration::from_secs(20), async {
            while workers.all[0].connections.load(Ordering::Relaxed) > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the first has ended on its thread");
        let _third = begin();
        assert_eq!(names.recv().await.unwrap(), "serve-0");
    }

    #[tokio::test]
    async fn what_runs_ends_with_the_threads() {
        let (workers, tasks) = (workers(1), TaskTracker::new());
        let (held, dropped) = oneshot::channel::<()>();
        workers.spawn(&tasks, |_| async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(workers);
        let ended = tokio::time::timeout(Duration::from_secs(20), dropped).await;
        assert!(ended.expect("the task has ended").is_err());
    }
}
