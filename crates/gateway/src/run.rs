//! The life of a gateway: read key and certificate, follow the resources, serve, end in good order. Does I/O.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::Client;
use sparkconnect_spark::InstallationKey;
use sparkconnect_telemetry::{Health, Registry, health};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::ad_hoc::AdHoc;
use crate::certificate::{Certificate, CertificateError};
use crate::counts::Ledger;
use crate::directory::Directory;
use crate::identity::Identities;
use crate::limiter::Limiter;
use crate::listen::Door;
use crate::oidc::OidcSetupError;
use crate::proxy::Proxy;
use crate::settings::{Settings, WINDOWS};
use crate::upstream::Upstreams;
use crate::watch::Watch;

/// Why the gateway ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no installation key.
    #[error("the installation key cannot be read from {}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is there is no installation key.
    #[error("{} holds no installation key of 32 bytes: mount the operator's Secret", .0.display())]
    NoKey(PathBuf),
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There is no way to the API server.
    #[error("no way to the Kubernetes API: {0}")]
    Connect(#[source] kube::Error),
    /// The address of health and metrics cannot be had.
    #[error(transparent)]
    Health(#[from] health::BindError),
    /// The issuer's settings contradict each other, or its authority cannot be read.
    #[error(transparent)]
    Oidc(#[from] OidcSetupError),
    /// The address of Spark Connect cannot be had.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs the gateway until `stop`.
///
/// # Errors
/// When it cannot start.
pub async fn run(settings: Settings, stop: CancellationToken) -> Result<(), RunError> {
    let key = key(&settings.key_file)?;
    let certificate = Arc::new(Certificate::read(&settings.tls_folder)?);
    let tls = TlsAcceptor::from(Arc::new(certificate.config()?));
    let health = Health::new();
    let serving = health::Server::bind(settings.common.health_address).await?;
    let address = settings.listen_address;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| RunError::Listen { address, source })?;
    let client = Client::try_default().await.map_err(RunError::Connect)?;
    let (directory, ledger) = (Arc::new(Directory::default()), Ledger::default());
    let watch = Watch::new(Arc::clone(&directory), ledger.clone(), key);
    let door = Door {
        proxy: Arc::new(Proxy {
            identities: Identities::new(
                Arc::clone(&directory),
                client.clone(),
                settings.token_audience,
                settings.oidc.provider()?,
            ),
            ad_hoc: AdHoc::new(directory, client.clone(), settings.limits.ad_hoc()),
            domain: settings.domain,
            upstreams: Upstreams::new(WINDOWS, settings.limits.connect_timeout),
            ledger,
            users: Limiter::new(settings.limits.max_calls_per_user),
            limits: settings.limits.calls(),
        }),
        tls,
        limits: settings.limits.connections(),
    };
    let ended = CancellationToken::new();
    let _ended = ended.clone().drop_guard();
    tokio::spawn(serving.run(
        health.clone(),
        Registry::new(),
        ended.clone().cancelled_owned(),
    ));
    tokio::spawn(
        ended
            .clone()
            .run_until_cancelled_owned(async move { certificate.follow().await }),
    );
    let namespace = settings.common.watch_namespace;
    let told = health.clone();
    tokio::spawn(ended.clone().run_until_cancelled_owned(async move {
        watch.run(client, namespace.as_deref(), told).await;
    }));
    tracing::info!(%address, "the gateway serves");
    door.serve(listener, stop).await;
    health.set_ready(false);
    Ok(())
}

fn key(path: &Path) -> Result<InstallationKey, RunError> {
    let bytes = std::fs::read(path).map_err(|source| RunError::Key {
        path: path.to_owned(),
        source,
    })?;
    let bytes = bytes
        .try_into()
        .map_err(|_| RunError::NoKey(path.to_owned()))?;
    Ok(InstallationKey::from_bytes(bytes))
}
