//! A whole token against keys that are known: its signature, its algorithm, its key. Asks nobody.

use futures::FutureExt;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::fixtures::{AUDIENCE, NOW, Signer, claims, token};
use super::jwks::KeySet;
use super::{OidcError, OidcSettings, Person, Provider};

const ISSUER: &str = "https://127.0.0.1:1";

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    oidc: OidcSettings,
}

fn provider(args: &[&str], keys: &[Value]) -> Provider {
    let issuer = format!("--oidc-issuer={ISSUER}");
    let audience = format!("--oidc-audience={AUDIENCE}");
    let given = ["program", &issuer, &audience, "--oidc-username-prefix=-"];
    let program: Program = clap::Parser::try_parse_from(given.iter().chain(args)).unwrap();
    let provider = program.oidc.provider().unwrap().unwrap();
    let keys = json!({ "keys": keys }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    provider.keys.put(keys, now());
    provider
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn verify(provider: &Provider, token: &str) -> Result<Person, OidcError> {
    let verified = provider.verify_at(token, now()).now_or_never();
    verified.expect("nobody is asked while the keys are known")
}

#[track_caller]
fn refused(provider: &Provider, token: &str, told: &str) {
    match verify(provider, token) {
        Err(OidcError::Refused { why }) => {
            assert!(why.contains(told), "{why}");
            assert!(token.is_empty() || !why.contains(token), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_of_each_kind_of_key_is_verified() {
    let (rsa, ec) = (Signer::rsa("a"), Signer::ec("b"));
    let provider = provider(&[], &[rsa.public(), ec.public()]);
    for signer in [&rsa, &ec] {
        let token = signer.sign(&claims(ISSUER, &json!({})));
        assert!(provider.issued(&token));
        assert_eq!(verify(&provider, &token).unwrap().user, "ada");
    }
    let other = rsa.sign(&claims("https://other", &json!({})));
    assert!(!provider.issued(&other));
    refused(&provider, &other, "`iss`");
}

#[test]
fn a_signature_is_that_of_the_key_and_of_every_byte() {
    let (signer, stranger) = (Signer::ec("a"), Signer::ec("a"));
    let provider = provider(&[], &[signer.public()]);
    let good = signer.sign(&claims(ISSUER, &json!({})));
    let wrong = "signature is not that";
    refused(
        &provider,
        &stranger.sign(&claims(ISSUER, &json!({}))),
        wrong,
    );
    let others = signer.sign(&claims(ISSUER, &json!({"sub": "eve"})));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (good_parts, others) = (parts(&good), parts(&others));
    let tampered = [&good_parts[0], &others[1], &good_parts[2]].map(String::as_str);
    refused(&provider, &tampered.join("."), wrong);
    refused(
        &provider,
        &format!("{}.{}.", good_parts[0], good_parts[1]),
        wrong,
    );
    assert!(verify(&provider, &good).is_ok());
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let signer = Signer::rsa("a");
    let provider = provider(&[], &[signer.public()]);
    let secret = signer.public()["n"].as_str().unwrap().to_owned();
    let header = Header {
        kid: Some("a".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    let forged = jsonwebtoken::encode(&header, &claims(ISSUER, &json!({})), &key).unwrap();
    refused(&provider, &forged, "--oidc-signing-algorithms");
}

#[test]
fn an_unsigned_token_is_none() {
    let provider = provider(&[], &[Signer::ec("a").public()]);
    for algorithm in ["none", "None", "", "HS256", "ES256K"] {
        let header = json!({"alg": algorithm, "kid": "a"});
        let forged = token(&header, &claims(ISSUER, &json!({})), b"");
        refused(&provider, &forged, "--oidc-signing-algorithms");
    }
}

#[test]
fn only_the_algorithms_that_are_set_are_good() {
    let signer = Signer::ec("a");
    let token = signer.sign(&claims(ISSUER, &json!({})));
    let strict = provider(&["--oidc-signing-algorithms=RS256"], &[signer.public()]);
    refused(&strict, &token, "[RS256]");
}

#[test]
fn a_key_verifies_its_own_algorithm_alone() {
    let (rsa, ec) = (Signer::rsa("a"), Signer::ec("b"));
    let all = "--oidc-signing-algorithms=RS256,RS512,PS256,ES256";
    let provider = provider(&[all], &[rsa.public(), ec.public()]);
    let as_the_other = Header {
        kid: Some("b".to_owned()),
        ..rsa.header()
    };
    let token = rsa.sign_as(&as_the_other, &claims(ISSUER, &json!({})));
    refused(&provider, &token, "not one that its key is for");
    // The key says that it is for RS256.
    let stronger = Header {
        alg: Algorithm::RS512,
        ..rsa.header()
    };
    let token = rsa.sign_as(&stronger, &claims(ISSUER, &json!({})));
    refused(&provider, &token, "not one that its key is for");
}

#[test]
fn what_must_be_understood_is_not() {
    let signer = Signer::ec("a");
    let provider = provider(&[], &[signer.public()]);
    for crit in [vec![], vec!["b64".to_owned()]] {
        let header = Header {
            crit: Some(crit),
            ..signer.header()
        };
        let token = signer.sign_as(&header, &claims(ISSUER, &json!({})));
        refused(&provider, &token, "`crit`");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let provider = provider(&[], &[Signer::ec("a").public()]);
    for text in ["", "secret", "a.b", "a.b.c", "....", "e30.e30.e30"] {
        assert!(!provider.issued(text));
        refused(&provider, text, "no JWT");
    }
    let huge = Signer::ec("a").sign(&claims(ISSUER, &json!({"x": "x".repeat(20_000)})));
    assert!(!provider.issued(&huge));
    refused(&provider, &huge, "longer than");
}

#[test]
fn a_verified_token_is_remembered_until_it_expires() {
    let signer = Signer::ec("a");
    let provider = provider(&[], &[signer.public()]);
    let token = signer.sign(&claims(ISSUER, &json!({"exp": NOW + 40})));
    assert!(verify(&provider, &token).is_ok());
    // Other keys: what is remembered needs none.
    let others = json!({"keys": [Signer::ec("a").public()]}).to_string();
    let others = KeySet::parse(others.as_bytes()).unwrap();
    provider.keys.put(others, now());
    let at = |second| {
        let now = Timestamp::from_second(NOW + second).unwrap();
        provider.verify_at(&token, now).now_or_never().unwrap()
    };
    assert!(at(39).is_ok());
    assert!(matches!(at(40), Err(OidcError::Refused { .. })));
}
