//! The live servers: one task a replica watches it, and what it saw last is there for reconciles to read. Does I/O with
//! Spark and with gateways, none with Kubernetes.

mod exported;
mod gateways;
mod replica;
mod snapshot;
mod tally;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sparkconnect_api::session::SessionMetrics;
use sparkconnect_spark::monitor::{Monitor, MonitorOptions};
use sparkconnect_spark::{Endpoint, SessionRef, SparkServer, Timeouts, Token};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::pacing::Pacer;
use crate::placement::{ReplicaUid, SessionUid};
use crate::watch::Triggers;
use replica::Replica;

pub use exported::Exported;
pub(crate) use exported::seconds;
pub use gateways::{Gateways, Heard, Resolve};
pub use snapshot::{Seen, SessionSeen, State};
pub use sparkconnect_api::address::CONNECT_PORT;
pub use tally::Told;

/// Port of Spark's UI in a driver pod.
pub const UI_PORT: u16 = 4040;
/// Bounds on calls to a server: it is near, and a reconcile must not wait long.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    call: Duration::from_secs(10),
    upload: Duration::from_secs(60),
};

/// One replica to watch: a driver pod with an address, between two restarts of its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Namespace of the server.
    pub namespace: String,
    /// Name of the SparkConnectServer.
    pub server: String,
    /// Name of the driver pod.
    pub pod: String,
    /// UID of the driver pod.
    pub uid: ReplicaUid,
    /// How often its container was restarted: another number is another Spark application.
    pub restarts: i32,
    /// Address of the pod.
    pub host: String,
    /// Whether Spark's UI runs.
    pub ui: bool,
    /// Whether the server has executors of its own.
    pub executors: bool,
    /// Whether Spark counts the bytes that it reads right there.
    pub count_reads: bool,
}

/// A session to watch on its replica.
#[derive(Clone, Debug)]
pub struct TrackedSession {
    /// Name of the SparkSession.
    pub name: String,
    /// Its UID, by which gateways know it.
    pub uid: SessionUid,
    /// The session on the server, as it was observed.
    pub session: SessionRef,
    /// What its status has counted so far; of artifacts those that came through gateways.
    pub metrics: SessionMetrics,
    /// How far that counting got.
    pub cursor: Option<String>,
}

/// Every watched replica.
pub struct Live {
    replicas: Mutex<HashMap<ReplicaUid, Watched>>,
    triggers: Triggers,
    pacer: Pacer,
    exported: Exported,
    gateways: Option<Arc<Gateways>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Watched {
    target: Target,
    replica: Arc<Replica>,
    /// Ends the task with this entry.
    _end: DropGuard,
}

impl Live {
    /// No replica yet. The caller has `gateways` asked again and again; `stop` ends every task that will be started.
    pub fn new(
        triggers: Triggers,
        pacer: Pacer,
        exported: Exported,
        gateways: Option<Arc<Gateways>>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            replicas: Mutex::default(),
            triggers,
            pacer,
            exported,
            gateways,
            stop,
            tasks,
        }
    }

    /// Makes the watched replicas of one server exactly `targets`; returns those that were watched before and are not now.
    pub fn sync(
        &self,
        namespace: &str,
        server: &str,
        targets: Vec<Target>,
        token: &Token,
    ) -> Vec<ReplicaUid> {
        let mut replicas = self.lock();
        let ended = |_: &ReplicaUid, watched: &mut Watched| {
            let of_server =
                watched.target.namespace == namespace && watched.target.server == server;
            of_server && !targets.contains(&watched.target)
        };
        let gone = replicas.extract_if(ended).map(|(uid, _)| uid).collect();
        for target in targets {
            if !replicas.contains_key(&target.uid)
                && let Some(watched) = self.start(&target, token)
            {
                replicas.insert(target.uid.clone(), watched);
            }
        }
        gone
    }

