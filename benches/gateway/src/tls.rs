//! The one kind of TLS that everything here is measured with: TLS 1.3, AES-128-GCM, X25519, a P-256 certificate. Reads and writes files.

use std::path::Path;
use std::sync::Arc;

use sparkconnect_api::address;
use sparkconnect_testkit::Result;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::pki::{self, Authority};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Folder of what the gateway meets its operator with.
pub const CONTROL: &str = "control";

/// Writes `tls.crt`, `tls.key` and both in one as `both.pem` to `folder`, for the IP address `name`; returns what trusts them.
///
/// # Errors
/// When the files cannot be written.
pub fn issue(folder: &Path, name: &str) -> Result<TlsConnector> {
    let authority = Authority::new("benchmark")?;
    let credentials = authority.server("benchmark", &[], &[name])?;
    credentials.write(folder, "tls")?;
    let both = format!("{}{}", credentials.certificate, credentials.key);
    pki::write_private(&folder.join("both.pem"), &both)?;
    control(&authority, folder)?;
    connector(authority.certificate())
}

/// What the gateway's operator asks it by: nobody does here, but the gateway does not start without.
fn control(authority: &Authority, folder: &Path) -> Result<()> {
    let folder = folder.join(CONTROL);
    std::fs::create_dir(&folder).context(|| format!("making {}", folder.display()))?;
    let credentials = authority.server("benchmark", &[], &[address::CONTROL_SERVER])?;
    credentials.write(&folder, "tls")?;
    pki::write_private(&folder.join("ca.crt"), authority.certificate())
}

fn connector(authority: &str) -> Result<TlsConnector> {
    let trusting = || "trusting a certificate".to_owned();
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).context(trusting)?;
    roots.add(certificate).context(trusting)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .context(trusting)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// TLS as a server, with `tls.crt` and `tls.key` of `folder`.
///
/// # Errors
/// When they cannot be read.
pub fn acceptor(folder: &Path) -> Result<TlsAcceptor> {
    let reading = || format!("reading the certificate in {}", folder.display());
    let certificate = CertificateDer::from_pem_file(folder.join("tls.crt")).context(reading)?;
    let key = PrivateKeyDer::from_pem_file(folder.join("tls.key")).context(reading)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .context(reading)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context(reading)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    })
}
