//! What Prometheus sees of the live servers, at once and unpaced: gauges a replica and counters a server. No I/O.

use std::collections::{BTreeSet, HashMap};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{CounterVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};
use sparkconnect_api::Reason;
use sparkconnect_api::session::{SessionMetrics, SessionPhase};
use sparkconnect_telemetry::Registry;

use super::{Seen, Target};

/// Labels of a replica's gauges.
const REPLICA: &[&str] = &["namespace", "server", "replica"];
/// Labels of a server's counters.
const SERVER: &[&str] = &["namespace", "server"];
/// Bounds of the histogram of sessions' starts: resources tell time by the second.
const START_SECONDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// Metrics of every live server.
#[derive(Clone)]
pub struct Exported {
    serving: IntGaugeVec,
    executors: IntGaugeVec,
    sessions: IntGaugeVec,
    active: IntGaugeVec,
    work: Work,
    started: HistogramVec,
    ended: IntCounterVec,
}

/// What all sessions of a server have done.
#[derive(Clone)]
struct Work {
    queries: IntCounterVec,
    failed: IntCounterVec,
    read: IntCounterVec,
    written: IntCounterVec,
    missed: IntCounterVec,
    execution: CounterVec,
}

impl Work {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter =
            |name, help| kept(registry, IntCounterVec::new(Opts::new(name, help), SERVER)?);
        let execution = Opts::new(
            "server_execution_seconds_total",
            "Time that operations of all its sessions took; two at once count twice.",
        );
        Ok(Self {
            queries: counter(
                "server_queries_executed_total",
                "Operations of all its sessions.",
            )?,
            failed: counter(
                "server_queries_failed_total",
                "Operations of all its sessions that failed.",
            )?,
            read: counter(
                "server_data_read_bytes_total",
                "Bytes read by finished jobs of all its sessions.",
            )?,
            written: counter(
                "server_data_written_bytes_total",
                "Bytes written by finished jobs of all its sessions.",
            )?,
            missed: counter(
                "server_work_missed_total",
                "Jobs and operations that Spark forgot before they were counted.",
            )?,
            execution: kept(registry, CounterVec::new(execution, SERVER)?)?,
        })
    }

    fn whole_numbers(&self) -> [&IntCounterVec; 5] {
        [
            &self.queries,
            &self.failed,
            &self.read,
            &self.written,
            &self.missed,
        ]
    }
}

impl Exported {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name, help| kept(registry, IntGaugeVec::new(Opts::new(name, help), REPLICA)?);
        let started = HistogramOpts::new(
            "session_start_duration_seconds",
            "Time from when a session asked for a replica until it could be used.",
        );
        let started = HistogramVec::new(started.buckets(START_SECONDS.to_vec()), SERVER)?;
        let ended = Opts::new(
            "sessions_ended_total",
            "Sessions that ended, by their last phase and the reason of their condition Ended.",
        );
        let ended = IntCounterVec::new(ended, &[SERVER, &["phase", "reason"]].concat())?;
        Ok(Self {
            serving: gauge(
                "replica_serving",
                "1 while the replica answers the semantic probe.",
            )?,
            executors: gauge(
                "replica_executors",
                "Executors registered with the replica.",
            )?,
            sessions: gauge("replica_sessions", "Sessions that live on the replica.")?,
            active: gauge(
                "replica_active_queries",
                "Operations that run on the replica.",
            )?,
            work: Work::register(registry)?,
            started: kept(registry, started)?,
            ended: kept(registry, ended)?,
        })
    }

    /// What was seen of a replica, and how many sessions and running operations it has.
    pub(super) fn replica(&self, target: &Target, seen: &Seen, sessions: usize, active: i64) {
        let labels = &replica_labels(target);
        self.serving
            .with_label_values(labels)
            .set(seen.serves().into());
        self.executors
            .with_label_values(labels)
            .set(seen.executors.unwrap_or(0).into());
        self.sessions
            .with_label_values(labels)
            .set(i64::try_from(sessions).unwrap_or(i64::MAX));
        self.active.with_label_values(labels).set(active);
        self.begin(target);
    }

    /// Has a server's counters begin at 0: of one that begins higher, Prometheus does not know that it grew.
    fn begin(&self, target: &Target) {
        let labels = &[target.namespace.as_str(), target.server.as_str()];
        for counter in self.work.whole_numbers() {
            counter.with_label_values(labels);
        }
        self.work.execution.with_label_values(labels);
        self.started.with_label_values(labels);
        let lost = [labels[0], labels[1], "Lost", Reason::ServerLost.name()];
        self.ended.with_label_values(&lost);
    }

    /// What a session did between two looks.
    pub(super) fn work(&self, target: &Target, before: &SessionMetrics, after: &SessionMetrics) {
        let labels = &[target.namespace.as_str(), target.server.as_str()];
        let more = |of: fn(&SessionMetrics) -> Option<i64>| {
            let (old, new) = (of(before).unwrap_or(0), of(after).unwrap_or(0));
            u64::try_from(new.saturating_sub(old)).unwrap_or(0)
        };
        let add = |counter: &IntCounterVec, more| counter.with_label_values(labels).inc_by(more);
        add(&self.work.queries, more(|it| it.queries_executed));
        add(&self.work.failed, more(|it| it.failed_queries));
        add(&self.work.read, more(|it| it.data_read_bytes));
        add(&self.work.written, more(|it| it.data_written_bytes));
        self.work
            .execution
            .with_label_values(labels)
            .inc_by(seconds(more(|it| it.execution_time_ms)));
    }

    /// A session of a server can be used, after so many seconds.
    pub fn session_started(&self, namespace: &str, server: &str, seconds: f64) {
        self.started
            .with_label_values(&[namespace, server])
            .observe(seconds);
    }

    /// A session of a server has ended.
    pub fn session_ended(
        &self,
        namespace: &str,
        server: &str,
        phase: SessionPhase,
        reason: Reason,
    ) {
        let phase = format!("{phase:?}");
        self.ended
            .with_label_values(&[namespace, server, &phase, reason.name()])
            .inc();
    }

    /// Work that Spark forgot before it could be counted.
    pub(super) fn missed(&self, target: &Target, count: u64) {
        let labels = &[target.namespace.as_str(), target.server.as_str()];
        self.work.missed.with_label_values(labels).inc_by(count);
    }

    /// Forgets a replica that is watched no more.
    pub(super) fn forget(&self, target: &Target) {
        for gauge in [&self.serving, &self.executors, &self.sessions, &self.active] {
            // A replica that was never seen has none.
            let _ = gauge.remove_label_values(&replica_labels(target));
        }
    }

    /// Forgets the counters of servers that are not among those `known` by namespace and name.
    pub fn retain(&self, known: &BTreeSet<(String, String)>) {
        for counter in self.work.whole_numbers() {
            retain(counter, known);
        }
        retain(&self.ended, known);
        retain(&self.work.execution, known);
        retain(&self.started, known);
    }
}

