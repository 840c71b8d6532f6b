//! The installation key, and what is derived from it: the token of each server and of each session. Operator and gateway hold
//! the same key, so neither has to read a token from anywhere. No I/O.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::Token;

/// What stands before a session's UID where its token is derived. A server's UID stands alone, so that no session's token is
/// ever a server's.
const SESSION: &str = "session/";

/// The secret of an installation: whoever has it can derive every server's and every session's token.
pub struct InstallationKey([u8; Self::LENGTH]);

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(redacted)")
    }
}

impl InstallationKey {
    /// Length of the key in bytes: the output size of the hash that uses it.
    pub const LENGTH: usize = 32;

    /// A key of known bytes.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The token of the server with this UID: HMAC-SHA256 over the UID, in hexadecimal.
    pub fn server_token(&self, uid: &str) -> Token {
        self.derive(&[uid])
    }

    /// The token that the gateway knows the session with this UID by: HMAC-SHA256 over `session/<uid>`, in hexadecimal.
    pub fn session_token(&self, uid: &str) -> Token {
        self.derive(&[SESSION, uid])
    }

    fn derive(&self, parts: &[&str]) -> Token {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part.as_bytes());
        }
        Token::new(hex(&mac.finalize().into_bytes()))
    }
}

/// What a token may be known by where the token itself must not be: its SHA-256, in lower-case hexadecimal.
pub fn token_hash(token: &Token) -> String {
    hex(&Sha256::digest(token.expose()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: InstallationKey = InstallationKey::from_bytes([7; InstallationKey::LENGTH]);

    #[test]
    fn a_token_depends_on_the_key_and_the_server() {
        let other = InstallationKey::from_bytes([8; InstallationKey::LENGTH]);
        let token = SEVEN.server_token("uid-1");
        assert_eq!(token.expose().len(), 64);
        assert_eq!(token, SEVEN.server_token("uid-1"));
        assert_ne!(token, SEVEN.server_token("uid-2"));
        assert_ne!(token, other.server_token("uid-1"));
    }

    #[test]
    fn a_session_has_another_token_than_a_server_of_the_same_uid() {
        let token = SEVEN.session_token("uid-1");
        assert_ne!(token, SEVEN.server_token("uid-1"));
        assert_ne!(token, SEVEN.session_token("uid-2"));
    }

    /// The values of `printf %s … | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…`: a token that changed with a new
    /// version would restart every server and cut every session.
    #[test]
    fn tokens_stay_what_they_are() {
        let tokens = [SEVEN.server_token("uid-1"), SEVEN.session_token("uid-1")];
        assert_eq!(
            tokens.each_ref().map(Token::expose),
            [
                "171b5494d21c01fd65723af44167352cf9195ae2e16ffc79a2f80e70ecd6aab8",
                "995daa62028f0b34249093ca1f31604500c73a29e8e3ceac9e1132f63d9c449c"
            ]
        );
    }

    #[test]
    fn a_hash_is_the_sha_256_of_the_token() {
        assert_eq!(
            token_hash(&Token::new("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_key_shows_in_no_debug_output() {
        assert_eq!(format!("{SEVEN:?}"), "InstallationKey(redacted)");
    }
}
