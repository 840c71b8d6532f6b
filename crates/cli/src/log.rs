//! Logs: the options that all of them have, and how one is printed. Does I/O: standard output.

use clap::Args;
use futures::StreamExt;
use sparkconnect_client::{LogRequest, LogStream, Role};

use crate::context::Context;
use crate::error::Error;

/// Lines that are written at once where many are there already.
const LINES: usize = 256;

/// Which log, and how much of it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LogArgs {
    /// Go on with what is written later, until the other side ends.
    #[arg(short, long)]
    follow: bool,

    /// The log of the container before its last restart.
    #[arg(short, long)]
    previous: bool,

    /// Only so many of its last lines.
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,

    /// The log of this executor, by Spark's number of it, instead of the driver's.
    #[arg(long, value_name = "NUMBER")]
    executor: Option<u32>,
}

impl LogArgs {
    /// What it is in the client's words.
    pub(crate) fn request(&self) -> LogRequest {
        LogRequest {
            role: self
                .executor
                .map_or(Role::Driver, |number| Role::Executor(number.to_string())),
            follow: self.follow,
            previous: self.previous,
            tail: self.tail,
        }
    }
}

/// Prints a log to its end.
pub(crate) async fn print(context: &Context, log: LogStream) -> Result<(), Error> {
    let mut some = log.ready_chunks(LINES);
    while let Some(lines) = some.next().await {
        let (mut text, mut failed) = (String::new(), None);
        for line in lines {
            match line {
                Ok(line) => text.extend([line.as_str(), "\n"]),
                Err(error) => failed = Some(error),
            }
        }
        context.print(&text)?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(())
}
