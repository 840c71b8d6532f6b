//! The header `authorization`, and the token in it. No I/O.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use sparkconnect_gateway::directory::{Directory, Name, Session, State, Suffixes, hash};
use sparkconnect_gateway::identity::is_jwt;
use sparkconnect_gateway::oidc::{LONGEST_TOKEN, unverified_issuer};
use sparkconnect_gateway::proxy::token;
use sparkconnect_gateway::refusal::Refusal;

/// The only token that is anybody's.
const KNOWN: &str = "5d41402abc4b2a76b9719d911017c592";
/// Lines, each the value of one header. A token is found where there is exactly one header, of the scheme Bearer, and it is what
/// follows; a session is found by its own token alone; what is taken for a JWT has three parts of base64url. As the claims of a JWT
/// the same bytes have the issuer that JSON says.
pub fn credentials(data: &[u8]) {
    claims(data);
    let values = data.split(|byte| *byte == b'\n');
    let headers: HeaderMap = values
        .filter_map(|value| HeaderValue::from_bytes(value).ok())
        .map(|value| (AUTHORIZATION, value))
        .collect();
    let all: Vec<_> = headers.get_all(AUTHORIZATION).into_iter().collect();
    let expected = match all[..] {
        [one] => bearer(one.as_bytes()),
        _ => None,
    };
    let found = token(&headers);
    assert_eq!(found.as_ref().ok().map(|token| token.as_bytes()), expected);
    match found {
        Err(refusal) => assert_eq!(refusal, Refusal::NoToken),
        Ok(token) => judge(token),
    }
}

fn judge(token: &str) {
    match directory().by_token(token) {
        Ok(_) => assert_eq!(token, KNOWN),
        Err(refusal) => {
            assert_ne!(token, KNOWN);
            assert_eq!(refusal, Refusal::UnknownToken);
        }
    }
    assert_eq!(
        is_jwt(token),
        has_three_parts(token),
        "{} bytes",
        token.len()
    );
}

fn claims(data: &[u8]) {
    unverified_issuer(data);
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(data));
    let found = unverified_issuer(token.as_bytes());
    let Ok(read) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    match (found, read["iss"].as_str()) {
        (Some(found), issuer) => assert_eq!(Some(found.as_str()), issuer),
        // Written as this writes it, it has the claim once.
        (None, Some(_)) if token.len() <= LONGEST_TOKEN => {
            assert_ne!(read.to_string().as_bytes(), data);
        }
        (None, _) => {}
    }
}

/// RFC 9110 and 6750: a scheme in any case, one space, and visible characters.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let is_text = |byte: &u8| (b' '..=b'~').contains(byte) || *byte == b'\t';
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer ");
    (is_bearer && !token.is_empty() && value.iter().all(is_text)).then_some(token)
}

/// RFC 7515, compact serialization: base64url without padding, no part empty.
fn has_three_parts(token: &str) -> bool {
    let dots = token.matches('.').count();
    let empty = token.starts_with('.') || token.ends_with('.') || token.contains("..");
    let fits = |sign: char| matches!(sign, 'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.');
    dots == 2 && !empty && token.chars().all(fits) && token.len() <= LONGEST_TOKEN
}

fn directory() -> Directory {
    let directory = Directory::default();
    directory.put(Session {
        name: Name::new("team", "notebook"),
        uid: "uid".to_owned(),
        server: "demo".to_owned(),
        id: crate::SESSION.to_owned(),
        user: crate::USER.to_owned(),
        token_hash: Some(hash(KNOWN)),
        ad_hoc: false,
        cloned_from: None,
        state: State::Pending { why: String::new() },
        suffixes: Suffixes::default(),
    });
    directory
}
