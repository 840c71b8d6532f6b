//! The Secret of the installation key, made once in the operator's own namespace, where operator and gateway have the key
//! from. Reads and, at the first start, writes that Secret.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use sparkconnect_api::labels;
use sparkconnect_spark::InstallationKey;

/// Name of the Secret in the operator's namespace.
pub const SECRET: &str = "sparkconnect-installation-key";
/// The one key of its data.
const DATA_KEY: &str = "key";
/// Length of the key in bytes.
const LENGTH: usize = InstallationKey::LENGTH;

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

/// Reads the key of this installation, or makes it where there is none.
///
/// # Errors
/// When the Secret cannot be read or made, or holds something else.
pub async fn load_or_create(client: Client, namespace: &str) -> Result<InstallationKey, KeyError> {
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    let failed = |source| KeyError::Api {
        namespace: namespace.to_owned(),
        source,
    };
    if let Some(secret) = secrets.get_opt(SECRET).await.map_err(failed)? {
        return read(&secret, namespace);
    }
    match secrets
        .create(&PostParams::default(), &new_secret(rand::random()))
        .await
    {
        Ok(secret) => read(&secret, namespace),
        // Another replica of the operator was faster.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            read(&secrets.get(SECRET).await.map_err(failed)?, namespace)
        }
        Err(error) => Err(failed(error)),
    }
}

fn read(secret: &Secret, namespace: &str) -> Result<InstallationKey, KeyError> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(DATA_KEY));
    bytes
        .and_then(|ByteString(bytes)| <[u8; LENGTH]>::try_from(bytes.as_slice()).ok())
        .map(InstallationKey::from_bytes)
        .ok_or_else(|| KeyError::Malformed {
            namespace: namespace.to_owned(),
        })
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
    fn a_secret_of_another_shape_is_refused() {
        let mut secret = new_secret([1; LENGTH]);
        assert!(read(&secret, "ns").is_ok());
        secret.data = Some([(DATA_KEY.to_owned(), ByteString(vec![1; 5]))].into());
        let error = read(&secret, "ns").unwrap_err().to_string();
        assert!(error.contains("delete it"), "{error}");
    }
}
