//! What is known of a session, its server and its replica when a decision is due. No I/O: read from caches, from memory, and
//! from what was fetched.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, Secret};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use sparkconnect_api::server::ReplicaPhase;
use sparkconnect_api::{
    Reason, SessionStatus, SparkConnectServer, SparkSession, condition, labels,
};

use super::connection::Connection;
use super::limits::Limits;
use super::secret;
use crate::context::Context;
use crate::live::{Seen, SessionSeen, State};
use crate::placement::ReplicaUid;
use crate::server::SPARK_CONTAINER;

/// Everything that a decision rests on.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The session, as it was last read.
    pub session: &'a SparkSession,
    /// Its status, empty for a new one.
    pub status: SessionStatus,
    /// The server that it names.
    pub server: Server,
    /// How long it may live, and what follows the loss of its replica.
    pub limits: Limits,
    /// The replica that it was assigned to.
    pub replica: Replica,
    /// What the live watch saw of it on that replica.
    pub seen: Option<SessionSeen>,
    /// Replicas that could take it.
    pub candidates: Vec<Candidate>,
    /// Whether it is a clone whose replica is gone.
    pub orphaned: bool,
    /// How a client reaches it; `None` before it has a replica, and where nothing tells.
    pub connection: Option<Connection>,
    /// Its connection Secret.
    pub secret: Binding,
    /// What this reconcile has done already.
    pub done: Done,
    /// The time.
    pub now: Timestamp,
}

/// What a reconcile has done, where no cache shows it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The replica was looked at.
    pub looked: bool,
    /// The session was released on its replica.
    pub released: bool,
    /// The connection Secret was deleted.
    pub secret_deleted: bool,
}

/// The server that a session names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// There is none of that name, or none that can be read.
    Missing,
    /// It is being deleted.
    Deleting,
    /// It is stopped.
    Suspended,
    /// It runs or starts.
    Running {
        /// What a waiting session says of it: reason and message.
        why_not: (Reason, String),
    },
}

/// The replica that a session was assigned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replica {
    /// None was.
    Unassigned,
    /// It ended, and everything on it with it.
    Gone {
        /// What happened, to follow its name.
        what: String,
    },
    /// It is there, and not seen yet: the operator or the driver has just started.
    Unseen,
    /// It is there and does not answer.
    Unreachable,
    /// It answers.
    Serving {
        /// Its Spark application, where that is known.
        application_id: Option<String>,
    },
}

/// A replica that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// UID of its pod.
    pub uid: ReplicaUid,
    /// Name of its pod.
    pub name: String,
    /// Its Spark application, where that is known.
    pub application_id: Option<String>,
}

/// The connection Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// There is none.
    Absent,
    /// There is one with the content that it should have.
    Right,
    /// There is one with other content.
    Wrong,
}

/// What was read from the API server itself, because a cache may be behind. Not `Debug`: it holds a Secret.
#[derive(Clone, Default)]
pub struct Fetched {
    /// The replica's pod, if it was asked for.
    pub pod: Option<Option<Pod>>,
    /// The connection Secret, if it was asked for.
    pub secret: Option<Option<Secret>>,
}

/// Gathers what is known. What was `fetched` wins over the caches.
pub fn gather<'a>(
    context: &Context,
    session: &'a SparkSession,
    fetched: &Fetched,
    done: Done,
) -> Facts<'a> {
    let namespace = session.namespace().unwrap_or_default();
    let server = context.resources.server(&namespace, &session.spec.server);
    let status = session.status.clone().unwrap_or_default();
    let pod = fetched
        .pod
        .clone()
        .unwrap_or_else(|| cached_pod(context, session));
    let secret = fetched
        .secret
        .clone()
        .unwrap_or_else(|| cached_secret(context, session));
    let watched = status.replica_uid.as_deref();
    let connection = connection(context, session, server.as_ref());
    let home = session.annotations().get(labels::CLONED_ON);
    let fits = |candidate: &Candidate| home.is_none_or(|home| *home == candidate.uid);
    Facts {
        secret: binding(session, connection.as_ref(), secret.as_ref()),
        connection,
        replica: replica(
            &status,
            pod.as_ref(),
            watched.and_then(|uid| context.live.seen(uid)),
        ),
        seen: watched.and_then(|uid| context.live.session(uid, &session.name_any())),
        candidates: server.as_ref().map_or_else(Vec::new, |server| {
            candidates(context, server)
                .into_iter()
                .filter(fits)
                .collect()
        }),
        orphaned: home.is_some_and(|home| !has_pod(context, home)),
        limits: Limits::of(session, server.as_ref()),
        server: self::server(server.as_ref()),
        session,
        status,
        done,
        now: Timestamp::now(),
    }
}

/// Whether the cache has a pod of that UID that stays.
fn has_pod(context: &Context, uid: &str) -> bool {
    let its = |pod: &Pod| pod.uid().as_deref() == Some(uid) && ended(pod).is_none();
    !context.caches.pods.state_filter(its).is_empty()
}

/// The pod of the session's replica as the cache has it.
fn cached_pod(context: &Context, session: &SparkSession) -> Option<Pod> {
    let name = session.status.as_ref()?.server.as_deref()?;
    let found = context.caches.pods.get(&reference(session, name))?;
    Some((*found).clone())
}

/// The session's connection Secret as the cache has it.
pub fn cached_secret(context: &Context, session: &SparkSession) -> Option<Secret> {
    let found = context
        .caches
        .secrets
        .get(&reference(session, &secret::name(&session.name_any())))?;
    secret::belongs_to(&found, session).then(|| (*found).clone())
}

/// An object of that name in the session's namespace.
fn reference<K: Resource<DynamicType = ()>>(session: &SparkSession, name: &str) -> ObjectRef<K> {
    ObjectRef::new(name).within(&session.namespace().unwrap_or_default())
}

