//! What Prometheus sees of every server, and of every session that has not ended. Read anew whenever somebody asks, so that
//! it is as the caches and the live watch have it now, and nothing is left of what is gone. No I/O.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, IntCounterVec, IntGaugeVec, Opts};
use sparkconnect_api::session::{SessionMetrics, SessionPhase};
use sparkconnect_api::{SparkConnectServer, SparkSession, condition};
use sparkconnect_telemetry::Registry;

use crate::context::Context;
use crate::live::{SessionSeen, seconds};
use crate::session::limits::Limits;

/// Labels of what is told of a server.
const SERVER: &[&str] = &["namespace", "server"];
/// Labels of what is told of a session. A user's sessions are added up by the last.
const SESSION: &[&str] = &["namespace", "server", "session", "user"];

/// The metrics of one look, empty at first.
pub struct State {
    gateways: IntGaugeVec,
    servers: Servers,
    sessions: Sessions,
    work: Work,
}

struct Servers {
    info: IntGaugeVec,
    conditions: IntGaugeVec,
    wanted: IntGaugeVec,
    ready: IntGaugeVec,
}

struct Sessions {
    info: IntGaugeVec,
    created: IntGaugeVec,
    last_activity: IntGaugeVec,
    idle_end: IntGaugeVec,
    ttl_end: IntGaugeVec,
    active: IntGaugeVec,
}

/// What sessions have done.
struct Work {
    queries: IntCounterVec,
    failed: IntCounterVec,
    artifacts: IntCounterVec,
    read: IntCounterVec,
    written: IntCounterVec,
    execution: CounterVec,
}

/// Registers the metrics, which `fill` fills at each look.
///
/// # Errors
/// When one of that name is registered already.
pub fn register(
    registry: &Registry,
    fill: impl Fn(&State) + Send + Sync + 'static,
) -> prometheus::Result<()> {
    let empty = State::empty()?;
    let metrics = empty.metrics();
    let descs = metrics.iter().flat_map(|metric| metric.desc());
    let descs = descs.cloned().collect();
    registry.register(Box::new(Look { descs, fill }))
}

/// Fills in everything that the operator knows, of every scope, and forgets the counters of servers that no resource names any more.
pub fn fill(contexts: &[Arc<Context>], state: &State) {
    let known = contexts.iter().flat_map(|context| known(context, state));
    let known = known.collect();
    let Some(context) = contexts.first() else {
        return;
    };
    context.metrics.servers.retain(&known);
    if let Some(answering) = context.live.gateways_answering() {
        let gauge = state.gateways.with_label_values::<&str>(&[]);
        gauge.set(i64::try_from(answering).unwrap_or(i64::MAX));
    }
}

/// Fills in one scope, and returns the servers that its resources name.
fn known(context: &Context, state: &State) -> BTreeSet<(String, String)> {
    let (servers, sessions) = (
        context.resources.servers.state(),
        context.resources.sessions.state(),
    );
    let servers: HashMap<_, _> = servers
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .map(|server| (named(server, server.name_any()), server))
        .collect();
    let mut known: BTreeSet<_> = servers.keys().cloned().collect();
    servers.values().for_each(|server| state.server(server));
    for session in sessions.iter().filter_map(|guard| guard.0.as_ref().ok()) {
        let server = named(session, session.spec.server.clone());
        let replica = session
            .status
            .as_ref()
            .and_then(|it| it.replica_uid.clone());
        let seen = replica.and_then(|uid| context.live.session(&uid, &session.name_any()));
        state.session(session, servers.get(&server).copied(), seen.as_ref());
        known.insert(server);
    }
    known
}

/// A name in the namespace of `object`.
fn named(object: &impl ResourceExt, name: String) -> (String, String) {
    (object.namespace().unwrap_or_default(), name)
}

struct Look<F> {
    descs: Vec<Desc>,
    fill: F,
}

