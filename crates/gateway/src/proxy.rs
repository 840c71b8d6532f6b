//! One call on its way: who calls, for which session, where that lives, and what comes back. Does I/O with the client and the
//! replica.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use sparkconnect_telemetry::RequestId;
use sparkconnect_telemetry::spans::{TRACEPARENT, traceparent};
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::ad_hoc::{AdHoc, Wanted};
use crate::answer::Answer;
use crate::counts::Ledger;
use crate::directory::{Replica, Session};
use crate::identity::{Caller, Identities};
use crate::limiter::Limiter;
use crate::message::{Begun, Enforced, Rewriter, begin};
use crate::metrics::Metrics;
use crate::record::{Metered, Record, Recorded};
use crate::refusal::Refusal;
use crate::rpc::Rpc;
use crate::upstream::{Outgoing, Upstreams};
use crate::wanted;

/// Headers of a call that reach a replica. No other does: one may be an identity that an interceptor there believes.
static PASSED: [HeaderName; 7] = [
    CONTENT_TYPE,
    http::header::TE,
    http::header::USER_AGENT,
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// Bounds on a call.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Longest message, in bytes.
    pub message: u32,
    /// Most bytes that are read to find the session.
    pub beginning: usize,
    /// Longest wait for them.
    pub first_message: Duration,
}

/// What every call needs.
#[derive(Debug)]
pub struct Proxy {
    /// Who is who.
    pub identities: Identities,
    /// Sessions of those who have no session's token.
    pub ad_hoc: AdHoc,
    /// Below it servers have names of their own, `<server>.<namespace>.<domain>`.
    pub domain: Option<String>,
    /// What calls come to.
    pub ledger: Ledger,
    /// Calls of each user.
    pub users: Limiter<String>,
    /// Bounds.
    pub limits: CallLimits,
    /// What is counted of every call.
    pub metrics: Arc<Metrics>,
    /// Whether every call is logged.
    pub access_log: bool,
}

impl Proxy {
    /// The answer to a call, whatever comes of it; it goes on through `upstreams`.
    pub async fn call(
        &self,
        request: Request<Incoming>,
        upstreams: &Upstreams,
    ) -> Response<Recorded> {
        let mut record = Record::new(&self.metrics, self.access_log, &request);
        let span = record.span().clone();
        let passed = self
            .pass(request, upstreams, &mut record)
            .instrument(span)
            .await;
        match passed {
            Ok(response) => record.follow(response),
            Err(refusal) => {
                record.refused(&refusal);
                let response = refusal.response(record.id());
                record.follow(response.map(|_| Answer::Empty))
            }
        }
    }

    async fn pass(
        &self,
        request: Request<Incoming>,
        upstreams: &Upstreams,
        record: &mut Record,
    ) -> Result<Response<Answer>, Refusal> {
        let (head, body) = request.into_parts();
        let rpc = method(&head.method, &head.uri, &head.headers)?;
        record.of(rpc);
        let mut body = record.metered(body);
        let caller = self.identities.of(token(&head.headers)?).await?;
        let mut begun = self.begin(&mut body).await?;
        let found = self.session(caller, &head, rpc, &begun.session, record.id());
        let session = found.await?;
        record.of_session(&session);
        let replica = session.replica(&begun.session)?;
        let permit = self.users.enter(&session.user).ok_or(Refusal::TooMany {
            what: "calls of one user",
            limit: self.users.limit(),
        })?;
        let (refused, mut refusal) = oneshot::channel();
        let clone = match rpc {
            Rpc::CloneSession => {
                let clone = Box::pin(self.clone_of(&mut body, &mut begun, &session));
                Some(clone.await?)
            }
            _ => None,
        };
        let suffix = session.suffix(rpc, replica);
        let suffix = match &clone {
            Some(clone) => clone.suffix(&suffix),
            None => suffix,
        };
        let rewriter = self.rewriter(rpc, &session, suffix);
        let operation = rewriter.subject();
        let body = Box::new(Enforced::new(body, begun.read, rewriter, refused));
        let trace = traceparent(record.span());
        let headers = headers(&head.headers, trace, &replica.authorization);
        let outgoing = outgoing(rpc, headers, replica, body);
        let mut call = self.ledger.begin(&session.uid, rpc);
        let (address, user) = (replica.address.as_str(), &session.user);
        let answer = upstreams.send(address, user, outgoing).await;
        if let Ok(unfit) = refusal.try_recv() {
            return Err(unfit.into()); // the replica only saw a call that broke off
        }
        let answer = answer.map_err(|error| {
            let id = record.id();
            tracing::warn!(request_id = %id, session = %session.name, replica = replica.name, %error, "not passed on");
            Refusal::Unreachable {
                replica: replica.name.clone(),
            }
        })?;
        call.answered(operation.get().map(String::as_str), answer.headers());
        match clone {
            Some(clone) => {
                let cloned = self.cloned(clone, &session, replica, answer, call, record.id());
                Box::pin(cloned).await
            }
            None => Ok(answer.map(|body| Answer::Passed(body, call, permit))),
        }
    }

