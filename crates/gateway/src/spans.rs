//! The gateway's spans, with their names and attributes in one place: OpenTelemetry's conventions where they have a word, and
//! `sparkconnect.` before what is the project's own. No user is in them. No I/O. Without traces every span is disabled: to make one
//! is a comparison, and what it would have had is not put together.

use http::Request;
use sparkconnect_telemetry::spans::join;
use tracing::field::Empty;
use tracing::{Span, debug_span};

use crate::directory::Session;
use crate::metrics::code_name;
use crate::rpc::Rpc;

/// Codes of gRPC that are a server's failure and not its client's: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and
/// DATA_LOSS.
const FAILURES: [u16; 6] = [2, 4, 12, 13, 14, 15];

/// A call, in the trace that its client began, if it did.
pub fn call<B>(request: &Request<B>) -> Span {
    let method = || Rpc::of(request.uri().path()).map_or("other", Rpc::full_name);
    let span = debug_span!(
        "call",
        otel.name = method(),
        otel.kind = "server",
        otel.status_code = Empty,
        "error.type" = Empty,
        rpc.system.name = "grpc",
        rpc.method = method(),
        rpc.response.status_code = Empty,
        sparkconnect.request_id = Empty,
        sparkconnect.namespace = Empty,
        sparkconnect.server = Empty,
        sparkconnect.session = Empty,
        sparkconnect.refusal = Empty,
        sparkconnect.received_bytes = Empty,
        sparkconnect.sent_bytes = Empty,
    );
    join(&span, |name| request.headers().get(name)?.to_str().ok());
    span
}

/// What a call came to.
#[derive(Debug)]
pub struct Ended<'a> {
    /// Its id.
    pub id: &'a str,
    /// The session that it was of.
    pub session: Option<&'a Session>,
    /// Its code.
    pub code: u16,
    /// Bytes that came.
    pub received: u64,
    /// Bytes that went.
    pub sent: u64,
}

/// A call has ended.
pub fn ended(span: &Span, call: &Ended<'_>) {
    if span.is_disabled() {
        return;
    }
    let code = code_name(call.code);
    span.record("rpc.response.status_code", code);
    span.record("sparkconnect.request_id", call.id);
    span.record("sparkconnect.received_bytes", call.received);
    span.record("sparkconnect.sent_bytes", call.sent);
    if let Some(session) = call.session {
        span.record("sparkconnect.namespace", session.name.namespace.as_str());
        span.record("sparkconnect.server", session.server().name.as_str());
        span.record("sparkconnect.session", session.name.name.as_str());
    }
    if FAILURES.contains(&call.code) {
        span.record("error.type", code);
        span.record("otel.status_code", "error");
    }
}

/// A question to the API server: whose a token is.
pub fn review_token() -> Span {
    debug_span!("review token", otel.kind = "client")
}

/// A question to the API server: who may use a server.
pub fn review_access() -> Span {
    debug_span!("review access", otel.kind = "client")
}

/// A SparkSession is made for a call.
pub fn create_session() -> Span {
    debug_span!("create SparkSession", otel.kind = "client")
}

/// A call waits until the operator has made its session.
pub fn wait_for_session() -> Span {
    debug_span!("wait for SparkSession")
}

/// A connection to the replica at `address` is made.
pub fn connect(address: &str) -> Span {
    debug_span!(
        "connect to replica",
        otel.kind = "client",
        server.address = address,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_failures_are_those_that_the_conventions_name() {
        assert_eq!(
            FAILURES.map(code_name),
            [
                "UNKNOWN",
                "DEADLINE_EXCEEDED",
                "UNIMPLEMENTED",
                "INTERNAL",
                "UNAVAILABLE",
                "DATA_LOSS"
            ]
        );
    }
}
