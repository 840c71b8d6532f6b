//! The lines of a log some at a time, those before an error included. No I/O of its own.

use futures::StreamExt;
use futures::stream::ReadyChunks;
use sparkconnect_client::{Error, LogStream};

/// Lines that are given at once, at the most.
const MOST: usize = 1000;

/// A log that is read.
pub(crate) struct Lines {
    chunks: ReadyChunks<LogStream>,
    /// What came after the lines that were given last.
    failed: Option<Error>,
}

impl Lines {
    pub(crate) fn of(log: LogStream) -> Self {
        Self {
            chunks: log.ready_chunks(MOST),
            failed: None,
        }
    }

    /// The lines that are there, at least one; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<String>>, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some(read) = self.chunks.next().await else {
            return Ok(None);
        };
        let mut lines = Vec::with_capacity(read.len());
        for line in read {
            match line {
                Ok(line) => lines.push(line),
                Err(error) if lines.is_empty() => return Err(error),
                // After an error there is nothing more.
                Err(error) => self.failed = Some(error),
            }
        }
        Ok(Some(lines))
    }
}
