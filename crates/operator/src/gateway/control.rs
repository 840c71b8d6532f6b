//! What the operator shows gateways when it asks them, and how it knows them: TLS 1.3 with a certificate on either side, both of
//! this installation's authority. The operator's own certificate is in memory alone. No I/O.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sparkconnect_api::address::CONTROL_CLIENT;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::certificate::{Ca, Leaf};

/// HTTP/2, and nothing else: gRPC needs it.
const ALPN: &[u8] = b"h2";

/// Why the operator cannot show who it is.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// No certificate could be made.
    #[error("no certificate can be made for the operator: {0}")]
    Make(#[from] rcgen::Error),
    /// What was made cannot be read.
    #[error("the operator's certificate or its authority's cannot be read: {0}")]
    Pem(#[from] pem::Error),
    /// What was made cannot be used.
    #[error("the operator's certificate or its authority's cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

/// The present credentials, shared between who keeps them and who asks. Cheap to clone; `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Credentials(Arc<Mutex<Option<Present>>>);

struct Present {
    leaf: Leaf,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Sees to it that there is a certificate of `ca` that lasts.
    ///
    /// # Errors
    /// When none can be made.
    pub fn keep(&self, ca: &Ca, now: Timestamp) -> Result<(), CredentialError> {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = |present: &Present| {
            present.leaf.authority() == ca.certificate() && present.leaf.shows(CONTROL_CLIENT, now)
        };
        if !present.as_ref().is_some_and(lasts) {
            let leaf = ca.issue_client(CONTROL_CLIENT, now)?;
            let config = Arc::new(config(&leaf)?);
            *present = Some(Present { leaf, config });
        }
        Ok(())
    }

    /// TLS to a gateway; nothing before there was an authority.
    pub fn config(&self) -> Option<Arc<ClientConfig>> {
        let present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        present.as_ref().map(|present| Arc::clone(&present.config))
    }
}

fn config(leaf: &Leaf) -> Result<ClientConfig, CredentialError> {
    let (certificate, key) = leaf.pair();
    let mut authority = RootCertStore::empty();
    authority.add(CertificateDer::from_pem_slice(leaf.authority().as_bytes())?)?;
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(authority)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection shows both certificates.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str) -> Timestamp {
        format!("{date}T12:00:00Z").parse().unwrap()
    }

    #[test]
    fn a_certificate_is_made_anew_before_it_ends_and_with_another_authority() {
        let credentials = Credentials::default();
        assert!(credentials.config().is_none());
        let ca = Ca::make(at("2026-03-01")).unwrap();
        let kept = |ca: &Ca, date: &str| {
            credentials.keep(ca, at(date)).unwrap();
            credentials.config().unwrap()
        };
        let first = kept(&ca, "2026-03-01");
        assert!(Arc::ptr_eq(&first, &kept(&ca, "2026-09-01")));
        let second = kept(&ca, "2026-12-01");
        assert!(!Arc::ptr_eq(&first, &second));
        let other = Ca::make(at("2026-12-01")).unwrap();
        assert!(!Arc::ptr_eq(&second, &kept(&other, "2026-12-01")));
        assert!(!format!("{credentials:?}").contains("PRIVATE"));
    }
}