    /// Ends the watch of every replica of a server; returns those that were watched.
    pub fn forget(&self, namespace: &str, server: &str) -> Vec<ReplicaUid> {
        let of_server = |_: &ReplicaUid, watched: &mut Watched| {
            watched.target.namespace == namespace && watched.target.server == server
        };
        self.lock()
            .extract_if(of_server)
            .map(|(uid, _)| uid)
            .collect()
    }

    /// What was last seen of a replica.
    pub fn seen(&self, uid: &str) -> Option<Seen> {
        self.lock().get(uid).map(|watched| watched.replica.seen())
    }

    /// The client of a replica, for calls about its sessions.
    pub fn spark(&self, uid: &str) -> Option<SparkServer> {
        self.lock()
            .get(uid)
            .map(|watched| watched.replica.spark.clone())
    }

    /// Watches a session on its replica; one that is watched already stays as it is.
    pub fn track(&self, uid: &str, session: TrackedSession) {
        if let Some(watched) = self.lock().get(uid) {
            watched.replica.track(session);
        }
    }

    /// Ends the watch of a session, wherever it was.
    pub fn untrack(&self, namespace: &str, name: &str) {
        let replicas = self.lock();
        let watched = replicas
            .values()
            .filter(|watched| watched.target.namespace == namespace);
        watched.for_each(|watched| watched.replica.untrack(name));
    }

    /// What was last seen of a session.
    pub fn session(&self, uid: &str, name: &str) -> Option<SessionSeen> {
        self.lock()
            .get(uid)
            .and_then(|watched| watched.replica.session(name))
    }

    /// Looks at a replica and the gateways now rather than at their next turn: before a session is ended for idleness, say.
    pub async fn look(&self, uid: &str) {
        if let Some(gateways) = &self.gateways {
            gateways.collect().await;
        }
        if let Some(replica) = self.replica(uid) {
            replica.look().await;
        }
    }

    /// Takes what gateways counted of a replica's sessions up to now, before one of them ends.
    pub async fn hear(&self, uid: &str) {
        let Some(gateways) = &self.gateways else {
            return;
        };
        gateways.collect().await;
        if let Some(replica) = self.replica(uid) {
            replica.hear();
        }
    }

    /// How many gateways answered when they were asked last; absent where none is installed.
    pub fn gateways_answering(&self) -> Option<usize> {
        self.gateways.as_ref().map(|gateways| gateways.answering())
    }

    fn replica(&self, uid: &str) -> Option<Arc<Replica>> {
        let replicas = self.lock();
        let watched = replicas.get(uid)?;
        Some(Arc::clone(&watched.replica))
    }

    fn start(&self, target: &Target, token: &Token) -> Option<Watched> {
        let endpoint = Endpoint {
            host: target.host.clone(),
            grpc_port: CONNECT_PORT,
            tls: None,
            metadata: Vec::new(),
            ui_port: target.ui.then_some(UI_PORT),
            token: Some(token.clone()),
            timeouts: TIMEOUTS,
        };
        let spark = SparkServer::new(&endpoint)
            .inspect_err(
                |error| tracing::error!(pod = target.pod, %error, "replica cannot be watched"),
            )
            .ok()?;
        let options = MonitorOptions {
            count_reads: target.count_reads,
        };
        let monitor = target
            .ui
            .then(|| Monitor::new(&endpoint, options))
            .transpose();
        let monitor = monitor
            .inspect_err(
                |error| tracing::error!(pod = target.pod, %error, "no metrics of this replica"),
            )
            .ok()?;
        let replica = Arc::new(Replica::new(
            target.clone(),
            spark,
            monitor,
            self.triggers.clone(),
            self.pacer.clone(),
            self.exported.clone(),
            self.gateways.clone(),
        ));
        let end = self.stop.child_token();
        let (watched, ended) = (Arc::clone(&replica), end.clone());
        self.tasks
            .spawn(async move { ended.run_until_cancelled(watched.watch()).await });
        Some(Watched {
            target: target.clone(),
            replica,
            _end: end.drop_guard(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ReplicaUid, Watched>> {
        // One insert or removal at a time: the map is sound even after a panic.
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