/// How a client reaches the session, as this installation has it.
pub fn connection(
    context: &Context,
    session: &SparkSession,
    server: Option<&SparkConnectServer>,
) -> Option<Connection> {
    Connection::of(session, server, &context.key, context.gateway.as_ref())
}

fn binding(
    session: &SparkSession,
    connection: Option<&Connection>,
    found: Option<&Secret>,
) -> Binding {
    let Some(found) = found else {
        return Binding::Absent;
    };
    let desired = connection.map(|connection| secret::connection_secret(session, connection));
    // Without a connection nothing tells what it should be.
    if desired.is_none_or(|desired| desired.data == found.data) {
        Binding::Right
    } else {
        Binding::Wrong
    }
}

fn server(server: Option<&SparkConnectServer>) -> Server {
    match server {
        None => Server::Missing,
        Some(server) if server.metadata.deletion_timestamp.is_some() => Server::Deleting,
        Some(server) if server.spec.suspend || server.spec.replicas == 0 => Server::Suspended,
        Some(server) => Server::Running {
            why_not: why_not(server),
        },
    }
}

/// What a session that waits says of its server.
fn why_not(server: &SparkConnectServer) -> (Reason, String) {
    let name = server.name_any();
    let conditions = server
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let message = |type_| {
        let found = condition::find(conditions, type_).filter(|found| !found.message.is_empty());
        found.map(|found| format!("server {name}: {}", found.message))
    };
    let nothing = || format!("no replica of server {name} takes sessions at the moment");
    if condition::is_true(conditions, condition::DEGRADED) {
        return (
            Reason::ServerDegraded,
            message(condition::DEGRADED).unwrap_or_else(nothing),
        );
    }
    if condition::is_true(conditions, condition::READY) {
        return (Reason::NoReplicaReady, nothing());
    }
    (
        Reason::NoReplicaReady,
        message(condition::READY).unwrap_or_else(nothing),
    )
}

/// Replicas that answer and stay. Asked of the live watch rather than of the server's status, which the cache may show late;
/// whether one is closed to new sessions is the placement's to say.
fn candidates(context: &Context, server: &SparkConnectServer) -> Vec<Candidate> {
    let (namespace, name) = (server.namespace(), server.name_any());
    let pods = context.caches.pods.state_filter(|pod| {
        pod.namespace() == namespace
            && pod.metadata.deletion_timestamp.is_none()
            && is_driver(pod, &name)
    });
    let serving = pods
        .iter()
        .filter(|pod| !leaves(server, &pod.name_any()))
        .filter_map(|pod| {
            let uid = pod.uid()?;
            let seen = context.live.seen(&uid).filter(Seen::serves)?;
            Some(Candidate {
                uid,
                name: pod.name_any(),
                application_id: seen.application_id,
            })
        });
    let mut candidates: Vec<Candidate> = serving.collect();
    candidates.sort_by(|a, b| a.name.cmp(&b.name));
    candidates
}

fn is_driver(pod: &Pod, server: &str) -> bool {
    let label = |key: &str, value: &str| pod.labels().get(key).is_some_and(|found| found == value);
    label(labels::SERVER, server) && label(labels::COMPONENT, labels::DRIVER)
}

/// Whether the replica was on its way out when the server was last told of.
fn leaves(server: &SparkConnectServer, pod: &str) -> bool {
    let replicas = server.status.iter().flat_map(|status| &status.servers);
    replicas
        .filter(|replica| replica.name == pod)
        .any(|replica| {
            matches!(
                replica.phase,
                ReplicaPhase::Draining | ReplicaPhase::Terminating
            )
        })
}

fn replica(status: &SessionStatus, pod: Option<&Pod>, seen: Option<Seen>) -> Replica {
    let Some(uid) = status.replica_uid.as_deref() else {
        return Replica::Unassigned;
    };
    let gone = |what: &str| Replica::Gone {
        what: what.to_owned(),
    };
    let Some(pod) = pod else {
        return gone("was deleted");
    };
    if pod.uid().as_deref() != Some(uid) {
        return gone("was replaced by another pod");
    }
    if let Some(how) = ended(pod) {
        return Replica::Gone {
            what: format!("ended: {how}"),
        };
    }
    let Some(seen) = seen else {
        return Replica::Unseen;
    };
    match seen.state {
        State::Unknown | State::Starting { .. } => Replica::Unseen,
        State::Unreachable { .. } => Replica::Unreachable,
        State::Serving => match (&status.application_id, &seen.application_id) {
            (Some(then), Some(now)) if then != now => gone("was restarted"),
            _ => Replica::Serving {
                application_id: seen.application_id,
            },
        },
    }
}

/// How the driver's process ended, if it did: what comes after it is another Spark application.
fn ended(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.container_statuses.iter().flatten();
    let spark = containers
        .into_iter()
        .find(|container| container.name == SPARK_CONTAINER);
    if let Some(how) = spark.and_then(container_ended) {
        return Some(how);
    }
    let over = matches!(status.phase.as_deref(), Some("Failed" | "Succeeded"));
    over.then(|| {
        status
            .reason
            .clone()
            .unwrap_or_else(|| "its pod is over".to_owned())
    })
}

fn container_ended(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    let last = || {
        container
            .last_state
            .as_ref()
            .and_then(|last| last.terminated.as_ref())
    };
    let waits = state.waiting.is_some();
    let ended = state
        .terminated
        .as_ref()
        .or_else(|| last().filter(|_| waits))?;
    let reason = ended.reason.as_deref().unwrap_or("Error");
    Some(format!("{reason}, exit code {}", ended.exit_code))
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
