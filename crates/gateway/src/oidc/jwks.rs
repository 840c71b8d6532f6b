//! An issuer's keys, and which of them a token is to be verified with. No I/O.

use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::token::Head;

/// One of them.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    /// What it may verify: nothing where it is not for signatures.
    algorithms: Vec<Algorithm>,
    material: DecodingKey,
}

impl Key {
    /// What signatures are verified with.
    pub(super) const fn material(&self) -> &DecodingKey {
        &self.material
    }

    /// None where it is of a kind that is not known, which RFC 7517, section 5, says to pass over.
    fn parse(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        Some(Self {
            algorithms: algorithms(&jwk),
            material: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
        })
    }
}

/// What a key's type, its `alg`, its `use` and its `key_ops` allow it to verify.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    let by_type: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    };
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|meant| *meant == PublicKeyUse::Signature);
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let named = |algorithm: &Algorithm| {
        let by_name = common.key_algorithm;
        signs && verifies && by_name.is_none_or(|name| name == (*algorithm).into())
    };
    by_type.iter().copied().filter(named).collect()
}

/// All of them.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Arc<Key>>);

/// What a set has for a token.
#[derive(Debug)]
pub(super) enum Found {
    /// The key.
    Key(Arc<Key>),
    /// Keys that it cannot be verified with, and why.
    Unfit(&'static str),
    /// Nothing.
    Nothing,
}

impl KeySet {
    /// The keys of a JWK set (RFC 7517) that can verify something.
    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(text)?;
        let keys = document.keys.into_iter().filter_map(Key::parse);
        Ok(Self(keys.map(Arc::new).collect()))
    }

    /// Whether no token can be verified with any of them.
    pub(super) fn is_useless(&self) -> bool {
        self.0.iter().all(|key| key.algorithms.is_empty())
    }

    /// The key of a token that begins so.
    pub(super) fn find(&self, head: &Head) -> Found {
        let fits = |key: &&Arc<Key>| key.algorithms.contains(&head.algorithm);
        let Some(id) = &head.key else {
            let mut fitting = self.0.iter().filter(fits);
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Found::Key(Arc::clone(key)),
                (None, _) => Found::Nothing,
                // OpenID Connect Core, section 10.1.
                (Some(_), Some(_)) => Found::Unfit(
                    "the token does not name its key in `kid`, and its issuer has several",
                ),
            };
        };
        let mut named = self
            .0
            .iter()
            .filter(|key| key.id.as_ref() == Some(id))
            .peekable();
        if named.peek().is_none() {
            return Found::Nothing;
        }
        named.find(fits).map_or(
            Found::Unfit("the token's algorithm is not one that its key is for"),
            |key| Found::Key(Arc::clone(key)),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const P256: (&str, &str) = (
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    );

    fn found(keys: &Value, algorithm: Algorithm, id: Option<&str>) -> String {
        let set = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        let key = id.map(str::to_owned);
        match set.find(&Head { algorithm, key }) {
            Found::Key(key) => key.id.clone().unwrap_or_else(|| "unnamed".to_owned()),
            Found::Unfit(why) => why.to_owned(),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    fn ec(id: &str, more: &Value) -> Value {
        let mut key = json!({"kty": "EC", "crv": "P-256", "x": P256.0, "y": P256.1, "kid": id});
        let object = key.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        key
    }

    #[test]
    fn a_key_verifies_what_its_type_and_its_own_words_allow() {
        let es256 = |more| found(&json!([ec("a", &more)]), Algorithm::ES256, Some("a"));
        for good in [
            json!({}),
            json!({"use": "sig", "alg": "ES256", "key_ops": ["verify"]}),
        ] {
            assert_eq!(es256(good), "a");
        }
        for bad in [
            json!({"use": "enc"}),
            json!({"use": "other"}),
            json!({"alg": "ES384"}),
            json!({"alg": "RS256"}),
            json!({"key_ops": ["sign"]}),
            json!({"crv": "P-384"}),
        ] {
            let told = es256(bad.clone());
            assert!(
                told.contains("not one that its key is for"),
                "{bad}: {told}"
            );
        }
        let oct = json!([{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]);
        for algorithm in [Algorithm::HS256, Algorithm::RS256] {
            assert!(
                found(&oct, algorithm, Some("a")).contains("not one"),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn a_token_without_a_key_id_needs_an_issuer_with_one_key_for_it() {
        let (first, second) = (ec("a", &json!({})), ec("b", &json!({})));
        let encrypts = ec("c", &json!({"use": "enc"}));
        let find = |keys: &[&Value]| found(&json!(keys), Algorithm::ES256, None);
        assert_eq!(find(&[&first, &encrypts]), "a");
        assert!(find(&[&first, &second]).contains("several"));
        assert_eq!(find(&[&encrypts]), "nothing");
        assert_eq!(
            found(&json!([first, second]), Algorithm::ES256, Some("b")),
            "b"
        );
        assert_eq!(
            found(&json!([first]), Algorithm::ES256, Some("z")),
            "nothing"
        );
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let keys = json!([{"kty": "new"}, {"kty": "RSA"}, 7, ec("a", &json!({}))]);
        assert_eq!(found(&keys, Algorithm::ES256, Some("a")), "a");
        let set = |text: &str| KeySet::parse(text.as_bytes());
        assert!(set(r#"{"keys": [{"kty": "new"}]}"#).unwrap().is_useless());
        assert!(set("{}").is_err() && set("[]").is_err());
    }
}
