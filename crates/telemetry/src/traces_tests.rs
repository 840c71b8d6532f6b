use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use clap::Parser;
use opentelemetry_sdk::error::OTelSdkError;
use tracing::Event;
use tracing::subscriber::set_default;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    traces: TraceSettings,
}

fn settings(args: &[&str]) -> Result<TraceSettings, clap::Error> {
    let parsed = Program::try_parse_from([&["program"], args].concat())?;
    Ok(parsed.traces)
}

fn start(endpoint: &str) -> Result<Option<Traces>, TraceError> {
    let endpoint = format!("--otlp-endpoint={endpoint}");
    Traces::start("test", &settings(&[&endpoint]).unwrap())
}

#[tokio::test]
async fn there_are_none_unless_a_collector_is_named() {
    assert!(
        Traces::start("test", &settings(&[]).unwrap())
            .unwrap()
            .is_none()
    );
    assert!(start("").unwrap().is_none(), "as OpenTelemetry has it");
    assert!(start("http://collector:4317").unwrap().is_some());
    for wrong in ["collector:4317", "collector", "ftp://collector", "http://"] {
        let error = start(wrong).unwrap_err().to_string();
        assert!(error.contains("write it like http://"), "{wrong}: {error}");
    }
}

#[test]
fn the_ratio_is_one_of_traces() {
    assert_eq!(settings(&[]).unwrap().trace_sample_ratio, 1.0);
    let few = settings(&["--trace-sample-ratio=0.05"]).unwrap();
    assert_eq!(few.trace_sample_ratio, 0.05);
    for wrong in ["1.1", "-1", "half", "NaN", ""] {
        let Err(error) = settings(&[&format!("--trace-sample-ratio={wrong}")]) else {
            panic!("{wrong} was taken");
        };
        assert!(error.to_string().contains("from 0 to 1"), "{error}");
    }
}

/// Answers as it is told to.
#[derive(Debug, Default)]
struct Flaky(AtomicBool);

impl SpanExporter for Flaky {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let away = || OTelSdkError::InternalFailure("away".to_owned());
        if self.0.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(away())
        }
    }
}

/// Counts what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_collector_that_goes_and_comes_is_two_lines() {
    let lines = Lines::default();
    let _subscriber = set_default(Registry::default().with(lines.clone()));
    let telling = Telling::new(Flaky::default(), "collector".to_owned());
    for (answers, expected) in [(false, 1), (false, 1), (true, 2), (true, 2), (false, 3)] {
        telling.inner.0.store(answers, Ordering::Relaxed);
        assert_eq!(telling.export(vec![]).await.is_ok(), answers);
        assert_eq!(lines.0.load(Ordering::Relaxed), expected);
    }
}
