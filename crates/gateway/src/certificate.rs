//! The gateway's certificate: read from files, and read anew when they change. Does I/O on the file system.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

/// Between two looks at the files. A mounted Secret takes about a minute to change anyway.
const LOOK: Duration = Duration::from_secs(5);
/// HTTP/2, and nothing else: gRPC needs it.
const ALPN: &[u8] = b"h2";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key cannot be used, or not with each other.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Where certificate chain and key are: `tls.crt` and `tls.key` of one folder, as a mounted Secret has them.
#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// What the files held. The key is kept in memory by rustls alone.
type Content = (Vec<u8>, Vec<u8>);

impl Files {
    fn read(&self) -> Result<Content, CertificateError> {
        Ok((read(&self.chain)?, read(&self.key)?))
    }

    fn parse(&self, (chain, key): &Content) -> Result<CertifiedKey, CertificateError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CertificateError::Pem { path, source }
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed(&self.chain))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(failed(&self.key))?;
        Ok(CertifiedKey::from_der(chain, key, &provider())?)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// The present certificate.
pub struct Certificate {
    files: Files,
    present: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.files).finish()
    }
}

impl Certificate {
    /// Reads `tls.crt` and `tls.key` in `folder`.
    ///
    /// # Errors
    /// When they are not there, or no certificate and its key.
    pub fn read(folder: &Path) -> Result<Self, CertificateError> {
        let files = Files {
            chain: folder.join("tls.crt"),
            key: folder.join("tls.key"),
        };
        let present = files.parse(&files.read()?)?;
        Ok(Self {
            files,
            present: RwLock::new(Arc::new(present)),
        })
    }

    /// TLS as the gateway speaks it, with whatever certificate is present when a client comes.
    ///
    /// # Errors
    /// When rustls takes none of its own defaults.
    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, CertificateError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    /// Looks at the files again and again, and takes what they hold when it can be used. Never returns.
    pub async fn follow(&self) {
        let mut seen = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let read = self.files.read();
            if read.as_ref().ok() != seen.as_ref() {
                self.take(read.as_ref().map_err(ToString::to_string));
                seen = read.ok();
            }
        }
    }

    fn take(&self, content: Result<&Content, String>) {
        let parsed =
            content.and_then(|content| self.files.parse(content).map_err(|e| e.to_string()));
        match parsed {
            Ok(certificate) => {
                let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
                *present = Arc::new(certificate);
                tracing::info!("certificate read");
            }
            Err(error) => tracing::warn!(error, "new certificate not usable; the old one stays"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&present))
    }
}
