//! What every reconcile has at hand. No I/O of its own.

use std::sync::Arc;

use kube::Client;
use sparkconnect_spark::InstallationKey;
use tokio::sync::OnceCell;

use crate::apply::Applier;
use crate::backoff::Backoff;
use crate::events::Events;
use crate::gateway::Gateway;
use crate::input_index::InputIndex;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::pacing::Pacer;
use crate::placement::Placement;
use crate::server::validate::Defaults;
use crate::watch::{Caches, Resources, Triggers};

/// Shared by the reconciles of both controllers.
pub struct Context {
    /// Connection to the API server.
    pub client: Client,
    /// The one writer of child objects.
    pub applier: Applier,
    /// Writer of events.
    pub events: Events,
    /// The live servers.
    pub live: Live,
    /// Servers that are to count their sessions again.
    pub counts: Pacer,
    /// Which session lives where.
    pub placement: Placement,
    /// Both resources, as last seen.
    pub resources: Resources,
    /// Everything that the operator made, as last seen.
    pub caches: Caches,
    /// Which Secrets and ConfigMaps servers use.
    pub inputs: Arc<InputIndex>,
    /// Queues of both controllers.
    pub triggers: Triggers,
    /// Source of every server's and every session's token.
    pub key: Arc<InstallationKey>,
    /// What a spec may leave open.
    pub defaults: Defaults,
    /// The gateway that sessions' URLs lead through; absent where they lead to the servers themselves.
    pub gateway: Option<Gateway>,
    /// Failures in a row, by object.
    pub backoff: Backoff,
    /// Counters for Prometheus.
    pub metrics: Metrics,
    /// Set once it is known again which session lives where: no reconcile decides before.
    pub restored: OnceCell<()>,
}
