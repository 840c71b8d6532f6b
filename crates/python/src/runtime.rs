//! The threads that operations run on: one runtime a process, made when it is first needed; and their door into Python. Starts threads.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

/// What the process has that made it: threads do not follow a fork.
struct Threads {
    process: u32,
    runtime: Runtime,
    door: Arc<Door>,
}

// Held by threads of Python only, who hold the interpreter too: so it is free whenever one of them forks.
static THREADS: Mutex<Option<Threads>> = Mutex::new(None);

/// The way into Python for threads that are not its own. One that is in Python when the interpreter ends would end the process with it.
#[derive(Debug, Default)]
pub(crate) struct Door {
    closed: RwLock<bool>,
}

impl Door {
    /// Calls `inside` with the interpreter, unless that has ended.
    pub(crate) fn enter(&self, inside: impl FnOnce(Python<'_>)) {
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if !*closed {
            Python::attach(inside);
        }
    }

    /// Waits until nobody is inside, and lets nobody in from now on.
    fn close(&self) {
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// This process' runtime, and the door of its threads.
pub(crate) fn handle() -> io::Result<(Handle, Arc<Door>)> {
    let mut threads = threads();
    if let Some(Threads {
        process,
        runtime,
        door,
    }) = &*threads
        && *process == std::process::id()
    {
        return Ok((runtime.handle().clone(), Arc::clone(door)));
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sparkconnect")
        .enable_all()
        .build()?;
    let (handle, door) = (runtime.handle().clone(), Arc::<Door>::default());
    let made = Threads {
        process: std::process::id(),
        runtime,
        door: Arc::clone(&door),
    };
    // One that came by a fork has no threads to end, and would wait for them.
    if let Some(forked) = threads.replace(made) {
        std::mem::forget(forked);
    }
    Ok((handle, door))
}

/// Has no thread of this module in Python from now on: the interpreter ends.
#[pyfunction]
pub(crate) fn interpreter_ends(py: Python<'_>) {
    let door = threads().as_ref().and_then(|threads| {
        let own = threads.process == std::process::id();
        own.then(|| Arc::clone(&threads.door))
    });
    if let Some(door) = door {
        py.detach(|| door.close());
    }
}

fn threads() -> MutexGuard<'static, Option<Threads>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}
