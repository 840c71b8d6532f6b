//! A server's token, which never shows itself. No I/O.

use std::fmt;

use tonic::metadata::{Ascii, MetadataValue};

/// The token that a server demands; `Debug` and `Display` hide it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token as it stands in `spark.connect.authenticate.token`, without `Bearer`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token itself, for the places that must have it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of a header of its own; none if it has characters that no header can hold.
    pub(crate) fn plain_header(&self) -> Option<MetadataValue<Ascii>> {
        let mut value = MetadataValue::try_from(self.0.as_str()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The value of the `authorization` header; none if the token has characters that no header can hold.
    pub(crate) fn header(&self) -> Option<MetadataValue<Ascii>> {
        let mut value = MetadataValue::try_from(format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_itself_in_no_formatting() {
        let token = Token::new("abc123");
        let header = token.header().expect("a valid header");
        for shown in [
            format!("{token:?}"),
            format!("{token}"),
            format!("{header:?}"),
        ] {
            assert!(!shown.contains("abc123"), "{shown}");
        }
    }

    #[test]
    fn a_token_that_no_header_can_hold_gives_none() {
        assert!(Token::new("a\nb").header().is_none());
        assert_eq!(Token::new("x").header().expect("a header"), "Bearer x");
    }
}
