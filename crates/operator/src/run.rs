//! The life of an operator: connect, serve health and metrics, stand by, lead, end. Does I/O.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::Controller;
use kube::{Client, ResourceExt};
use sparkconnect_spark::InstallationKey;
use sparkconnect_telemetry::{Health, Registry, health};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::apply::Applier;
use crate::backoff::Backoff;
use crate::connect::connect;
use crate::context::Context;
use crate::control::{self, Queues};
use crate::events::Events;
use crate::gateway::{Gateway, Keeper, KeeperError};
use crate::key::{self, KeyError};
use crate::leader::{Elector, LeaderError};
use crate::live::{Gateways, Live};
use crate::metrics::Metrics;
use crate::pacing::Pacer;
use crate::placement::Placement;
use crate::server::validate::Defaults;
use crate::settings::Settings;
use crate::watch::{self, GuardedServer, GuardedSession, Resources, Scope, Triggers, Watches};

/// Longest time for caches to fill at the start.
const FILL: Duration = Duration::from_secs(60);
/// Most reconciles a second of servers for the number of their sessions alone.
const COUNTS_PER_SECOND: u16 = 10;
/// Longest time for tasks to end after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// Why the operator ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no way to the API server.
    #[error("no way to the Kubernetes API: {0}")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address of health and metrics cannot be had.
    #[error(transparent)]
    Health(#[from] health::BindError),
    /// A metric is registered twice.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// There is no installation key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The gateway has no certificate.
    #[error(transparent)]
    Gateway(#[from] KeeperError),
    /// Another operator leads.
    #[error(transparent)]
    Leader(#[from] LeaderError),
    /// The caches did not fill: a watch is refused.
    #[error("the first lists did not come within {} s: see the warnings before this", FILL.as_secs())]
    Caches,
}

/// Runs the operator until `stop`.
///
/// # Errors
/// When it cannot start, or loses its leadership: the process must end then, so that two never act at a time.
pub async fn run(settings: Settings, stop: CancellationToken) -> Result<(), RunError> {
    let (health, registry) = (Health::new(), Registry::new());
    let metrics = Metrics::register(&registry)?;
    let serving = health::Server::bind(settings.common.health_address).await?;
    let tasks = TaskTracker::new();
    let ended = stop.clone().cancelled_owned();
    tasks.spawn(serving.run(health.clone(), registry, ended));
    let client = connect().await.map_err(RunError::Connect)?;
    health.set_ready(true); // a standby is ready too: it can take over
    let mut elector = Elector::new(client.clone(), &settings.namespace, &settings.pod_name);
    let mut result = Ok(());
    if elector.acquire(&stop).await {
        tracing::info!("this operator leads");
        metrics.leader.set(1);
        let led = lead(&settings, client, metrics, &stop, &tasks);
        result = tokio::select! {
            led = led => led,
            Err(lost) = elector.hold() => Err(lost.into()),
        };
        stop.cancel();
        elector.give_back().await;
    }
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("some tasks did not end in time");
    }
    result
}

/// Acts as the leader until `stop`.
async fn lead(
    settings: &Settings,
    client: Client,
    metrics: Metrics,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), RunError> {
    let key = key::load_or_create(client.clone(), &settings.namespace).await?;
    let (gateway, keeper) = gateway(settings, &client).await?.unzip();
    let gateways = keeper.as_ref().map(|keeper| {
        let gateways = Gateways::new(&settings.control_address(), keeper.credentials());
        Arc::new(gateways)
    });
    let scope = settings
        .common
        .watch_namespace
        .clone()
        .map_or(Scope::Cluster, Scope::Namespace);
    let servers = Controller::new(scope.api::<GuardedServer>(client.clone()), watch::config());
    let sessions = Controller::new(scope.api::<GuardedSession>(client.clone()), watch::config());
    let (triggers, queues) = queues();
    let watches = Watches {
        client,
        scope,
        stop: stop.clone(),
        tasks: tasks.clone(),
        triggers,
    };
    let resources = Resources {
        servers: servers.store(),
        sessions: sessions.store(),
    };
    let context = Context {
        gateway,
        ..context(settings, &watches, resources, key, metrics, gateways)
    };
    let context = Arc::new(context);
    watches.inputs(&context.resources, &context.inputs);
    if let Some(keeper) = keeper {
        keep(keeper, &context, &watches);
    }
    let filled = tokio::time::timeout(FILL, context.caches.filled());
    stop.run_until_cancelled(filled)
        .await
        .unwrap_or(Ok(()))
        .map_err(|_| RunError::Caches)?;
    control::run(context, servers, sessions, queues, stop).await;
    Ok(())
}

/// The gateway, where the settings name one, once it has a certificate: connection Secrets need its authority from the start.
async fn gateway(
    settings: &Settings,
    client: &Client,
) -> Result<Option<(Gateway, Keeper)>, KeeperError> {
    let Some(address) = &settings.gateway_address else {
        return Ok(None);
    };
    let keeper = Keeper::new(client.clone(), &settings.namespace, &address.host);
    let gateway = Gateway::new(address.clone());
    gateway
        .authority
        .set(keeper.ensure(Timestamp::now()).await?);
    Ok(Some((gateway, keeper)))
}

/// Keeps the gateway's certificate; every session has its authority in its connection Secret.
fn keep(keeper: Keeper, context: &Context, watches: &Watches) {
    let Some(gateway) = &context.gateway else {
        return;
    };
    let (resources, triggers) = (context.resources.clone(), context.triggers.clone());
    let kept = keeper.keep(gateway.authority.clone(), move || {
        for session in resources.sessions.state() {
            let namespace = session.namespace().unwrap_or_default();
            triggers.session(&namespace, &session.name_any());
        }
    });
    let stop = watches.stop.clone();
    watches
        .tasks
        .spawn(async move { stop.run_until_cancelled(kept).await });
}

/// What the reconciles have at hand, with the watches and tasks that fill it.
fn context(
    settings: &Settings,
    watches: &Watches,
    resources: Resources,
    key: InstallationKey,
    metrics: Metrics,
    gateways: Option<Arc<Gateways>>,
) -> Context {
    let (client, triggers) = (watches.client.clone(), watches.triggers.clone());
    let to_sessions = triggers.clone();
    let session_metrics = paced(
        watches,
        settings.metric_writes_per_second,
        move |namespace, name| to_sessions.session(namespace, name),
    );
    let to_servers = triggers.clone();
    let counts = paced(watches, COUNTS_PER_SECOND, move |namespace, name| {
        to_servers.server(namespace, name);
    });
    Context {
        applier: Applier::new(client.clone()),
        events: Events::new(client.clone(), &settings.pod_name),
        live: Live::new(
            triggers.clone(),
            session_metrics,
            metrics.servers.clone(),
            gateways,
            watches.stop.clone(),
            watches.tasks.clone(),
        ),
        counts,
        placement: Placement::default(),
        caches: watches.caches(),
        inputs: Arc::default(),
        triggers,
        key,
        defaults: Defaults {
            image: settings.default_image.clone(),
            operator_namespace: Some(settings.namespace.clone()),
            gateway: settings.gateway_address.is_some(),
        },
        gateway: None,
        backoff: Backoff::default(),
        metrics,
        resources,
        client,
        restored: OnceCell::new(),
    }
}

/// A pacer that runs.
fn paced(
    watches: &Watches,
    per_second: u16,
    reconcile: impl Fn(&str, &str) + Send + Sync + 'static,
) -> Pacer {
    let pacer = Pacer::default();
    let run = pacer
        .clone()
        .run(per_second, reconcile, watches.stop.clone());
    watches.tasks.spawn(run);
    pacer
}

fn queues() -> (Triggers, Queues) {
    let (to_servers, servers) = unbounded_channel();
    let (to_sessions, sessions) = unbounded_channel();
    (
        Triggers {
            servers: to_servers,
            sessions: to_sessions,
        },
        Queues { servers, sessions },
    )
}
