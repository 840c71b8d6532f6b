//! Logs: whose, how much, and as a stream of lines. No I/O.

use futures::stream::BoxStream;

use crate::Error;

/// Whose log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The driver's.
    #[default]
    Driver,
    /// An executor's, by Spark's number of it, such as `1`.
    Executor(String),
}

/// Which log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Whose.
    pub role: Role,
    /// Whether to go on with what is written later, until the other side ends.
    pub follow: bool,
    /// Whether it is the log of the container before its last restart.
    pub previous: bool,
    /// Only so many of its last lines; absent: all that there are.
    pub tail: Option<u32>,
}

/// Lines, without their ends, as they come. After an error there is nothing more.
pub type LogStream = BoxStream<'static, Result<String, Error>>;
