//! The Python module `sparkconnect._native`: the client's operations as tasks that Python waits for, what goes in and comes out as JSON.
//! The package around it (`python/sparkconnect`) gives them their shape. Does I/O through the client.

mod client;
mod config;
mod lines;
mod logs;
mod runtime;
mod task;

/// The module.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::logs::Logs;
    #[pymodule_export]
    use super::runtime::interpreter_ends;
    #[pymodule_export]
    use super::task::Task;
}
