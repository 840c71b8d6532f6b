//! What can go wrong, for programs (a category), for people (a sentence and a hint), and for those who search (the cause). No I/O.

use std::error::Error as StdError;
use std::fmt;

use crate::operation::{BackendKind, Operation};

/// What kind of failure it is: what a program can decide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// This back end cannot do it; the hint names those that can.
    Unsupported,
    /// What was asked for cannot be: a value is wrong or missing. Asking again changes nothing.
    InvalidInput,
    /// There is no such session, application, server or log.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// It is not known who asks.
    Unauthenticated,
    /// Whoever asks may not do that.
    PermissionDenied,
    /// The other side does not answer, or not now: asking again later may go well.
    Unavailable,
    /// It did not happen in the time given. It may still happen.
    TimedOut,
    /// The session or application has ended, or failed, and so the operation cannot go on.
    Ended,
    /// The other side answered something that this client does not understand.
    Protocol,
    /// The other side failed in a way of its own.
    Failed,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 11] = [
        Self::Unsupported,
        Self::InvalidInput,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::Unavailable,
        Self::TimedOut,
        Self::Ended,
        Self::Protocol,
        Self::Failed,
    ];

    /// The category's name, such as `not-found`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::InvalidInput => "invalid-input",
            Self::NotFound => "not-found",
            Self::AlreadyExists => "already-exists",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission-denied",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
            Self::Ended => "ended",
            Self::Protocol => "protocol",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an operation failed. `Display` is one sentence with the causes that the sentence does not have itself; the hint is apart.
#[derive(Debug)]
pub struct Error {
    category: Category,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of this category, in a sentence without a full stop.
    pub fn new(category: Category, message: impl Into<String>) -> Self {
        Self {
            category,
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// What `kind` cannot do.
    pub fn unsupported(kind: BackendKind, operation: Operation) -> Self {
        let can: Vec<_> = BackendKind::ALL
            .into_iter()
            .filter(|kind| kind.supports(operation))
            .map(BackendKind::name)
            .collect();
        Self::new(
            Category::Unsupported,
            format!("the {kind} back end cannot {operation}"),
        )
        .hint(format!("back ends that can: {}", can.join(", ")))
    }

    /// With what a person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what it came from.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub const fn category(&self) -> Category {
        self.category
    }

    /// What a person can do about it, where there is something.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether asking again later may go well.
    pub const fn is_transient(&self) -> bool {
        matches!(self.category, Category::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut shown = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many libraries' errors repeat their source in their own text.
            if !shown.contains(&text) {
                write!(f, ": {text}")?;
                shown.push_str(&text);
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unsupported_names_who_can() {
        let error = Error::unsupported(BackendKind::Operator, Operation::CreateSession);
        assert_eq!(error.category(), Category::Unsupported);
        assert_eq!(
            error.to_string(),
            "the operator back end cannot create a session"
        );
        assert_eq!(
            error.hint_text(),
            Some("back ends that can: session, connect")
        );
    }

    #[test]
    fn causes_are_told_once() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused");
        let outer = std::io::Error::other(refused);
        let error =
            Error::new(Category::Unavailable, "the server cannot be reached").caused_by(outer);
        assert_eq!(error.to_string(), "the server cannot be reached: refused");
        assert!(error.is_transient());
    }
}