    async fn session(
        &self,
        caller: Caller,
        head: &Parts,
        rpc: Rpc,
        called: &str,
        request: &RequestId,
    ) -> Result<Arc<Session>, Refusal> {
        let person = match caller {
            Caller::Session(session) => return Ok(self.ad_hoc.own(session, called)),
            Caller::Person(person) => person,
        };
        let server = wanted::server(head, self.domain.as_deref())?;
        let wanted = Wanted {
            rpc,
            session: called,
            server: server.as_ref(),
            request,
        };
        Box::pin(self.ad_hoc.session(&person, wanted)).await
    }

    async fn begin(&self, body: &mut Metered<Incoming>) -> Result<Begun, Refusal> {
        let CallLimits {
            message,
            beginning,
            first_message,
        } = self.limits;
        let mut begun = pin!(begin(body, message, beginning));
        // Most often it is there already, and needs no timer.
        if let Poll::Ready(begun) = futures::poll!(&mut begun) {
            return Ok(begun?);
        }
        let begun = tokio::time::timeout(first_message, begun).await;
        let seconds = first_message.as_secs();
        Ok(begun.map_err(|_| Refusal::Late { seconds })??)
    }

    fn rewriter(&self, rpc: Rpc, session: &Session, suffix: Bytes) -> Rewriter {
        Rewriter::new(
            session.id.clone(),
            suffix,
            self.limits.message,
            rpc.subject_field(),
        )
    }
}

/// The method of a call that can be passed on.
fn method(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Rpc, Refusal> {
    let is_grpc = |value: &HeaderValue| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(b"+proto") || rest.starts_with(b";")
        })
    };
    if method != Method::POST || !headers.get(CONTENT_TYPE).is_some_and(is_grpc) {
        return Err(Refusal::NotGrpc);
    }
    if headers
        .get(GRPC_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(crate::message::Unfit::Compressed.into());
    }
    Rpc::of(uri.path()).ok_or_else(|| Refusal::UnknownMethod(uri.path().to_owned()))
}

/// The bearer token of a call.
///
/// # Errors
/// When there is none, or more than one.
pub fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return Err(Refusal::NoToken);
    };
    let text = value.to_str().map_err(|_| Refusal::NoToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refusal::NoToken)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(Refusal::NoToken)
    }
}

/// The call as the replica gets it.
fn outgoing(
    rpc: Rpc,
    headers: HeaderMap,
    replica: &Replica,
    body: Box<Enforced<Metered<Incoming>>>,
) -> Outgoing {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri(rpc, replica.address.clone());
    *request.headers_mut() = headers;
    request
}

/// The headers that a replica gets: the server's own token, and nothing of the client's but what gRPC needs. What observes the replica's
/// process may go on with the trace, the client's or, where there is one, the gateway's own; Spark itself does not look at it.
fn headers(client: &HeaderMap, trace: Option<String>, authorization: &HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(PASSED.len() + 1);
    for name in &PASSED {
        if let Some(value) = client.get(name) {
            headers.insert(name, value.clone());
        }
    }
    if let Some(trace) = trace.and_then(|trace| HeaderValue::try_from(trace).ok()) {
        headers.insert(TRACEPARENT, trace);
    }
    headers.insert(AUTHORIZATION, authorization.clone());
    headers
}

fn uri(rpc: Rpc, address: Authority) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(address);
    parts.path_and_query = Some(PathAndQuery::from_static(rpc.path()));
    Uri::from_parts(parts).expect("it has all three parts")
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
