//! The one error of this crate: what failed, and what to do about it. No I/O.

use std::fmt;

/// What failed and, where it is known, what the reader can do about it.
#[derive(Debug)]
pub struct Error {
    message: String,
    hint: Option<String>,
}

/// Result of a fixture's step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says what failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it, printed as `hint: …`.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Turns a failed file or process operation into an [`Error`] that names its subject.
pub trait Context<T> {
    /// `subject` says what was being done, as in `reading /etc/hosts`.
    fn context(self, subject: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, subject: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::new(format!("{}: {error}", subject())))
    }
}
