//! The harness of the tests of the whole: the product on the local cluster, installed once, a namespace a test, and PySpark
//! on this machine, which reaches sessions as their URLs say: through the gateway, over TLS. Needs root; does I/O through kubectl, containerd and Python.
//!
//! Everything here panics on failure, with what was seen: it is for tests only.

mod environment;
pub mod http;
mod namespace;
mod objects;
mod processes;
mod shell;
mod until;
mod wait;

pub use environment::{Environment, Turn, environment};
pub use namespace::Namespace;
pub use objects::{server_local, server_with_executors, session};
pub use processes::signal;
pub use rustix::process::Signal;
pub use shell::{Remote, Shell};
pub use wait::{LONG, eventually};
