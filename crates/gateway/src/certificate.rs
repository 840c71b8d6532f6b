//! The gateway's certificate, that clients see. Does I/O on the file system.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::expiry;
use crate::followed::{Followed, certified, provider};

pub use crate::followed::CertificateError;

/// HTTP/2, and nothing else: gRPC needs it.
pub const ALPN: &[u8] = b"h2";

/// The present certificate.
#[derive(Debug)]
pub struct Certificate(Followed<CertifiedKey, 2>);

impl Certificate {
    /// Reads `tls.crt` and `tls.key` in `folder`, as a mounted Secret has them.
    ///
    /// # Errors
    /// When they are not there, or no certificate and its key.
    pub fn read(folder: &Path) -> Result<Self, CertificateError> {
        let names = ["tls.crt", "tls.key"];
        let read = Followed::read(folder, names, |[chain, key]| certified(&chain, &key));
        read.map(Self)
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

    /// When it ends; `None` where it does not say so in a way that is understood.
    pub fn expires(&self) -> Option<Timestamp> {
        expiry::of(self.0.present().end_entity_cert().ok()?)
    }

    /// Looks at the files again and again, and takes what they hold when it can be used. Never returns.
    pub async fn follow(&self) {
        self.0.follow().await;
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.present())
    }
}
