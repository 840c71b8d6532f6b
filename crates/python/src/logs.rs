//! A log as Python reads it: some lines at a time. Does I/O through the client.

use std::sync::Arc;

use pyo3::prelude::*;
use serde::Deserialize;
use sparkconnect_client::{Error, LogRequest, Role, SparkClient};
use tokio::sync::Mutex;

use crate::lines::Lines;
use crate::task::{Task, parsed};

/// A log, opened when it is first read.
#[pyclass(frozen)]
#[derive(Debug)]
pub(crate) struct Logs {
    open: Arc<Mutex<Open>>,
}

/// What is asked for, as the package writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    executor_id: Option<String>,
    follow: bool,
    previous: bool,
    tail: Option<u32>,
}

struct Open {
    client: SparkClient,
    id: String,
    /// JSON of a [`Request`].
    request: String,
    lines: Option<Lines>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Logs {
    pub(crate) fn new(client: SparkClient, id: String, request: String) -> Self {
        Self {
            open: Arc::new(Mutex::new(Open {
                client,
                id,
                request,
                lines: None,
            })),
        }
    }
}

#[pymethods]
impl Logs {
    /// A task that comes to a list of lines, or to `null` at the end.
    fn more(&self) -> PyResult<Task> {
        let open = Arc::clone(&self.open);
        Task::begin(async move {
            let open = &mut *open.lock().await;
            let lines = match &mut open.lines {
                Some(lines) => lines,
                None => {
                    let log = open
                        .client
                        .get_logs(&open.id, request(&open.request)?)
                        .await?;
                    open.lines.insert(Lines::of(log))
                }
            };
            lines.next().await
        })
    }
}

fn request(text: &str) -> Result<LogRequest, Error> {
    let request: Request = parsed(text)?;
    Ok(LogRequest {
        role: request.executor_id.map_or(Role::Driver, Role::Executor),
        follow: request.follow,
        previous: request.previous,
        tail: request.tail,
    })
}
