//! A log as Python reads it: some lines at a time. Does I/O through the client.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::ReadyChunks;
use pyo3::prelude::*;
use sparkconnect_client::{LogRequest, LogStream, SparkClient};
use tokio::sync::Mutex;

use crate::task::Task;

/// Lines that are given to Python at once, at the most.
const LINES: usize = 1000;

/// A log, opened when it is first read.
#[pyclass(frozen)]
#[derive(Debug)]
pub(crate) struct Logs {
    open: Arc<Mutex<Open>>,
}

struct Open {
    client: SparkClient,
    id: String,
    request: LogRequest,
    stream: Option<ReadyChunks<LogStream>>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Logs {
    pub(crate) fn new(client: SparkClient, id: String, request: LogRequest) -> Self {
        Self {
            open: Arc::new(Mutex::new(Open {
                client,
                id,
                request,
                stream: None,
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
            let stream = match &mut open.stream {
                Some(stream) => stream,
                None => {
                    let stream = open.client.get_logs(&open.id, open.request.clone()).await?;
                    open.stream.insert(stream.ready_chunks(LINES))
                }
            };
            let lines = stream.next().await;
            let lines = lines.map(|lines| lines.into_iter().collect::<Result<Vec<_>, _>>());
            lines.transpose()
        })
    }
}
