//! Traces by OpenTelemetry: off, and nothing of them in the way of anything, unless a collector is named. Sends spans to it by OTLP
//! over gRPC, from a thread of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter as OtlpExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Name of what makes the spans, and the beginning of the names of the modules that do.
const SCOPE: &str = "sparkconnect";
/// Longest time for a connection to the collector, and for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time for the last spans to go out at the end.
const FLUSH: Duration = Duration::from_secs(5);

/// The settings of traces. The environment's names are OpenTelemetry's own; so are those of what is no flag here, such as
/// `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES`.
#[derive(Args, Clone, Debug)]
pub struct TraceSettings {
    /// Collector that traces are sent to by OTLP over gRPC, as in `http://collector.observability:4317`; with `https`, by TLS with
    /// the system's roots. Absent or empty: no traces.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Part of the traces that is kept, from 0 to 1. Of a trace that a caller began, the caller has decided.
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER_ARG",
        value_name = "RATIO",
        default_value_t = 1.0,
        value_parser = ratio
    )]
    pub trace_sample_ratio: f64,
}

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The collector's address cannot be read.
    #[error(
        "`{0}` is not the address of a collector: write it like http://collector.observability:4317"
    )]
    Endpoint(String),
    /// TLS cannot be had.
    #[error("no TLS for the collector: {0}")]
    Tls(#[source] tonic::transport::Error),
    /// One of OpenTelemetry's variables has a wrong value.
    #[error("traces cannot be sent as the environment says: {0}")]
    Environment(#[from] ExporterBuildError),
}

/// Where the spans of this process go.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Traces of the program `name`, where `settings` name a collector. That need not be there yet. To be called within a runtime,
    /// which has the connection.
    ///
    /// # Errors
    /// When the settings cannot be right.
    pub fn start(name: &str, settings: &TraceSettings) -> Result<Option<Self>, TraceError> {
        let given = settings.otlp_endpoint.as_deref();
        let Some(given) = given.filter(|given| !given.is_empty()) else {
            return Ok(None);
        };
        let endpoint = endpoint(given)?;
        let collector = endpoint.uri().host().unwrap_or_default().to_owned();
        let exporter = exporter(endpoint.connect_lazy())?;
        let sampler = Sampler::TraceIdRatioBased(settings.trace_sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(name))
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_batch_exporter(Telling::new(exporter, collector));
        Ok(Some(Self(provider.build())))
    }

    /// What makes spans of the project's own; not of the libraries', and not of what is logged, which may name users.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let own = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(SCOPE));
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SCOPE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(LevelFilter::DEBUG.and(own))
    }

    /// Sends what is left, for as long as [`FLUSH`] at the most. Blocks; the runtime must still be there.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn endpoint(text: &str) -> Result<Endpoint, TraceError> {
    let wrong = || TraceError::Endpoint(text.to_owned());
    let endpoint = Endpoint::from_shared(text.to_owned()).map_err(|_| wrong())?;
    let endpoint = endpoint.connect_timeout(PATIENCE).timeout(PATIENCE);
    match endpoint.uri().scheme_str() {
        Some("http") => Ok(endpoint),
        Some("https") => {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint.tls_config(tls).map_err(TraceError::Tls)
        }
        _ => Err(wrong()),
    }
}

fn exporter(channel: Channel) -> Result<OtlpExporter, ExporterBuildError> {
    OtlpExporter::builder()
        .with_tonic()
        .with_channel(channel)
        .build()
}

/// What this process is, in the words of OpenTelemetry's conventions.
fn resource(name: &str) -> Resource {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let service = variable("OTEL_SERVICE_NAME").unwrap_or_else(|| format!("{SCOPE}-{name}"));
    let pod = [
        ("k8s.namespace.name", "POD_NAMESPACE"),
        ("k8s.pod.name", "POD_NAME"),
    ];
    let pod = pod
        .into_iter()
        .filter_map(|(key, name)| Some(KeyValue::new(key, variable(name)?)));
    Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(pod)
        .build()
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().unwrap_or(f64::NAN);
    if (0.0..=1.0).contains(&ratio) {
        Ok(ratio)
    } else {
        Err("it must be a number from 0 to 1, as in 0.05".to_owned())
    }
}

/// Tells when spans no longer go out and when they do again, and nothing in between: a collector that is away is tried again every few
/// seconds.
#[derive(Debug)]
struct Telling<E> {
    inner: E,
    collector: String,
    failing: AtomicBool,
}

impl<E> Telling<E> {
    fn new(inner: E, collector: String) -> Self {
        Self {
            inner,
            collector,
            failing: AtomicBool::new(false),
        }
    }
}

impl<E: SpanExporter> SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.inner.export(batch).await;
        let collector = &self.collector;
        match (&sent, self.failing.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(collector, %error, "traces cannot be sent, and are lost until they can");
            }
            (Ok(()), true) => tracing::info!(collector, "traces are sent again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
#[path = "traces_tests.rs"]
mod tests;
