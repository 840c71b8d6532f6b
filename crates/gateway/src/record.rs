//! What is told of each call when it ends: its metrics, its span, and a line of the access log where that is wanted. No I/O beside the
//! log.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use sparkconnect_telemetry::RequestId;
use tracing::Span;

use crate::answer::Answer;
use crate::directory::Session;
use crate::metrics::{Metrics, code_name};
use crate::refusal::{GRPC_STATUS, Refusal};
use crate::request_id::{self, REQUEST_ID};
use crate::rpc::Rpc;
use crate::spans::{self, Ended};

/// Target of the access log's lines.
pub const ACCESS_LOG: &str = "sparkconnect_gateway::access";
/// The code of a call whose client went before its end.
const CANCELLED: u16 = 1;

/// What there is to tell of one call; told when this is dropped.
#[derive(Debug)]
pub struct Record {
    metrics: Arc<Metrics>,
    access_log: bool,
    began: Instant,
    id: RequestId,
    span: Span,
    rpc: Option<Rpc>,
    session: Option<Arc<Session>>,
    code: Option<u16>,
    received: Arc<AtomicU64>,
    sent: u64,
}

impl Record {
    /// Of a call that begins.
    pub fn new<B>(metrics: &Arc<Metrics>, access_log: bool, call: &Request<B>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            access_log,
            began: Instant::now(),
            id: request_id::of(call.headers()),
            span: spans::call(call),
            rpc: None,
            session: None,
            code: None,
            received: Arc::default(),
            sent: 0,
        }
    }

    /// Its id.
    pub const fn id(&self) -> &RequestId {
        &self.id
    }

    /// Its span.
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// It is a call of this method.
    pub fn of(&mut self, rpc: Rpc) {
        self.rpc = Some(rpc);
    }

    /// It is a call of this session.
    pub fn of_session(&mut self, session: &Arc<Session>) {
        self.session = Some(Arc::clone(session));
    }

    /// It is refused, for this.
    pub fn refused(&self, refusal: &Refusal) {
        let reason = refusal.reason();
        tracing::info!(parent: &self.span, request_id = %self.id, reason, %refusal, "refused");
        self.span.record("sparkconnect.refusal", reason);
        self.metrics.refused(refusal);
    }

    /// Its messages, counted as they come.
    pub fn metered<B>(&self, body: B) -> Metered<B> {
        Metered {
            inner: body,
            metrics: Arc::clone(&self.metrics),
            received: Arc::clone(&self.received),
        }
    }

    /// Follows its answer, which gets its id, to the end. Where that has no messages, its status is in the head.
    pub fn follow(mut self, mut response: Response<Answer>) -> Response<Recorded> {
        let id = request_id::header(&self.id);
        response.headers_mut().insert(REQUEST_ID, id);
        self.ended(response.headers());
        response.map(|answer| Recorded {
            answer,
            record: self,
        })
    }

    /// So many bytes of its answer go to the client.
    fn sends(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.metrics.sent.inc_by(bytes as u64);
    }

    /// It ended with the status in these headers or trailers, if there is one in them.
    fn ended(&mut self, trailers: &HeaderMap) {
        let status = trailers.get(GRPC_STATUS);
        let code = status.and_then(|status| status.to_str().ok()?.parse().ok());
        self.code = code.or(self.code);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (code, took) = (self.code.unwrap_or(CANCELLED), self.began.elapsed());
        if let Some(rpc) = self.rpc {
            self.metrics.ended(rpc, code, took);
        }
        let received = self.received.load(Ordering::Relaxed);
        let session = self.session.as_deref();
        // The span lasts until now, and the line is of its trace.
        let _span = self.span.enter();
        let ended = Ended {
            id: self.id.as_str(),
            session,
            code,
            received,
            sent: self.sent,
        };
        spans::ended(&self.span, &ended);
        if self.access_log {
            tracing::info!(
                target: ACCESS_LOG,
                request_id = %self.id,
                rpc = self.rpc.map_or("", Rpc::name),
                session = session.map(|it| tracing::field::display(&it.name)),
                user = session.map(|it| it.user.as_str()),
                code = code_name(code),
                milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                received,
                sent = self.sent,
                "call"
            );
        }
    }
}

/// The answer to a call, and what there is to tell of that when it ends.
#[derive(Debug)]
pub struct Recorded {
    answer: Answer,
    record: Record,
}

impl Body for Recorded {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.answer).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.record.sends(frame.data_ref().map_or(0, Bytes::len));
            if let Some(trailers) = frame.trailers_ref() {
                self.record.ended(trailers);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

/// A body whose bytes are counted as they pass.
#[derive(Debug)]
pub struct Metered<B> {
    inner: B,
    metrics: Arc<Metrics>,
    received: Arc<AtomicU64>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Metered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(Some(bytes))) = frame.as_ref().map(|it| it.as_ref().map(Frame::data_ref)) {
            self.metrics.received.inc_by(bytes.len() as u64);
            self.received
                .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
