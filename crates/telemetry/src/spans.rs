//! One trace across programs: what a span needs to go on with a trace that another program began, and to hand its own on, in the
//! form of W3C's trace context. No I/O. Without traces every span is disabled, and all of this does nothing.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the header that carries a trace.
pub const TRACEPARENT: &str = "traceparent";
/// Name of the header beside it with what vendors add.
const TRACESTATE: &str = "tracestate";

/// Has `span`, which must be new, go on with the trace that `header` tells of, if it tells of one.
pub fn join<'a>(span: &Span, header: impl Fn(&str) -> Option<&'a str>) {
    if span.is_disabled() {
        return;
    }
    let told = |name: &str| Some((name.to_owned(), header(name)?.to_owned()));
    let headers: HashMap<_, _> = [TRACEPARENT, TRACESTATE]
        .into_iter()
        .filter_map(told)
        .collect();
    let remote = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    if remote.span().span_context().is_valid() {
        // It has a subscriber that makes no traces, at the worst.
        let _ = span.set_parent(remote);
    }
}

/// What another program needs to go on with the trace of `span`: a value of [`TRACEPARENT`].
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.remove(TRACEPARENT)
}

/// Does `work` in `span`, which says if it failed. Why is in the log, by the same trace id: an error's text may hold what is not to
/// leave the cluster.
///
/// # Errors
/// Those of `work`.
pub async fn within<T, E>(span: Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let done = work.instrument(span.clone()).await;
    if done.is_err() {
        failed(&span);
    }
    done
}

/// What was done in `span` has failed.
pub fn failed(span: &Span) {
    span.set_status(Status::error(""));
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;
