//! Spark's version: read, and held against what is supported. No I/O.

use std::fmt;

use sparkconnect_api::Reason;

use super::Problem;

/// Supported minor versions of Spark 4.
const SUPPORTED: std::ops::RangeInclusive<u32> = 0..=3;

/// A Spark version such as `4.1.4`; ordered by major and minor through [`SparkVersion::minor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparkVersion {
    text: String,
    major: u32,
    minor: u32,
}

impl SparkVersion {
    /// Reads a version and refuses those that are not supported.
    pub(super) fn supported(text: &str) -> Result<Self, Problem> {
        let version = Self::read(text).ok_or_else(|| {
            let message =
                format!("spec.version {text} is not a Spark version: write one such as 4.1.4");
            Problem::version(Reason::VersionNotSupported, message)
        })?;
        if version.major == 4 && SUPPORTED.contains(&version.minor) {
            return Ok(version);
        }
        Err(Problem::version(
            Reason::VersionNotSupported,
            version.refusal(),
        ))
    }

    /// Major and minor version.
    pub const fn minor(&self) -> (u32, u32) {
        (self.major, self.minor)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        Some(Self {
            text: text.to_owned(),
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
        })
    }

    fn refusal(&self) -> String {
        let lacks = if self.major < 4 {
            ": its Connect server has no token authentication, no ReleaseSession, and session limits that cannot be set"
        } else {
            ": this operator does not know it"
        };
        format!("Spark {self} is not supported{lacks}; use 4.0 to 4.3")
    }
}

impl fmt::Display for SparkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_minors_pass() {
        for (text, minor) in [
            ("4.0.5", 0),
            ("4.1.4", 1),
            ("4.2.1", 2),
            ("4.3.0", 3),
            ("4.3.0-rc1", 3),
        ] {
            let version = SparkVersion::supported(text).unwrap();
            assert_eq!(version.minor(), (4, minor));
            assert_eq!(version.to_string(), text);
        }
    }

    #[test]
    fn others_are_refused_with_what_to_do() {
        for (text, said) in [
            ("3.5.7", "no token authentication"),
            ("4.4.0", "does not know it"),
            ("5.0.0", "does not know it"),
            ("four", "not a Spark version"),
        ] {
            let problem = SparkVersion::supported(text).unwrap_err();
            assert_eq!(
                problem.condition,
                sparkconnect_api::condition::VERSION_MATCHED
            );
            assert_eq!(problem.reason, "VersionNotSupported");
            assert!(problem.message.contains(said), "{}", problem.message);
        }
    }
}
