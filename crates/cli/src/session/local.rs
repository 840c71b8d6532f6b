//! A port of this host for plain PySpark, which can be told neither whom to trust nor which name a certificate is to have: it takes a
//! session's calls in the clear, and passes them on over TLS. Does I/O.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sparkconnect_client::{Category, Connection, Error, Trust};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

/// What gRPC speaks.
const HTTP2: &[u8] = b"h2";

/// The port, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct LocalPort {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl LocalPort {
    /// Opens a port of the loopback address, of the system's choice, once `far` was reached over TLS.
    pub(crate) async fn open(far: &Connection, trust: &Trust) -> Result<Self, Error> {
        let far = Far::new(far, trust)?;
        drop(far.connect().await?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| {
            Error::new(Category::Failed, "no port of this host can be opened").caused_by(error)
        })?;
        Ok(Self {
            address,
            _task: AbortOnDropHandle::new(tokio::spawn(serve(listener, far))),
        })
    }

    /// The same connection by this port.
    pub(crate) fn connection(&self, far: Connection) -> Connection {
        Connection {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            tls: None,
            ..far
        }
    }
}

/// Where the port leads.
#[derive(Clone)]
struct Far {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Far {
    fn new(connection: &Connection, trust: &Trust) -> Result<Self, Error> {
        let name = trust.server_name.as_ref().unwrap_or(&connection.host);
        let name = ServerName::try_from(name.clone()).map_err(|error| {
            Error::new(Category::Protocol, "the session's host is no name").caused_by(error)
        })?;
        Ok(Self {
            host: connection.host.clone(),
            port: connection.port,
            name,
            tls: connector(trust)?,
        })
    }

    async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
        let connected = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            self.tls.connect(self.name.clone(), stream).await
        };
        connected.await.map_err(|error| {
            let at = format!("{}:{}", self.host, self.port);
            Error::new(Category::Unavailable, format!("no TLS connection to {at}")).caused_by(error)
        })
    }
}

async fn serve(listener: TcpListener, far: Far) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((near, _)) => {
                let far = far.clone();
                connections.spawn(async move { pass(near, &far).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of the local port cannot be taken");
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(mut near: TcpStream, far: &Far) {
    let _ = near.set_nodelay(true);
    match far.connect().await {
        // How it ends is seen on either side.
        Ok(mut far) => drop(copy_bidirectional(&mut near, &mut far).await),
        Err(error) => tracing::warn!(%error, "a connection is not passed on"),
    }
}

fn connector(trust: &Trust) -> Result<TlsConnector, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions");
    let mut config = config
        .with_root_certificates(roots(trust)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(trust: &Trust) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = &trust.ca else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let given: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(ca.as_bytes()).collect();
    let given = given.map_err(|error| {
        let message = "the session's connection Secret has a `ca.crt` that is none";
        Error::new(Category::Protocol, message).caused_by(error)
    })?;
    roots.add_parsable_certificates(given);
    Ok(roots)
}