impl<F: Fn(&State) + Send + Sync> Collector for Look<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(state) = State::empty() else {
            return Vec::new(); // it was made once: it can be made again
        };
        (self.fill)(&state);
        let metrics = state.metrics();
        metrics.iter().flat_map(|metric| metric.collect()).collect()
    }
}

impl State {
    fn empty() -> prometheus::Result<Self> {
        Ok(Self {
            gateways: gauge(
                "operator_gateways_answering",
                "Gateways that tell what they counted; absent where none is installed.",
                &[],
                &[],
            )?,
            servers: Servers::empty()?,
            sessions: Sessions::empty()?,
            work: Work::empty()?,
        })
    }

    fn metrics(&self) -> [&dyn Collector; 17] {
        let (servers, sessions, work) = (&self.servers, &self.sessions, &self.work);
        [
            &self.gateways,
            &servers.info,
            &servers.conditions,
            &servers.wanted,
            &servers.ready,
            &sessions.info,
            &sessions.created,
            &sessions.last_activity,
            &sessions.idle_end,
            &sessions.ttl_end,
            &sessions.active,
            &work.queries,
            &work.failed,
            &work.artifacts,
            &work.read,
            &work.written,
            &work.execution,
        ]
    }

    /// Takes up a server.
    fn server(&self, server: &SparkConnectServer) {
        let (namespace, name) = named(server, server.name_any());
        let labels = [namespace.as_str(), &name];
        let (spec, status) = (&server.spec, server.status.clone().unwrap_or_default());
        let (phase, mode) = (status.phase.map_or_else(String::new, word), word(spec.mode));
        self.servers
            .info
            .with_label_values(&[labels[0], labels[1], &phase, &mode, &spec.version])
            .set(1);
        for condition in &status.conditions {
            let value = match condition.status.as_str() {
                "True" => 1,
                "False" => 0,
                _ => continue,
            };
            self.servers
                .conditions
                .with_label_values(&[labels[0], labels[1], &condition.type_, &condition.reason])
                .set(value);
        }
        let wanted = if spec.suspend { 0 } else { spec.replicas };
        for (gauge, replicas) in [
            (&self.servers.wanted, wanted),
            (&self.servers.ready, status.ready_replicas),
        ] {
            gauge.with_label_values(&labels).set(replicas.into());
        }
    }

    /// Takes up a session, unless it has ended. What it has done is absent until the live watch has looked at it.
    fn session(
        &self,
        session: &SparkSession,
        server: Option<&SparkConnectServer>,
        seen: Option<&SessionSeen>,
    ) {
        let status = session.status.clone().unwrap_or_default();
        let phase = status.phase.unwrap_or(SessionPhase::Pending);
        if phase.is_final() {
            return;
        }
        let (namespace, name) = named(session, session.name_any());
        let user = session.user_on_server();
        let labels = [namespace.as_str(), &session.spec.server, &name, &user];
        let ready = condition::find(&status.conditions, condition::READY);
        let reason = ready.map_or("", |ready| &ready.reason);
        let replica = status.server.as_deref().unwrap_or_default();
        let more = [replica, &word(phase), reason];
        self.sessions
            .info
            .with_label_values(&[labels.as_slice(), &more].concat())
            .set(1);
        let set = |gauge: &IntGaugeVec, time: Option<Timestamp>| {
            if let Some(time) = time {
                gauge.with_label_values(&labels).set(time.as_second());
            }
        };
        let created = session.creation_timestamp().map(|time| time.0);
        set(&self.sessions.created, created);
        let limits = Limits::of(session, server);
        set(&self.sessions.ttl_end, limits.ttl_end(&status));
        if let Some(seen) = seen.filter(|seen| seen.existence.is_some()) {
            set(&self.sessions.last_activity, seen.last_activity);
            set(&self.sessions.idle_end, limits.idle_end(&status, seen));
            if let Some(active) = seen.metrics.active_queries {
                self.sessions.active.with_label_values(&labels).set(active);
            }
            self.work.take_up(&labels, session, &seen.metrics);
        }
    }
}

