//! What was last seen of a replica and of the sessions on it. No I/O.

use jiff::Timestamp;
use sparkconnect_api::session::SessionMetrics;
use sparkconnect_spark::Existence;

/// Whether a replica serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not been asked yet.
    Unknown,
    /// It has not answered the semantic probe since it was started.
    Starting {
        /// What the last probe said.
        why: String,
    },
    /// It answered the last probe.
    Serving,
    /// It answered before and does not now.
    Unreachable {
        /// What the last probe said.
        why: String,
    },
}

/// What was last seen of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it serves.
    pub state: State,
    /// Spark version that it reports.
    pub version: Option<String>,
    /// Spark's application id; absent without Spark's UI.
    pub application_id: Option<String>,
    /// When the application started; absent without Spark's UI.
    pub start_time: Option<Timestamp>,
    /// Executors registered with it; absent without Spark's UI and in mode Local.
    pub executors: Option<i32>,
}

impl Seen {
    /// Nothing yet.
    pub fn nothing() -> Self {
        Self {
            state: State::Unknown,
            version: None,
            application_id: None,
            start_time: None,
            executors: None,
        }
    }

    /// Whether it serves.
    pub fn serves(&self) -> bool {
        self.state == State::Serving
    }
}

/// What was last seen of one session on a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSeen {
    /// Whether the server has it; absent until it was asked.
    pub existence: Option<Existence>,
    /// The latest activity seen.
    pub last_activity: Option<Timestamp>,
    /// Whether an operation or a job runs now.
    pub running: bool,
    /// Whether activity can be seen at all: not without Spark's UI.
    pub observed: bool,
    /// What it has done since it was made. `artifacts_uploaded` is not counted here.
    pub metrics: SessionMetrics,
    /// How far `metrics` has counted, to be kept beside it.
    pub cursor: Option<String>,
}
