//! The gateway's own metrics for Prometheus. No I/O. No label names a session, a user or a server: those are without bound.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
};
use sparkconnect_telemetry::Registry;

use crate::refusal::Refusal;
use crate::rpc::{ALL, Rpc};

/// Bounds of the histogram of calls, in seconds: from a setting that is read to a query that runs for long.
const CALL_SECONDS: &[f64] = &[0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0];
/// The codes of gRPC, in their order.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Name of a code of gRPC; `UNKNOWN` for what is none.
pub fn code_name(code: u16) -> &'static str {
    CODES.get(usize::from(code)).unwrap_or(&CODES[2])
}

/// What one method's calls came to. Each is looked up when it is first needed, not at every call.
#[derive(Debug, Default)]
struct OfRpc {
    ended: [OnceLock<IntCounter>; CODES.len()],
    seconds: OnceLock<Histogram>,
}

/// Counters and gauges of one gateway.
#[derive(Debug)]
pub struct Metrics {
    /// `gateway_connections`: connections of clients.
    pub connections: IntGauge,
    /// `gateway_connections_total`.
    pub connections_taken: IntCounter,
    /// `gateway_connections_refused_total{reason}`.
    connections_refused: IntCounterVec,
    /// `gateway_tls_handshakes_failed_total{reason}`.
    handshakes_failed: IntCounterVec,
    /// `gateway_received_bytes_total`: bodies from clients.
    pub received: IntCounter,
    /// `gateway_sent_bytes_total`: bodies to clients.
    pub sent: IntCounter,
    /// `gateway_upstream_connections`: connections to replicas.
    pub upstreams: IntGauge,
    /// `gateway_upstream_failures_total{reason}`.
    upstream_failures: IntCounterVec,
    /// `gateway_refusals_total{reason}`.
    refusals: IntCounterVec,
    calls: IntCounterVec,
    seconds: HistogramVec,
    by_rpc: [OfRpc; ALL.len()],
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// When one of that name is registered already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help| kept(registry, IntCounter::new(name, help)?);
        let gauge = |name, help| kept(registry, IntGauge::new(name, help)?);
        let counters = |name, help, labels: &[&str]| {
            kept(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let by_reason = |name, help, reasons: &[&str]| {
            let counter = counters(name, help, &["reason"])?;
            for reason in reasons {
                // From 0 on: Prometheus does not see that one that begins higher grew.
                counter.with_label_values(&[*reason]);
            }
            Ok::<_, prometheus::Error>(counter)
        };
        let seconds = HistogramOpts::new(
            "gateway_call_duration_seconds",
            "Time from a call's head to the end of its answer.",
        );
        let seconds = HistogramVec::new(seconds.buckets(CALL_SECONDS.to_vec()), &["rpc"])?;
        Ok(Self {
            connections: gauge("gateway_connections", "Connections of clients.")?,
            connections_taken: counter(
                "gateway_connections_total",
                "Connections of clients that were taken.",
            )?,
            connections_refused: by_reason(
                "gateway_connections_refused_total",
                "Connections over a limit: of all, or of one address.",
                &["all", "address"],
            )?,
            handshakes_failed: by_reason(
                "gateway_tls_handshakes_failed_total",
                "Connections of clients that never spoke TLS, or not in time.",
                &["error", "timeout"],
            )?,
            received: counter("gateway_received_bytes_total", "Bytes of calls' messages.")?,
            sent: counter("gateway_sent_bytes_total", "Bytes of answers' messages.")?,
            upstreams: gauge("gateway_upstream_connections", "Connections to replicas.")?,
            upstream_failures: by_reason(
                "gateway_upstream_failures_total",
                "Calls to which a replica gave no answer.",
                &["connect", "timeout", "broken"],
            )?,
            refusals: counters(
                "gateway_refusals_total",
                "Calls that the gateway refused itself.",
                &["reason"],
            )?,
            calls: counters(
                "gateway_calls_total",
                "Calls that ended, refused ones included, by method and gRPC code.",
                &["rpc", "code"],
            )?,
            seconds: kept(registry, seconds)?,
            by_rpc: std::array::from_fn(|_| OfRpc::default()),
        })
    }

    /// A connection over a limit: `all`, or `address`.
    pub fn connection_refused(&self, reason: &'static str) {
        self.connections_refused.with_label_values(&[reason]).inc();
    }

    /// A connection without TLS: `error`, or `timeout`.
    pub fn handshake_failed(&self, reason: &'static str) {
        self.handshakes_failed.with_label_values(&[reason]).inc();
    }

    /// A replica gave no answer: `connect`, `timeout` or `broken`.
    pub fn upstream_failed(&self, reason: &'static str) {
        self.upstream_failures.with_label_values(&[reason]).inc();
    }

    /// A call was refused.
    pub fn refused(&self, refusal: &Refusal) {
        self.refusals.with_label_values(&[refusal.reason()]).inc();
    }

    /// A call ended with this code of gRPC.
    pub fn ended(&self, rpc: Rpc, code: u16, took: Duration) {
        let (of_rpc, name) = (&self.by_rpc[rpc as usize], code_name(code));
        let index = CODES.iter().position(|known| *known == name).unwrap_or(2);
        of_rpc.ended[index]
            .get_or_init(|| self.calls.with_label_values(&[rpc.name(), name]))
            .inc();
        of_rpc
            .seconds
            .get_or_init(|| self.seconds.with_label_values(&[rpc.name()]))
            .observe(took.as_secs_f64());
    }
}

/// One more in a gauge until it is dropped.
#[derive(Debug)]
pub struct Held(IntGauge);

impl Held {
    /// One more in `gauge`.
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A gauge that is read when somebody asks.
struct Read<F> {
    gauge: IntGauge,
    read: F,
}

impl<F: Fn() -> Option<i64> + Send + Sync> Collector for Read<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(value) = (self.read)() else {
            return Vec::new(); // 0 would be a value
        };
        self.gauge.set(value);
        self.gauge.collect()
    }
}

