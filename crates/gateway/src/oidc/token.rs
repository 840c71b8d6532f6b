//! A token's form and its signature. No I/O.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OidcError;
use super::jwks::Key;

/// Bytes that a token may have. With hundreds of groups it has a few thousand.
pub const LONGEST_TOKEN: usize = 16 << 10;

/// The claims of a token, by name.
pub(super) type Claims = Map<String, Value>;

/// How a token says that it is signed.
#[derive(Debug)]
pub(super) struct Head {
    /// With what algorithm.
    pub(super) algorithm: Algorithm,
    /// With which of the issuer's keys.
    pub(super) key: Option<String>,
}

/// The claim `iss` of what may be a token: nothing of it is verified. Takes any bytes, in time and memory that grow with them up
/// to [`LONGEST_TOKEN`].
pub fn unverified_issuer(token: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    if token.len() > LONGEST_TOKEN {
        return None;
    }
    let mut parts = token.split(|&byte| byte == b'.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    // An array would be read as the fields in their order.
    if !claims.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let issued: Issued = serde_json::from_slice(&claims).ok()?;
    Some(issued.iss)
}

/// How the token is signed, when it may be so.
pub(super) fn head(token: &str, allowed: &[Algorithm]) -> Result<Head, OidcError> {
    if token.len() > LONGEST_TOKEN {
        return Err(OidcError::refused(format!(
            "the token is longer than {LONGEST_TOKEN} bytes: have its issuer leave claims out of it"
        )));
    }
    let header = decode_header(token).ok();
    let header = header.filter(|header| allowed.contains(&header.alg));
    let header = header.ok_or_else(|| {
        OidcError::refused(format!(
            "this is no JWT that is signed with one of {allowed:?}, as --oidc-signing-algorithms says"
        ))
    })?;
    // What must be understood, by RFC 7515, section 4.1.11, and nothing of the kind is.
    if header.crit.is_some() {
        return Err(OidcError::refused(
            "the token has the header `crit`, of which nothing is supported",
        ));
    }
    Ok(Head {
        algorithm: header.alg,
        key: header.kid,
    })
}

/// The claims of a token that was signed with `key`.
pub(super) fn claims(token: &str, head: &Head, key: &Key) -> Result<Claims, OidcError> {
    let mut signature_alone = Validation::new(head.algorithm);
    // `claims.rs` checks the claims: each is required, by one clock, with a text that says what to do.
    signature_alone.required_spec_claims.clear();
    signature_alone.validate_exp = false;
    signature_alone.validate_aud = false;
    let decoded = decode(token, key.material(), &signature_alone);
    // Without the library's reason: it may quote the token.
    let decoded = decoded.map_err(|_| {
        OidcError::refused("the token's signature is not that of its issuer's key: get a new token")
    })?;
    Ok(decoded.claims)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(claims: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_issuer_is_read_from_a_whole_token_alone() {
        let issuer = |token: &str| unverified_issuer(token.as_bytes());
        let good = of(r#"{"sub":[{}],"iss":"https://i"}"#);
        assert_eq!(issuer(&good).as_deref(), Some("https://i"));
        let long = of(&format!(
            r#"{{"iss":"https://i","x":"{}"}}"#,
            "x".repeat(LONGEST_TOKEN)
        ));
        let deep = of(&format!(r#"{{"x":{}"#, "[".repeat(8000)));
        for bad in [
            "",
            ".",
            "..",
            "...",
            "secret",
            "e30.e30.e30",
            &format!("{good}.x"),
            &good[4..],
            &of(r#"{"iss":1}"#),
            &of(r#" ["https://i"]"#),
            &long,
            &deep,
        ] {
            assert_eq!(issuer(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_asked_for_an_issuer(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            unverified_issuer(&bytes);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert!(head(text, &[Algorithm::RS256]).is_err());
            }
        }

        #[test]
        fn any_three_parts_can_be_asked_for_an_issuer(head_part in any::<Vec<u8>>(), claims in "\\PC{0,300}", tail in any::<Vec<u8>>()) {
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let token = [encode(&head_part), encode(claims.as_bytes()), encode(&tail)].join(".");
            unverified_issuer(token.as_bytes());
            prop_assert!(head(&token, &[Algorithm::RS256]).is_err());
        }

        #[test]
        fn an_issuer_is_read_whatever_it_is(issuer in "\\PC{0,300}") {
            let token = of(&serde_json::json!({"iss": issuer}).to_string());
            prop_assert_eq!(unverified_issuer(token.as_bytes()), Some(issuer));
        }
    }
}