impl Servers {
    fn empty() -> prometheus::Result<Self> {
        Ok(Self {
            info: gauge(
                "server_info",
                "1, with what there is to say of the server.",
                SERVER,
                &["phase", "mode", "version"],
            )?,
            conditions: gauge(
                "server_condition",
                "1 while the condition is True, 0 while it is False; absent while it is Unknown.",
                SERVER,
                &["condition", "reason"],
            )?,
            wanted: gauge(
                "server_wanted_replicas",
                "Replicas that are to run; 0 while the server is suspended.",
                SERVER,
                &[],
            )?,
            ready: gauge(
                "server_ready_replicas",
                "Replicas that answer the semantic probe and take sessions.",
                SERVER,
                &[],
            )?,
        })
    }
}

impl Sessions {
    fn empty() -> prometheus::Result<Self> {
        let of_session = |name, help| gauge(name, help, SESSION, &[]);
        Ok(Self {
            info: gauge(
                "session_info",
                "1, with what there is to say of a session that has not ended.",
                SESSION,
                &["replica", "phase", "reason"],
            )?,
            created: of_session(
                "session_created_timestamp_seconds",
                "When the resource was made.",
            )?,
            last_activity: of_session(
                "session_last_activity_timestamp_seconds",
                "The latest activity seen.",
            )?,
            idle_end: of_session(
                "session_idle_end_timestamp_seconds",
                "When it will expire for idleness if nothing runs in it before; absent while something does.",
            )?,
            ttl_end: of_session(
                "session_ttl_end_timestamp_seconds",
                "When it will expire for its age; absent without a ttl.",
            )?,
            active: of_session("session_active_queries", "Operations that run now.")?,
        })
    }
}

impl Work {
    fn empty() -> prometheus::Result<Self> {
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), SESSION);
        let execution = Opts::new(
            "session_execution_seconds_total",
            "Time that its operations took; two at once count twice.",
        );
        Ok(Self {
            queries: counter("session_queries_executed_total", "Its operations.")?,
            failed: counter(
                "session_queries_failed_total",
                "Its operations that failed.",
            )?,
            artifacts: counter(
                "session_artifacts_uploaded_total",
                "Artifacts uploaded: for its spec, and through the gateway.",
            )?,
            read: counter(
                "session_data_read_bytes_total",
                "Bytes read by its finished jobs.",
            )?,
            written: counter(
                "session_data_written_bytes_total",
                "Bytes written by its finished jobs.",
            )?,
            execution: CounterVec::new(execution, SESSION)?,
        })
    }

    /// Takes up what a session has done.
    fn take_up(&self, labels: &[&str; 4], session: &SparkSession, done: &SessionMetrics) {
        let number = |value: Option<i64>| value.and_then(|it| u64::try_from(it).ok());
        let through_gateways = number(done.artifacts_uploaded).unwrap_or(0);
        let artifacts = through_gateways + session.spec.artifacts.len() as u64;
        for (counter, value) in [
            (&self.queries, number(done.queries_executed)),
            (&self.failed, number(done.failed_queries)),
            (&self.artifacts, Some(artifacts)),
            (&self.read, number(done.data_read_bytes)),
            (&self.written, number(done.data_written_bytes)),
        ] {
            if let Some(value) = value {
                counter.with_label_values(labels).inc_by(value);
            }
        }
        if let Some(milliseconds) = number(done.execution_time_ms) {
            self.execution
                .with_label_values(labels)
                .inc_by(seconds(milliseconds));
        }
    }
}

fn gauge(
    name: &str,
    help: &str,
    labels: &[&str],
    more: &[&str],
) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(name, help), &[labels, more].concat())
}

/// The name of a variant, as resources write it.
fn word(variant: impl std::fmt::Debug) -> String {
    format!("{variant:?}")
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