/// Seconds for Prometheus, which knows no other unit of time.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact for the first 285,000 years"
)]
pub(crate) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn replica_labels(target: &Target) -> [&str; 3] {
    [&target.namespace, &target.server, &target.pod]
}

/// Removes what is labelled with another server than those `known`.
fn retain<T: MetricVecBuilder>(metric: &MetricVec<T>, known: &BTreeSet<(String, String)>)
where
    MetricVec<T>: Collector,
{
    let families = metric.collect();
    for child in families
        .iter()
        .flat_map(prometheus::proto::MetricFamily::get_metric)
    {
        let pairs = child.get_label().iter();
        let labels: HashMap<&str, &str> = pairs.map(|pair| (pair.name(), pair.value())).collect();
        let of = |name| labels.get(name).map_or("", |value| *value).to_owned();
        if !known.contains(&(of("namespace"), of("server"))) {
            // One that went meanwhile is gone just as well.
            let _ = metric.remove(&labels);
        }
    }
}

fn kept<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            namespace: "ns".to_owned(),
            server: "demo".to_owned(),
            pod: "demo-0".to_owned(),
            uid: "u".to_owned(),
            restarts: 0,
            host: "198.18.16.9".to_owned(),
            ui: true,
            executors: true,
            count_reads: true,
        }
    }

    #[test]
    fn a_server_that_is_gone_takes_its_counters_with_it() {
        let registry = Registry::new();
        let exported = Exported::register(&registry).unwrap();
        for server in ["stays", "goes"] {
            exported.session_started("ns", server, 1.5);
            exported.session_ended("ns", server, SessionPhase::Expired, Reason::Idle);
            let target = Target {
                server: server.to_owned(),
                ..target()
            };
            exported.missed(&target, 1);
        }
        exported.retain(&BTreeSet::from([("ns".to_owned(), "stays".to_owned())]));
        let text = registry.text().unwrap();
        assert!(!text.contains("goes"), "{text}");
        for line in [
            "session_start_duration_seconds_bucket{namespace=\"ns\",server=\"stays\",le=\"2\"} 1",
            "sessions_ended_total{namespace=\"ns\",phase=\"Expired\",reason=\"Idle\",server=\"stays\"} 1",
            "server_work_missed_total{namespace=\"ns\",server=\"stays\"} 1",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn work_is_added_and_a_replica_that_is_gone_is_forgotten() {
        let registry = Registry::new();
        let exported = Exported::register(&registry).unwrap();
        let before = SessionMetrics {
            queries_executed: Some(3),
            ..SessionMetrics::default()
        };
        let after = SessionMetrics {
            queries_executed: Some(5),
            execution_time_ms: Some(1500),
            ..SessionMetrics::default()
        };
        exported.work(&target(), &before, &after);
        exported.replica(&target(), &Seen::nothing(), 2, 1);
        let text = registry.text().unwrap();
        assert!(
            text.contains(
                "sparkconnect_server_queries_executed_total{namespace=\"ns\",server=\"demo\"} 2"
            ),
            "{text}"
        );
        let gauge =
            "sparkconnect_replica_sessions{namespace=\"ns\",replica=\"demo-0\",server=\"demo\"} 2";
        assert!(text.contains(gauge), "{text}");
        let lost = "sparkconnect_sessions_ended_total{namespace=\"ns\",phase=\"Lost\",reason=\"ServerLost\",server=\"demo\"} 0";
        assert!(text.contains(lost), "{text}");
        exported.forget(&target());
        assert!(!registry.text().unwrap().contains("replica_sessions{"));
    }
}
