//! The threads that operations run on: one runtime a process, made when it is first needed. Starts threads.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime of the process that made it: threads do not follow a fork.
static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

/// This process' runtime.
pub(crate) fn handle() -> io::Result<Handle> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((made_by, runtime)) = &*runtime
        && *made_by == process
    {
        return Ok(runtime.handle().clone());
    }
    let new = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sparkconnect")
        .enable_all()
        .build()?;
    let handle = new.handle().clone();
    // One that came by a fork has no threads to end, and would wait for them.
    if let Some((_, forked)) = runtime.replace((process, new)) {
        std::mem::forget(forked);
    }
    Ok(handle)
}
