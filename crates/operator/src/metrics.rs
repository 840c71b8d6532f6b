//! The operator's own metrics for Prometheus. No I/O.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts};
use sparkconnect_telemetry::Registry;

use crate::live::Exported;

/// Bounds of the reconcile histogram, in seconds.
const RECONCILE_SECONDS: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0];

/// Counters and gauges of one operator.
#[derive(Clone)]
pub struct Metrics {
    /// `operator_reconcile_duration_seconds` of servers.
    pub server_reconciles: Histogram,
    /// `operator_reconcile_duration_seconds` of sessions.
    pub session_reconciles: Histogram,
    /// `operator_reconcile_errors_total{kind, category}`.
    pub errors: IntCounterVec,
    /// `operator_applied_objects_total{kind}`: writes of child objects.
    pub applied: IntCounterVec,
    /// `operator_status_writes_total{kind}`.
    pub status_writes: IntCounterVec,
    /// `operator_leader`: 1 while this operator leads.
    pub leader: IntGauge,
    /// `operator_namespace_served{namespace}`, of namespaces that are named.
    pub namespaces: IntGaugeVec,
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
            let options = HistogramOpts::new(
                "operator_reconcile_duration_seconds",
                "Time of one reconcile.",
            )
            .const_label("kind", kind)
            .buckets(RECONCILE_SECONDS.to_vec());
            let histogram = Histogram::with_opts(options)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let leader = IntGauge::new("operator_leader", "1 while this operator leads.")?;
        registry.register(Box::new(leader.clone()))?;
        let namespaces = IntGaugeVec::new(
            Opts::new(
                "operator_namespace_served",
                "1 for a namespace that is named and served, 0 for one that cannot be read since the operator began to lead.",
            ),
            &["namespace"],
        )?;
        registry.register(Box::new(namespaces.clone()))?;
        Ok(Self {
            server_reconciles: histogram("SparkConnectServer")?,
            session_reconciles: histogram("SparkSession")?,
            errors: counter(
                "operator_reconcile_errors_total",
                "Reconciles that failed, by kind and category.",
                &["kind", "category"],
            )?,
            applied: counter(
                "operator_applied_objects_total",
                "Child objects written, by kind.",
                &["kind"],
            )?,
            status_writes: counter(
                "operator_status_writes_total",
                "Statuses written, by kind.",
                &["kind"],
            )?,
            leader,
            namespaces,
            servers: Exported::register(registry)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_is_what_the_operator_registers() {
        use sparkconnect_testkit::page;
        let registry = Registry::new();
        Metrics::register(&registry).unwrap();
        crate::state::register(&registry, |_| {}).unwrap();
        let metrics = registry.described().into_iter();
        let rows = metrics.map(|it| [it.name, it.kind.to_owned(), it.labels.join(" "), it.help]);
        let text = format!(
            "# The operator's metrics\n\n[Metrics](metrics.md) says how to scrape them, and the labels' values.\n\n{}",
            page::metrics(rows)
        );
        page::hold("operator-metrics.md", &text);
    }

    #[test]
    fn every_metric_has_the_prefix_and_registers_once() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        metrics.leader.set(1);
        metrics.applied.with_label_values(&["StatefulSet"]).inc();
        let text = registry.text().unwrap();
        assert!(text.contains("sparkconnect_operator_leader 1"), "{text}");
        assert!(
            text.contains("sparkconnect_operator_applied_objects_total{kind=\"StatefulSet\"} 1"),
            "{text}"
        );
        assert!(Metrics::register(&registry).is_err());
    }
}
