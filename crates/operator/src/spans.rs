//! The operator's spans, with their names and attributes in one place: OpenTelemetry's conventions where they have a word, and
//! `sparkconnect.` before what is the project's own. No I/O. Without traces every span is disabled: to make one is a comparison, and
//! what it would have had is not put together.

use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;
use sparkconnect_api::labels;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_telemetry::RequestId;
use sparkconnect_telemetry::spans::{TRACEPARENT, join};
use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::watch::{GuardedServer, GuardedSession};

/// One reconcile of a server.
pub fn of_server(server: &GuardedServer) -> Span {
    debug_span!(
        "reconcile SparkConnectServer",
        otel.status_code = Empty,
        "error.type" = Empty,
        sparkconnect.namespace = server.meta().namespace.as_deref(),
        sparkconnect.server = server.meta().name.as_deref(),
    )
}

/// How long a session that waits adds to the trace of the call that it was made for: longer than any call waits.
const CALL: Duration = Duration::from_secs(600);

/// One reconcile of a session; until it lives on its server, in the trace of the call that it is made for.
pub fn of_session(session: &GuardedSession) -> Span {
    let known = session.0.as_ref().ok();
    let span = debug_span!(
        "reconcile SparkSession",
        otel.status_code = Empty,
        "error.type" = Empty,
        sparkconnect.request_id = request_id(session).as_ref().map(RequestId::as_str),
        sparkconnect.namespace = session.meta().namespace.as_deref(),
        sparkconnect.server = known.map(|known| known.spec.server.as_str()),
        sparkconnect.session = session.meta().name.as_deref(),
    );
    let phase = known.and_then(|known| known.status.as_ref()?.phase);
    if matches!(phase, None | Some(SessionPhase::Pending)) && is_new(session, Timestamp::now()) {
        let annotations = session.meta().annotations.as_ref();
        let trace = annotations.and_then(|all| all.get(labels::TRACEPARENT));
        join(&span, |name| {
            trace.filter(|_| name == TRACEPARENT).map(String::as_str)
        });
    }
    span
}

fn is_new<K: Resource>(object: &K, now: Timestamp) -> bool {
    let made = object.meta().creation_timestamp.as_ref();
    made.is_none_or(|made| now.duration_since(made.0).unsigned_abs() < CALL)
}

/// Id of the call that an object was made for, where it tells of one that can go into a log.
pub fn request_id<K: Resource>(object: &K) -> Option<RequestId> {
    let annotations = object.meta().annotations.as_ref()?;
    RequestId::given(annotations.get(labels::REQUEST_ID)?)
}

/// A reconcile has failed in the step `category`.
pub fn failed(span: &Span, category: &str) {
    span.record("otel.status_code", "error");
    span.record("error.type", category);
}

/// A call of the API server that writes the object `name`.
pub fn write(verb: &str, kind: &str, name: &str) -> Span {
    debug_span!(
        "write",
        otel.name = format!("{verb} {kind}"),
        otel.kind = "client",
        sparkconnect.object = name,
    )
}

/// A call of a Spark server, or several that belong together.
pub fn spark(what: &'static str, replica: Option<&str>) -> Span {
    debug_span!(
        "spark",
        otel.name = what,
        otel.kind = "client",
        sparkconnect.replica = replica,
    )
}

#[cfg(test)]
mod tests {
    use kube::core::error_boundary::DeserializeGuard;
    use serde_json::json;
    use sparkconnect_api::SparkSession;

    use super::*;

    #[test]
    fn a_session_that_waits_for_long_leaves_the_trace_of_its_call() {
        let made = json!({"apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
            "metadata": {"name": "nb", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"server": "demo"}});
        let session: SparkSession = serde_json::from_value(made).unwrap();
        let at = |time: &str| is_new(&session, time.parse().unwrap());
        assert!(at("2026-01-01T00:09:59Z"));
        assert!(!at("2026-01-01T00:10:00Z"));
    }

    #[test]
    fn an_id_that_could_be_anything_is_not_believed() {
        let made = |id: &str| -> GuardedSession {
            let session: SparkSession = serde_json::from_value(json!({
                "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
                "metadata": {"name": "nb", "annotations": {"sparkconnect.dev/request-id": id}},
                "spec": {"server": "demo"},
            }))
            .unwrap();
            DeserializeGuard(Ok(session))
        };
        assert_eq!(request_id(&made("r-1")), RequestId::given("r-1"));
        assert_eq!(request_id(&made("r 1\nforged")), None);
    }
}
