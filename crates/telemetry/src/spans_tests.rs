use std::sync::{Arc, Mutex};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::{Subscriber, debug_span};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Keeps what it is to send.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Kept {
    /// Has spans end here as soon as they are closed.
    fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let provider = SdkTracerProvider::builder().with_simple_exporter(self.clone());
        let tracer = provider.build().tracer("test");
        Registry::default().with(tracing_opentelemetry::layer().with_tracer(tracer))
    }

    fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The spans that `work` makes.
fn spans(work: impl FnOnce()) -> Vec<SpanData> {
    let made = Kept::default();
    tracing::subscriber::with_default(made.subscriber(), work);
    made.take()
}

#[test]
fn a_trace_goes_on_from_one_program_to_the_next() {
    let mut handed_on = None;
    let made = spans(|| {
        let span = debug_span!("first");
        join(&span, |name| (name == TRACEPARENT).then_some(PARENT));
        let _entered = span.enter();
        handed_on = traceparent(&debug_span!("second"));
    });
    let [second, first] = &made[..] else {
        panic!("{made:#?}");
    };
    assert_eq!(first.span_context.trace_id().to_string(), TRACE);
    assert_eq!(first.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(second.parent_span_id, first.span_context.span_id());
    let id = second.span_context.span_id();
    assert_eq!(handed_on, Some(format!("00-{TRACE}-{id}-01")));
}

#[test]
fn what_is_no_trace_begins_one() {
    for header in ["", "00-0-0-01", "00-zz-b7ad6b7169203331-01", "nonsense"] {
        let made = spans(|| join(&debug_span!("first"), |_| Some(header)));
        assert_ne!(made[0].span_context.trace_id().to_string(), TRACE);
        assert!(made[0].span_context.is_valid(), "{header}");
    }
}

#[tokio::test]
async fn what_fails_says_so_and_not_why() {
    let made = Kept::default();
    let _subscriber = tracing::subscriber::set_default(made.subscriber());
    let good: Result<(), String> = within(debug_span!("good"), async { Ok(()) }).await;
    let bad: Result<(), _> = within(debug_span!("bad"), async { Err("the secret") }).await;
    assert!(good.is_ok() && bad.is_err());
    let made = made.take();
    assert_eq!(made[0].status, Status::Unset);
    assert_eq!(made[1].status, Status::error(""));
    assert!(!format!("{made:?}").contains("the secret"), "{made:?}");
}

#[test]
fn without_traces_there_is_nothing_to_hand_on() {
    let span = debug_span!("first");
    join(&span, |_| Some(PARENT));
    assert_eq!(traceparent(&span), None);
}
