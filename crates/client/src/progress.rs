//! How an operation that takes a while is waited for: how long, and who is told of its progress. No I/O.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// One thing that happened while something was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is waited for, named: `SparkSession team/ada`.
    pub subject: String,
    /// Its state in one word of the back end's own: `Pending`, `SUBMITTED`.
    pub state: String,
    /// What it waits for or what happened, as a sentence of the other side where it gives one.
    pub message: String,
}

/// Who is told of progress. Called from the task that waits, so it must not block.
pub type Tell = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How to wait. Dropping the future that waits ends the waiting; what was made for it is taken back where the operation says so.
#[derive(Clone, Default)]
pub struct Waiting {
    /// Longest time; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// Who is told.
    pub progress: Option<Tell>,
}

impl Waiting {
    /// At most so long, telling nobody.
    pub fn at_most(timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            progress: None,
        }
    }

    /// Tells of something, if anybody wants to know.
    pub fn tell(&self, progress: &Progress) {
        if let Some(tell) = &self.progress {
            tell(progress);
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("timeout", &self.timeout)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}
