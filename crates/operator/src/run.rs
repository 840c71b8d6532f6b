//! The life of an operator: connect, serve health and metrics, stand by, lead, end. Does I/O.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture};
use jiff::Timestamp;
use kube::{Client, ResourceExt};
use sparkconnect_telemetry::{Health, Registry, health};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connect::connect;
use crate::context::Context;
use crate::gateway::{Gateway, Keeper, KeeperError};
use crate::key::{self, KeyError};
use crate::leader::{Elector, LeaderError};
use crate::live::Gateways;
use crate::metrics::Metrics;
use crate::pacing::Pacer;
use crate::served::{NotListed, Served, Shared};
use crate::settings::Settings;
use crate::state;
use crate::watch::Triggers;

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
    /// The caches did not fill.
    #[error(transparent)]
    Caches(#[from] NotListed),
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
    tasks.spawn(serving.run(health.clone(), registry.clone(), ended));
    let client = connect().await.map_err(RunError::Connect)?;
    health.set_ready(true); // a standby is ready too: it can take over
    let electing = connect().await.map_err(RunError::Connect)?;
    let mut elector = Elector::new(electing, &settings.namespace, &settings.pod_name);
    let mut result = Ok(());
    if elector.acquire(&stop).await {
        tracing::info!("this operator leads");
        metrics.leader.set(1);
        let led = lead(&settings, client, metrics, &registry, &stop, &tasks);
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
    registry: &Registry,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), RunError> {
    let key = key::load_or_create(client.clone(), &settings.namespace).await?;
    let (gateway, keeper) = gateway(settings, &client).await?.unzip();
    let gateways = keeper.as_ref().map(|keeper| {
        let gateways = Gateways::new(&settings.control_address(), keeper.credentials());
        Arc::new(gateways)
    });
    let shared = Shared {
        client,
        key: Arc::new(key),
        gateway,
        gateways,
        metrics,
        counts: Pacer::default(),
        session_metrics: Pacer::default(),
        stop: stop.clone(),
        tasks: tasks.clone(),
    };
    let mut served = Vec::new();
    for scope in settings.scopes() {
        let watching = connect().await.map_err(RunError::Connect)?;
        served.push(Served::start(scope, &watching, &shared, settings));
    }
    let shown = contexts(&served);
    state::register(registry, move |state| state::fill(&shown, state))?;
    begin(&shared, settings, &served, keeper);
    let patient = served.len() > 1;
    let run = served.into_iter().map(|it| it.run(patient, stop));
    future::try_join_all(run).await?;
    Ok(())
}

/// Starts what goes on beside the reconciles: what gateways counted, numbers at their pace, the gateway's certificate.
fn begin(shared: &Shared, settings: &Settings, served: &[Served], keeper: Option<Keeper>) {
    let stop = &shared.stop;
    let spawn = |work: BoxFuture<'static, ()>| {
        shared
            .tasks
            .spawn(stop.clone().run_until_cancelled_owned(work));
    };
    if let Some(gateways) = shared.gateways.clone() {
        spawn(async move { gateways.watch().await }.boxed());
    }
    let sessions = (&shared.session_metrics, settings.metric_writes_per_second);
    let servers = (&shared.counts, COUNTS_PER_SECOND);
    for ((pacer, rate), trigger) in [
        (sessions, Triggers::session as fn(&Triggers, &str, &str)),
        (servers, Triggers::server),
    ] {
        let to = by_scope(served, trigger);
        spawn(pacer.clone().run(rate, to, stop.clone()).boxed());
    }
    if let (Some(keeper), Some(gateway)) = (keeper, &shared.gateway) {
        let (authority, contexts) = (gateway.authority.clone(), contexts(served));
        spawn(keeper.keep(authority, move || told(&contexts)).boxed());
    }
}

fn contexts(served: &[Served]) -> Vec<Arc<Context>> {
    served.iter().map(|it| Arc::clone(&it.context)).collect()
}

/// Hands an object of a namespace to the queues that serve it.
fn by_scope(
    served: &[Served],
    trigger: fn(&Triggers, &str, &str),
) -> impl Fn(&str, &str) + Send + Sync + 'static {
    let queues = served.iter();
    let queues: Vec<_> = queues
        .map(|it| (it.scope.clone(), it.context.triggers.clone()))
        .collect();
    move |namespace, name| {
        let covering = queues.iter().filter(|(scope, _)| scope.covers(namespace));
        covering.for_each(|(_, triggers)| trigger(triggers, namespace, name));
    }
}

/// Every session has the gateway's authority in its connection Secret, and is to be looked at when that changes.
fn told(contexts: &[Arc<Context>]) {
    for context in contexts {
        for session in context.resources.sessions.state() {
            let namespace = session.namespace().unwrap_or_default();
            context.triggers.session(&namespace, &session.name_any());
        }
    }
}

/// The gateway, where the settings name one, once it has a certificate: connection Secrets need its authority from the start.
async fn gateway(
    settings: &Settings,
    client: &Client,
) -> Result<Option<(Gateway, Keeper)>, KeeperError> {
    let Some(address) = &settings.gateway_address else {
        return Ok(None);
    };
    let keeper = Keeper::new(client.clone(), &settings.namespace, &address.host)
        .with_certificate(settings.gateway_certificate_secret.clone());
    let gateway = Gateway::new(address.clone());
    gateway
        .authority
        .set(keeper.ensure(Timestamp::now()).await?);
    Ok(Some((gateway, keeper)))
}
