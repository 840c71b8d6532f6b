//! The operator's own metrics for Prometheus. No I/O.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};
use sparkconnect_telemetry::Registry;

use crate::live::Exported;

/// Bounds of the reconcile histogram, in seconds.
const RECONCILE_SECONDS: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0];

/// Counters and gauges of one operator.
pub struct Metrics {
    /// `reconcile_duration_seconds` of servers.
    pub server_reconciles: Histogram,
    /// `reconcile_duration_seconds` of sessions.
    pub session_reconciles: Histogram,
    /// `reconcile_errors_total{kind, category}`.
    pub errors: IntCounterVec,
    /// `applied_objects_total{kind}`: writes of child objects.
    pub applied: IntCounterVec,
    /// `status_writes_total{kind}`.
    pub status_writes: IntCounterVec,
    /// `sessions_ended_total{phase}`.
    pub sessions_ended: IntCounterVec,
    /// `leader`: 1 while this operator leads.
    pub leader: IntGauge,
    /// What is seen of live servers.
    pub servers: Exported,
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |kind: &str| {
            let options =
                HistogramOpts::new("reconcile_duration_seconds", "Time of one reconcile.")
                    .const_label("kind", kind)
                    .buckets(RECONCILE_SECONDS.to_vec());
            let histogram = Histogram::with_opts(options)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let leader = IntGauge::new("leader", "1 while this operator leads.")?;
        registry.register(Box::new(leader.clone()))?;
        Ok(Self {
            server_reconciles: histogram("SparkConnectServer")?,
            session_reconciles: histogram("SparkSession")?,
            errors: counter(
                "reconcile_errors_total",
                "Reconciles that failed, by kind and category.",
                &["kind", "category"],
            )?,
            applied: counter(
                "applied_objects_total",
                "Child objects written, by kind.",
                &["kind"],
            )?,
            status_writes: counter(
                "status_writes_total",
                "Statuses written, by kind.",
                &["kind"],
            )?,
            sessions_ended: counter(
                "sessions_ended_total",
                "Sessions that ended, by final phase.",
                &["phase"],
            )?,
            leader,
            servers: Exported::register(registry)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_the_prefix_and_registers_once() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        metrics.leader.set(1);
        metrics.applied.with_label_values(&["StatefulSet"]).inc();
        let text = registry.text().unwrap();
        assert!(text.contains("sparkconnect_leader 1"), "{text}");
        assert!(
            text.contains("sparkconnect_applied_objects_total{kind=\"StatefulSet\"} 1"),
            "{text}"
        );
        assert!(Metrics::register(&registry).is_err());
    }
}
