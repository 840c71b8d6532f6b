//! The life of a gateway: read key and certificate, follow the resources, serve, end in good order. Does I/O.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use sparkconnect_spark::InstallationKey;
use sparkconnect_telemetry::listen::listen;
use sparkconnect_telemetry::{Health, Registry, health};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::ad_hoc::AdHoc;
use crate::certificate::{Certificate, CertificateError};
use crate::control::{Control, Credentials};
use crate::counts::Ledger;
use crate::directory::Directory;
use crate::identity::Identities;
use crate::limiter::Limiter;
use crate::listen::Door;
use crate::metrics::{self, Metrics};
use crate::oidc::OidcSetupError;
use crate::proxy::Proxy;
use crate::settings::{Settings, WINDOWS};
use crate::upstream::Upstreams;
use crate::watch::Watch;
use crate::workers::Workers;

/// Longest wait for the operator to collect the last numbers before the end: it asks every two seconds.
const LAST_NUMBERS: Duration = Duration::from_secs(6);

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
    /// A metric is registered twice.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// The threads that serve clients cannot be started.
    #[error("no threads to serve clients: {0}")]
    Threads(#[source] std::io::Error),
    /// The address of health and metrics cannot be had.
    #[error(transparent)]
    Health(#[from] health::BindError),
    /// The issuer's settings contradict each other, or its authority cannot be read.
    #[error(transparent)]
    Oidc(#[from] OidcSetupError),
    /// The address of Spark Connect, or of the operator's questions, cannot be had.
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
    let listener = listen(address).await;
    let listener = listener.map_err(|source| RunError::Listen { address, source })?;
    let client = Client::try_default().await.map_err(RunError::Connect)?;
    let (directory, ledger) = (Arc::new(Directory::default()), Ledger::default());
    let credentials = Arc::new(Credentials::read(&settings.control_tls_folder)?);
    let control = control(&settings, &credentials, &ledger).await?;
    let registry = Registry::new();
    let metrics = Arc::new(Metrics::register(&registry)?);
    observe(&registry, &directory, &certificate, &credentials)?;
    let watch = Watch::new(Arc::clone(&directory), ledger.clone(), key);
    let door = Door {
        proxy: Arc::new(proxy(&settings, &client, directory, &ledger, &metrics)?),
        tls,
        limits: settings.limits.connections(),
    };
    let connect = settings.limits.connect_timeout;
    let upstreams = || Upstreams::new(WINDOWS, connect, Arc::clone(&metrics));
    let workers = Workers::start(settings.threads(), upstreams).map_err(RunError::Threads)?;
    let ended = CancellationToken::new();
    let _ended = ended.clone().drop_guard();
    tokio::spawn(serving.run(health.clone(), registry, ended.clone().cancelled_owned()));
    tokio::spawn(
        ended
            .clone()
            .run_until_cancelled_owned(async move { certificate.follow().await }),
    );
    tokio::spawn(ended.clone().run_until_cancelled_owned(async move {
        tokio::join!(credentials.follow(), control.serve());
    }));
    let namespaces = settings.common.watch_namespaces;
    let told = health.clone();
    tokio::spawn(ended.clone().run_until_cancelled_owned(async move {
        watch.run(client, &namespaces, told).await;
    }));
    tracing::info!(%address, "the gateway serves");
    door.serve(listener, workers, stop).await;
    health.set_ready(false);
    if tokio::time::timeout(LAST_NUMBERS, ledger.collected())
        .await
        .is_err()
    {
        tracing::warn!("the operator did not collect the last numbers");
    }
    Ok(())
}

/// What every call needs.
fn proxy(
    settings: &Settings,
    client: &Client,
    directory: Arc<Directory>,
    ledger: &Ledger,
    metrics: &Arc<Metrics>,
) -> Result<Proxy, OidcSetupError> {
    let (limits, audience) = (&settings.limits, settings.token_audience.clone());
    let issuer = settings.oidc.provider()?;
    Ok(Proxy {
        identities: Identities::new(Arc::clone(&directory), client.clone(), audience, issuer),
        ad_hoc: AdHoc::new(directory, client.clone(), limits.ad_hoc()),
        domain: settings.domain.clone(),
        ledger: ledger.clone(),
        users: Limiter::new(limits.max_calls_per_user),
        limits: limits.calls(),
        metrics: Arc::clone(metrics),
        access_log: settings.access_log,
    })
}

/// The listener for the operator.
async fn control(
    settings: &Settings,
    credentials: &Arc<Credentials>,
    ledger: &Ledger,
) -> Result<Control, RunError> {
    let address = settings.control_address;
    let bound = Control::bind(address, Arc::clone(credentials), ledger.clone()).await;
    bound.map_err(|source| RunError::Listen { address, source })
}

/// Has the metrics show what is looked up when somebody asks.
fn observe(
    registry: &Registry,
    directory: &Arc<Directory>,
    certificate: &Arc<Certificate>,
    credentials: &Arc<Credentials>,
) -> prometheus::Result<()> {
    let (directory, certificate) = (Arc::clone(directory), Arc::clone(certificate));
    let credentials = Arc::clone(credentials);
    metrics::sessions(registry, move || directory.count())?;
    metrics::expiry(registry, "clients", move || certificate.expires())?;
    metrics::expiry(registry, "operator", move || credentials.expires())
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
