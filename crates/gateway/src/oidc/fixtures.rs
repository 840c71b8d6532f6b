//! Keys, tokens and an issuer for tests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

/// The time at which tests with a time of their own are.
pub(super) const NOW: i64 = 1_800_000_000;
/// What tokens are for.
pub(super) const AUDIENCE: &str = "sparkconnect";

/// Before the PKCS#1 key in the PKCS#8 form of one of 2048 bits: the version, the algorithm, and three lengths.
const PKCS8_HEAD: usize = 26;

/// A key of an issuer.
pub(super) struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    id: &'static str,
}

impl Signer {
    /// One for RS256.
    pub(super) fn rsa(id: &'static str) -> Self {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let key = EncodingKey::from_rsa_der(&pair.serialize_der()[PKCS8_HEAD..]);
        let algorithm = Algorithm::RS256;
        Self { key, algorithm, id }
    }

    /// One for ES256.
    pub(super) fn ec(id: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let algorithm = Algorithm::ES256;
        Self { key, algorithm, id }
    }

    /// What the issuer shows of it.
    pub(super) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    /// The header of its tokens.
    pub(super) fn header(&self) -> Header {
        Header {
            kid: Some(self.id.to_owned()),
            ..Header::new(self.algorithm)
        }
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    /// A token with this header and these claims.
    pub(super) fn sign_as(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }
}

/// A token of these parts, whatever they are.
pub(super) fn token(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signature = URL_SAFE_NO_PAD.encode(signature);
    [encode(header), encode(claims), signature].join(".")
}

/// Good claims, with some in place of theirs; null is none.
pub(super) fn claims(issuer: &str, others: &Value) -> Value {
    let mut claims = json!({"iss": issuer, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 600, "iat": NOW, "nbf": NOW});
    let object = claims.as_object_mut().unwrap();
    object.extend(others.as_object().unwrap().clone());
    object.retain(|_, value| !value.is_null());
    claims
}
