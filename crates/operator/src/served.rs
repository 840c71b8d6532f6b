//! What the operator serves: the whole cluster, or each of some namespaces by caches, queues and controllers of its own, so that one that
//! cannot be read holds up no other. Reads from the API server, and does the I/O of reconciles.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::runtime::Controller;
use sparkconnect_spark::InstallationKey;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::apply::Applier;
use crate::backoff::Backoff;
use crate::context::Context;
use crate::control::{self, Queues};
use crate::events::Events;
use crate::gateway::Gateway;
use crate::live::{Gateways, Live};
use crate::metrics::Metrics;
use crate::pacing::Pacer;
use crate::placement::Placement;
use crate::server::validate::Defaults;
use crate::settings::Settings;
use crate::watch::{self, GuardedServer, GuardedSession, Resources, Scope, Triggers, Watches};

/// Longest time for caches to fill at the start, before that is told.
const FILL: Duration = Duration::from_secs(60);

/// The caches did not fill: a watch is refused.
#[derive(Debug, thiserror::Error)]
#[error("{scope}: the first lists did not come within {} s: see the warnings before this", FILL.as_secs())]
pub struct NotListed {
    scope: Scope,
}

/// What is one for all scopes.
pub struct Shared {
    /// Connection to the API server, for all but watches.
    pub client: Client,
    /// Source of every token.
    pub key: Arc<InstallationKey>,
    /// The gateway, where there is one.
    pub gateway: Option<Gateway>,
    /// What its replicas counted.
    pub gateways: Option<Arc<Gateways>>,
    /// Counters for Prometheus.
    pub metrics: Metrics,
    /// Servers that are to count their sessions again.
    pub counts: Pacer,
    /// Sessions whose numbers changed.
    pub session_metrics: Pacer,
    /// Ends everything.
    pub stop: CancellationToken,
    /// Counts what runs, so that the process can wait for its end.
    pub tasks: TaskTracker,
}

/// A scope with its caches, which fill from now on, and its controllers, which wait.
pub struct Served {
    /// Which namespaces.
    pub scope: Scope,
    /// What its reconciles have at hand.
    pub context: Arc<Context>,
    servers: Controller<GuardedServer>,
    sessions: Controller<GuardedSession>,
    queues: Queues,
}

impl Served {
    /// Starts the watches of `scope`, on a connection of their own.
    pub fn start(scope: Scope, watching: &Client, shared: &Shared, settings: &Settings) -> Self {
        let client = || watching.clone();
        let servers = Controller::new(scope.api::<GuardedServer>(client()), watch::config());
        let sessions = Controller::new(scope.api::<GuardedSession>(client()), watch::config());
        let (triggers, queues) = queues();
        let watches = Watches {
            client: client(),
            scope: scope.clone(),
            stop: shared.stop.clone(),
            tasks: shared.tasks.clone(),
            triggers,
        };
        let resources = Resources {
            servers: servers.store(),
            sessions: sessions.store(),
        };
        let context = context(settings, shared, &watches, resources);
        watches.inputs(&context.resources, &context.inputs);
        tell(&context, &scope, false);
        Self {
            scope,
            context: Arc::new(context),
            servers,
            sessions,
            queues,
        }
    }

    /// Reconciles until `stop`, once the caches are filled. `patient`: where that does not come about it waits on, for what else is served
    /// goes on.
    ///
    /// # Errors
    /// When the caches do not fill, and nobody is patient.
    pub async fn run(mut self, patient: bool, stop: &CancellationToken) -> Result<(), NotListed> {
        let filled = stop.run_until_cancelled(self.filled(patient)).await;
        filled.unwrap_or(Ok(()))?;
        control::run(self.context, self.servers, self.sessions, self.queues, stop).await;
        Ok(())
    }

    async fn filled(&mut self, patient: bool) -> Result<(), NotListed> {
        let caches = &self.context.caches;
        while tokio::time::timeout(FILL, caches.filled()).await.is_err() {
            let scope = self.scope.clone();
            let error = NotListed { scope };
            if !patient {
                return Err(error);
            }
            tracing::warn!(%error, "not served until they come");
            // Nobody takes what the watches that do work bring. It is not lost: reconciles begin with everything that there is.
            while self.queues.servers.try_recv().is_ok() {}
            while self.queues.sessions.try_recv().is_ok() {}
        }
        tell(&self.context, &self.scope, true);
        tracing::info!(scope = %self.scope, "the caches are filled");
        Ok(())
    }
}

/// Shows whether a namespace that is named is served.
fn tell(context: &Context, scope: &Scope, served: bool) {
    if let Scope::Namespace(name) = scope {
        let gauge = context.metrics.namespaces.with_label_values(&[name]);
        gauge.set(served.into());
    }
}

/// What the reconciles of a scope have at hand, with the watches and tasks that fill it.
fn context(
    settings: &Settings,
    shared: &Shared,
    watches: &Watches,
    resources: Resources,
) -> Context {
    let (client, triggers) = (shared.client.clone(), watches.triggers.clone());
    Context {
        applier: Applier::new(client.clone()),
        events: Events::new(client.clone(), &settings.pod_name),
        live: Live::new(
            triggers.clone(),
            shared.session_metrics.clone(),
            shared.metrics.servers.clone(),
            shared.gateways.clone(),
            watches.stop.clone(),
            watches.tasks.clone(),
        ),
        counts: shared.counts.clone(),
        placement: Placement::default(),
        caches: watches.caches(),
        inputs: Arc::default(),
        triggers,
        key: Arc::clone(&shared.key),
        defaults: Defaults {
            image: settings.default_image.clone(),
            operator_namespace: Some(settings.namespace.clone()),
            gateway: settings.gateway_address.is_some(),
        },
        gateway: shared.gateway.clone(),
        backoff: Backoff::default(),
        metrics: shared.metrics.clone(),
        resources,
        client,
        restored: OnceCell::new(),
    }
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
