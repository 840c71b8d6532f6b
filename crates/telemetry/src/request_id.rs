//! The id of one call, by which it is found again: in answers, in logs and on what was made for it. No I/O.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Longest id that is taken from others, in bytes.
const LONGEST: usize = 128;

/// The id of a call: letters, digits and `-_.:/+=`, so that it is safe in a header, a line of a log and an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// One that no other call has, of whichever process. Costs no system call, since every call needs one.
    pub fn new() -> Self {
        static PROCESS: LazyLock<u64> = LazyLock::new(|| Uuid::new_v4().as_u64_pair().0);
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(format!("{:016x}-{number:x}", *PROCESS).into())
    }

    /// One that somebody else gave, unless it is too long or has other characters.
    pub fn given(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
        let sane = (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits);
        sane.then(|| Self(text.into()))
    }

    /// As text.
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_may_be_given_on() {
        let (one, other) = (RequestId::new(), RequestId::new());
        assert_ne!(one, other);
        assert_eq!(RequestId::given(one.as_str()), Some(one));
    }

    #[test]
    fn what_could_be_something_else_in_a_header_or_a_log_is_not_taken() {
        let taken = ["a", "3f2b-77", "Root=1-67891233-abcdef01", "a.b:c/d_e+f="];
        let longest = "x".repeat(LONGEST);
        for text in taken.into_iter().chain([&*longest]) {
            assert!(RequestId::given(text).is_some(), "{text}");
        }
        let longer = "x".repeat(LONGEST + 1);
        for text in ["", "a b", "a\nb", "a\"b", "a;b", "é", "a%0A", &longer] {
            assert_eq!(RequestId::given(text), None, "{text}");
        }
    }
}
