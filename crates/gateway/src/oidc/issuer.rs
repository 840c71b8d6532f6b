//! Asks an issuer for its keys, as OpenID Connect Discovery says. Does I/O.

use std::time::Duration;

use serde::Deserialize;
use tokio_rustls::TlsConnector;

use super::fetch::{self, FetchError, HttpsUrl, UrlError};
use super::jwks::KeySet;

/// How long keys are kept where the issuer does not say.
const AGE: Duration = Duration::from_secs(60 * 60);
/// How long at least, and how long at most, where it does.
const AGES: (Duration, Duration) = (
    Duration::from_secs(5 * 60),
    Duration::from_secs(24 * 60 * 60),
);

/// Why an issuer has no keys to give. Texts are short: what cannot be read is not quoted, as it may be a MiB.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    /// The document that says where they are cannot be had.
    #[error("its document of discovery cannot be had: {0}")]
    Discovery(#[source] FetchError),
    /// It is not what it should be.
    #[error("its document of discovery cannot be read: line {}, column {} is not as it should be", .0.line(), .0.column())]
    NoDiscovery(#[source] serde_json::Error),
    /// It is another issuer's.
    #[error(
        "its document of discovery has another `issuer`: --oidc-issuer must be that, character for character"
    )]
    Another,
    /// The keys are at no place that can be trusted.
    #[error("its `jwks_uri` cannot be used: {0}")]
    Place(#[source] UrlError),
    /// They cannot be had.
    #[error("its keys cannot be had: {0}")]
    Keys(#[source] FetchError),
    /// They are not what they should be.
    #[error("its keys cannot be read: line {}, column {} is not as it should be", .0.line(), .0.column())]
    NoKeys(#[source] serde_json::Error),
    /// No token can be verified with them.
    #[error("it has no key for signatures of a known kind")]
    Useless,
}

/// An issuer.
pub(super) struct Issuer {
    /// What it calls itself.
    name: String,
    discovery: HttpsUrl,
    tls: TlsConnector,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Issuer").field(&self.name).finish()
    }
}

impl Issuer {
    /// The issuer of that name, which is its URL.
    pub(super) fn new(name: &str, tls: TlsConnector) -> Result<Self, UrlError> {
        let place = name.strip_suffix('/').unwrap_or(name);
        let discovery = HttpsUrl::parse(&format!("{place}/.well-known/openid-configuration"))?;
        Ok(Self {
            name: name.to_owned(),
            discovery,
            tls,
        })
    }

    /// What it calls itself.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its keys, and how long they are to be kept.
    pub(super) async fn keys(&self) -> Result<(KeySet, Duration), IssuerError> {
        let place = self.place().await?;
        let document = fetch::get(&self.tls, &place).await;
        let document = document.map_err(IssuerError::Keys)?;
        let keys = KeySet::parse(&document.text).map_err(IssuerError::NoKeys)?;
        if keys.is_useless() {
            return Err(IssuerError::Useless);
        }
        let age = document
            .max_age
            .map_or(AGE, |age| age.clamp(AGES.0, AGES.1));
        Ok((keys, age))
    }

    /// Where its keys are.
    async fn place(&self) -> Result<HttpsUrl, IssuerError> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let document = fetch::get(&self.tls, &self.discovery).await;
        let document = document.map_err(IssuerError::Discovery)?;
        let discovery: Discovery =
            serde_json::from_slice(&document.text).map_err(IssuerError::NoDiscovery)?;
        if discovery.issuer != self.name {
            return Err(IssuerError::Another);
        }
        HttpsUrl::parse(&discovery.jwks_uri).map_err(IssuerError::Place)
    }
}