/// Registers the gauge `gateway_sessions`: sessions that the gateway knows.
///
/// # Errors
/// When it is registered already.
pub fn sessions(
    registry: &Registry,
    read: impl Fn() -> usize + Send + Sync + 'static,
) -> prometheus::Result<()> {
    let options = Opts::new("gateway_sessions", "Sessions that the gateway knows.");
    let gauge = IntGauge::with_opts(options)?;
    let read = move || i64::try_from(read()).ok();
    registry.register(Box::new(Read { gauge, read }))
}

/// Registers the gauge `gateway_certificate_expiry_timestamp_seconds{certificate}` of one certificate: `clients`, or `operator`.
///
/// # Errors
/// When it is registered already.
pub fn expiry(
    registry: &Registry,
    certificate: &'static str,
    read: impl Fn() -> Option<jiff::Timestamp> + Send + Sync + 'static,
) -> prometheus::Result<()> {
    let options = Opts::new(
        "gateway_certificate_expiry_timestamp_seconds",
        "When the certificate that is shown to clients, or to the operator, ends.",
    );
    let gauge = IntGauge::with_opts(options.const_label("certificate", certificate))?;
    let read = move || read().map(jiff::Timestamp::as_second);
    registry.register(Box::new(Read { gauge, read }))
}

/// Registers `metric` where it is shared by many.
fn kept<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

impl Default for Metrics {
    /// Metrics that nobody reads.
    fn default() -> Self {
        Self::register(&Registry::new()).expect("a new registry has none of these names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_is_what_the_gateway_registers() {
        use sparkconnect_testkit::page;
        let registry = Registry::new();
        Metrics::register(&registry).unwrap();
        sessions(&registry, || 0).unwrap();
        expiry(&registry, "clients", || None).unwrap();
        let metrics = registry.described().into_iter();
        let rows = metrics.map(|it| [it.name, it.kind.to_owned(), it.labels.join(" "), it.help]);
        let text = format!(
            "# The gateway's metrics\n\n[Metrics](metrics.md) says how to scrape them, and the labels' values.\n\n{}",
            page::metrics(rows)
        );
        page::hold("gateway-metrics.md", &text);
    }

    #[test]
    fn every_metric_has_the_prefix_and_registers_once() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        assert!(Metrics::register(&registry).is_err());
        sessions(&registry, || 3).unwrap();
        let at = || "2027-01-02T03:04:05Z".parse().ok();
        expiry(&registry, "clients", at).unwrap();
        expiry(&registry, "operator", || None).unwrap();
        for code in [0, 0, 14, 99] {
            metrics.ended(Rpc::ExecutePlan, code, Duration::from_millis(7));
        }
        metrics.refused(&Refusal::NoToken);
        let held = Held::new(&metrics.connections);
        let text = registry.text().unwrap();
        assert!(
            !text.contains("certificate=\"operator\""),
            "nothing is known of it: {text}"
        );
        for line in [
            "gateway_sessions 3",
            "gateway_certificate_expiry_timestamp_seconds{certificate=\"clients\"} 1798859045",
            "gateway_calls_total{code=\"OK\",rpc=\"ExecutePlan\"} 2",
            "gateway_calls_total{code=\"UNAVAILABLE\",rpc=\"ExecutePlan\"} 1",
            "gateway_calls_total{code=\"UNKNOWN\",rpc=\"ExecutePlan\"} 1",
            "gateway_call_duration_seconds_bucket{rpc=\"ExecutePlan\",le=\"0.02\"} 4",
            "gateway_refusals_total{reason=\"no_token\"} 1",
            "gateway_connections 1",
        ] {
            assert!(
                text.contains(&format!("\nsparkconnect_{line}\n")),
                "{line}: {text}"
            );
        }
        drop(held);
        assert_eq!(metrics.connections.get(), 0);
    }
}
