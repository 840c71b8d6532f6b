//! What Prometheus sees of the live servers, at once and unpaced: gauges a replica and counters a server. No I/O.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};
use sparkconnect_api::session::SessionMetrics;
use sparkconnect_telemetry::Registry;

use super::{Seen, Target};

/// Labels of a replica's gauges.
const REPLICA: &[&str] = &["namespace", "server", "replica"];
/// Labels of a server's counters.
const SERVER: &[&str] = &["namespace", "server"];

/// Metrics of every live server.
#[derive(Clone)]
pub struct Exported {
    serving: IntGaugeVec,
    executors: IntGaugeVec,
    sessions: IntGaugeVec,
    active: IntGaugeVec,
    queries: IntCounterVec,
    failed: IntCounterVec,
    read: IntCounterVec,
    written: IntCounterVec,
    execution: IntCounterVec,
    missed: IntCounterVec,
}

impl Exported {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name, help| kept(registry, IntGaugeVec::new(Opts::new(name, help), REPLICA)?);
        let counter =
            |name, help| kept(registry, IntCounterVec::new(Opts::new(name, help), SERVER)?);
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
            queries: counter(
                "queries_executed_total",
                "Operations that ended, of all sessions.",
            )?,
            failed: counter(
                "queries_failed_total",
                "Operations that failed, of all sessions.",
            )?,
            read: counter(
                "data_read_bytes_total",
                "Bytes read by finished jobs of all sessions.",
            )?,
            written: counter(
                "data_written_bytes_total",
                "Bytes written by finished jobs of all sessions.",
            )?,
            execution: counter(
                "execution_milliseconds_total",
                "Milliseconds of execution of all sessions.",
            )?,
            missed: counter(
                "work_missed_total",
                "Jobs and operations that Spark forgot before they were counted.",
            )?,
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
    }

    /// What a session did between two looks.
    pub(super) fn work(&self, target: &Target, before: &SessionMetrics, after: &SessionMetrics) {
        let labels = &[target.namespace.as_str(), target.server.as_str()];
        let add = |counter: &IntCounterVec, old: Option<i64>, new: Option<i64>| {
            let more = new.unwrap_or(0).saturating_sub(old.unwrap_or(0));
            counter
                .with_label_values(labels)
                .inc_by(u64::try_from(more).unwrap_or(0));
        };
        add(
            &self.queries,
            before.queries_executed,
            after.queries_executed,
        );
        add(&self.failed, before.failed_queries, after.failed_queries);
        add(&self.read, before.data_read_bytes, after.data_read_bytes);
        add(
            &self.written,
            before.data_written_bytes,
            after.data_written_bytes,
        );
        add(
            &self.execution,
            before.execution_time_ms,
            after.execution_time_ms,
        );
    }

    /// Work that Spark forgot before it could be counted.
    pub(super) fn missed(&self, target: &Target, count: u64) {
        let labels = &[target.namespace.as_str(), target.server.as_str()];
        self.missed.with_label_values(labels).inc_by(count);
    }

    /// Forgets a replica that is watched no more.
    pub(super) fn forget(&self, target: &Target) {
        for gauge in [&self.serving, &self.executors, &self.sessions, &self.active] {
            // A replica that was never seen has none.
            let _ = gauge.remove_label_values(&replica_labels(target));
        }
    }
}

fn replica_labels(target: &Target) -> [&str; 3] {
    [&target.namespace, &target.server, &target.pod]
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
    fn work_is_added_and_a_replica_that_is_gone_is_forgotten() {
        let registry = Registry::new();
        let exported = Exported::register(&registry).unwrap();
        let before = SessionMetrics {
            queries_executed: Some(3),
            ..SessionMetrics::default()
        };
        let after = SessionMetrics {
            queries_executed: Some(5),
            ..SessionMetrics::default()
        };
        exported.work(&target(), &before, &after);
        exported.replica(&target(), &Seen::nothing(), 2, 1);
        let text = registry.text().unwrap();
        assert!(
            text.contains(
                "sparkconnect_queries_executed_total{namespace=\"ns\",server=\"demo\"} 2"
            ),
            "{text}"
        );
        let gauge =
            "sparkconnect_replica_sessions{namespace=\"ns\",replica=\"demo-0\",server=\"demo\"} 2";
        assert!(text.contains(gauge), "{text}");
        exported.forget(&target());
        assert!(!registry.text().unwrap().contains("replica_sessions{"));
    }
}
