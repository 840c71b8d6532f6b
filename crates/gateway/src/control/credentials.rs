//! Who may ask, and how the gateway shows who it is: TLS 1.3 with a certificate on either side, both of the operator's own
//! authority. Does I/O on the file system.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sparkconnect_api::address::CONTROL_CLIENT;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::certificate::{ALPN, CertificateError};
use crate::expiry;
use crate::followed::{Content, Followed, certified, provider};

/// Why a connection is not the operator's.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stranger {
    /// It is not TLS 1.3 with a certificate of the operator's authority.
    #[error("no TLS with a certificate of the operator's authority: {0}")]
    Tls(#[from] io::Error),
    /// The certificate is another one's.
    #[error("its certificate is not for {CONTROL_CLIENT}: {0}")]
    Name(#[from] rustls::Error),
}

#[derive(Debug)]
struct Present {
    config: Arc<ServerConfig>,
    expires: Option<Timestamp>,
}

/// The certificate that the operator knows this gateway by, and the authority that the operator is known by.
#[derive(Debug)]
pub struct Credentials(Followed<Present, 3>);

impl Credentials {
    /// Reads `tls.crt`, `tls.key` and `ca.crt` in `folder`, as a mounted Secret has them.
    ///
    /// # Errors
    /// When they are not there, or no certificate with its key and an authority.
    pub fn read(folder: &Path) -> Result<Self, CertificateError> {
        Followed::read(folder, ["tls.crt", "tls.key", "ca.crt"], parse).map(Self)
    }

    /// Looks at the files again and again, and takes what they hold when it can be used. Never returns.
    pub async fn follow(&self) {
        self.0.follow().await;
    }

    /// When the certificate ends; `None` where it does not say so in a way that is understood.
    pub fn expires(&self) -> Option<Timestamp> {
        self.0.present().expires
    }

    /// A connection, once it is known to be the operator's.
    pub(super) async fn accept(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Stranger> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0.present().config));
        let stream = acceptor.accept(stream).await?;
        check_name(stream.get_ref().1.peer_certificates())?;
        Ok(stream)
    }
}

fn parse([chain, key, authority]: [Content; 3]) -> Result<Present, CertificateError> {
    let (provider, key) = (Arc::new(provider()), certified(&chain, &key)?);
    let authority = Arc::new(authority.authorities()?);
    let operators =
        WebPkiClientVerifier::builder_with_provider(authority, Arc::clone(&provider)).build()?;
    let expires = key.end_entity_cert().ok().and_then(|it| expiry::of(it));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(operators)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A session that goes on would be one of an authority that may not be trusted any more.
    config.send_tls13_tickets = 0;
    let config = Arc::new(config);
    Ok(Present { config, expires })
}

/// The authority signs for others too: the gateway's own certificates are its.
fn check_name(chain: Option<&[CertificateDer<'_>]>) -> Result<(), rustls::Error> {
    let none = rustls::Error::NoCertificatesPresented;
    let certificate = chain.and_then(<[_]>::first).ok_or(none)?;
    let name = ServerName::try_from(CONTROL_CLIENT).expect("it is a DNS name");
    verify_server_name(&ParsedCertificate::try_from(certificate)?, &name)
}
