//! The installation key, and the server tokens derived from it.
//!
//! The key is made once, in a Secret of the operator's own namespace, and never leaves the operator's memory. Reads and, at
//! the first start, writes that Secret.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use sha2::Sha256;
use sparkconnect_api::labels;
use sparkconnect_spark::Token;

/// Name of the Secret in the operator's namespace.
pub const SECRET: &str = "sparkconnect-installation-key";
/// The one key of its data.
const DATA_KEY: &str = "key";
/// Length of the key in bytes: the output size of the hash that uses it.
const LENGTH: usize = 32;

/// Why there is no installation key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The Secret could be neither read nor made.
    #[error(
        "Secret {SECRET} in namespace {namespace} cannot be read or made: grant the operator get and create on it"
    )]
    Api {
        /// The operator's namespace.
        namespace: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The Secret is there but holds something else.
    #[error(
        "Secret {SECRET} in namespace {namespace} holds no {LENGTH}-byte `{DATA_KEY}`: delete it to have a new one made (every server then restarts with a new token)"
    )]
    Malformed {
        /// The operator's namespace.
        namespace: String,
    },
}

/// The secret of this installation: whoever has it can derive every server's token.
pub struct InstallationKey([u8; LENGTH]);

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(redacted)")
    }
}

impl InstallationKey {
    /// A key of known bytes.
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// Reads the key of this installation, or makes it where there is none.
    ///
    /// # Errors
    /// When the Secret cannot be read or made, or holds something else.
    pub async fn load_or_create(client: Client, namespace: &str) -> Result<Self, KeyError> {
        let secrets: Api<Secret> = Api::namespaced(client, namespace);
        let failed = |source| KeyError::Api {
            namespace: namespace.to_owned(),
            source,
        };
        if let Some(secret) = secrets.get_opt(SECRET).await.map_err(failed)? {
            return Self::read(&secret, namespace);
        }
        match secrets
            .create(&PostParams::default(), &new_secret(rand::random()))
            .await
        {
            Ok(secret) => Self::read(&secret, namespace),
            // Another replica of the operator was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => {
                Self::read(&secrets.get(SECRET).await.map_err(failed)?, namespace)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn read(secret: &Secret, namespace: &str) -> Result<Self, KeyError> {
        let bytes = secret.data.as_ref().and_then(|data| data.get(DATA_KEY));
        bytes
            .and_then(|ByteString(bytes)| <[u8; LENGTH]>::try_from(bytes.as_slice()).ok())
            .map(Self)
            .ok_or_else(|| KeyError::Malformed {
                namespace: namespace.to_owned(),
            })
    }

    /// The token of the server with this UID: HMAC-SHA256 over the UID, in hexadecimal.
    pub fn server_token(&self, uid: &str) -> Token {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(uid.as_bytes());
        let digest = mac.finalize().into_bytes();
        Token::new(
            digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        )
    }
}

fn new_secret(key: [u8; LENGTH]) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            labels: Some([(labels::MANAGED_BY.to_owned(), labels::MANAGER.to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some([(DATA_KEY.to_owned(), ByteString(key.to_vec()))].into()),
        immutable: Some(true),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_depends_on_the_key_and_the_server() {
        let (key, other) = (InstallationKey([7; LENGTH]), InstallationKey([8; LENGTH]));
        let token = key.server_token("uid-1");
        assert_eq!(token.expose().len(), 64);
        assert_eq!(token.expose(), key.server_token("uid-1").expose());
        assert_ne!(token.expose(), key.server_token("uid-2").expose());
        assert_ne!(token.expose(), other.server_token("uid-1").expose());
    }

    #[test]
    fn the_key_shows_in_no_debug_output() {
        assert_eq!(
            format!("{:?}", InstallationKey([7; LENGTH])),
            "InstallationKey(redacted)"
        );
    }

    #[test]
    fn a_secret_of_another_shape_is_refused() {
        let mut secret = new_secret([1; LENGTH]);
        assert!(InstallationKey::read(&secret, "ns").is_ok());
        secret.data = Some([(DATA_KEY.to_owned(), ByteString(vec![1; 5]))].into());
        let error = InstallationKey::read(&secret, "ns")
            .unwrap_err()
            .to_string();
        assert!(error.contains("delete it"), "{error}");
    }
}
