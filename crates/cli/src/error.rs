//! How a command fails: what is told of it, and with which exit code. Does I/O in [`Error::report`] only: standard error.

use std::io;
use std::process::ExitCode;

use sparkconnect_client::{Category, Error as ClientError};

use crate::terminal;
use crate::words::here;

/// The exit codes, as `--help` has them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed
  2    the command line, or a value in it, cannot be
  3    there is no such server, session, application or log
  4    not allowed, or it is not known who asks
  5    no answer, or not in time: asking again may go well
  6    the session or application has ended, or failed
  130  interrupted with Ctrl-C";

/// What ended without success, or what was interrupted.
pub(crate) const ENDED: u8 = 6;
/// Interrupted at the terminal, by the shells' convention.
const INTERRUPTED: u8 = 130;

/// Why a command ends before it has done what it was asked for.
#[derive(Debug)]
pub(crate) enum Error {
    /// The client's, or one of this program's in the same form: category, sentence, hint.
    Client(ClientError),
    /// Nobody reads standard output any more, as after `| head`: nothing to tell, and no failure.
    Unread,
    /// The user wants no more of it.
    Interrupted,
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl Error {
    /// A failure of this category, in a sentence without a full stop.
    pub(crate) fn new(category: Category, message: impl Into<String>) -> Self {
        Self::Client(ClientError::new(category, message))
    }

    /// Of standard output.
    pub(crate) fn of_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Unread;
        }
        let told = ClientError::new(Category::Failed, "standard output cannot be written to");
        Self::Client(told.caused_by(error))
    }

    /// Of the system, before anything was done.
    pub(crate) fn no_runtime(error: io::Error) -> Self {
        let told = ClientError::new(Category::Failed, "the system gives no event queue");
        Self::Client(told.caused_by(error))
    }

    /// Tells of it on standard error, and says what the process ends with.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Client(error) => {
                let hint = error.hint_text().map(here);
                terminal::error(&here(&error.to_string()), hint.as_deref());
                ExitCode::from(code(error.category()))
            }
            Self::Unread => ExitCode::SUCCESS,
            Self::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }
}

/// The exit code of a category.
const fn code(category: Category) -> u8 {
    match category {
        Category::InvalidInput | Category::Unsupported => 2,
        Category::NotFound => 3,
        Category::Unauthenticated | Category::PermissionDenied => 4,
        Category::Unavailable | Category::TimedOut => 5,
        Category::Ended => ENDED,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_a_documented_code() {
        for category in Category::ALL {
            let line = format!("\n  {}    ", code(category));
            assert!(EXIT_CODES.contains(&line), "{category}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(matches!(Error::of_output(closed), Error::Unread));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(Error::of_output(full), Error::Client(_)));
    }
}

#[cfg(test)]
#[path = "error_page.rs"]
mod page;
