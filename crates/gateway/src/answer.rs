//! The body of an answer: what a replica sends, unchanged, or nothing beside the status that a refusal has in its head. A replica
//! that goes away in the middle becomes a status too: a client goes on by itself after UNAVAILABLE, and is helpless before a
//! connection that breaks.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::counts::Call;
use crate::limiter::Permit;
use crate::refusal::{Code, GRPC_MESSAGE, GRPC_STATUS};

/// The body of an answer.
#[derive(Debug)]
pub enum Answer {
    /// Nothing: the head says it all.
    Empty,
    /// A replica's, and the call that ends with it.
    Passed(Incoming, Call, Permit<String>),
    /// One that had to be read first: what is left of its body, and its trailers.
    Whole(Option<Bytes>, Option<HeaderMap>),
    /// It has ended.
    Ended,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            let (body, call) = match &mut *self {
                Self::Passed(body, call, _) => (body, call),
                Self::Whole(bytes, trailers) => {
                    let bytes = bytes.take().map(Frame::data);
                    let next = bytes.or_else(|| trailers.take().map(Frame::trailers));
                    return Poll::Ready(next.map(Ok));
                }
                Self::Empty | Self::Ended => return Poll::Ready(None),
            };
            match ready!(Pin::new(body).poll_frame(context)) {
                // Empty frames are of no use to a client, and many of them look like an attack.
                Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        call.passed(bytes);
                    }
                    if let Some(trailers) = frame.trailers_ref() {
                        call.ended(trailers);
                        *self = Self::Ended;
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a replica broke off its answer");
                    let trailers = broken_off();
                    call.ended(&trailers);
                    *self = Self::Ended;
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                None => {
                    *self = Self::Ended;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Ended => true,
            Self::Passed(body, ..) => body.is_end_stream(),
            Self::Whole(bytes, trailers) => bytes.is_none() && trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Ended => SizeHint::with_exact(0),
            Self::Passed(..) | Self::Whole(..) => SizeHint::default(),
        }
    }
}

fn broken_off() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(GRPC_STATUS, HeaderValue::from(Code::Unavailable as u16));
    trailers.insert(
        GRPC_MESSAGE,
        HeaderValue::from_static("the replica broke off its answer: it may be restarting"),
    );
    trailers
}
