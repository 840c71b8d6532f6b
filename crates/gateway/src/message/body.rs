//! The body of a request on its way through: read as far as its session at first, rewritten as it flows then. Reads from the
//! client's connection.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::rewrite::{Beginning, Rewriter, Unfit, length};
use super::walk::Walk;

/// Pieces up to this many bytes in all are put together: one write is cheaper than several.
const JOINED: usize = 2048;

/// What was read of a request to find out its session.
#[derive(Debug)]
pub struct Begun {
    /// The session that the first message names.
    pub session: String,
    /// The bytes that were read.
    pub read: VecDeque<Bytes>,
}

/// Reads a request until its session is known, and `most` bytes at the most.
///
/// # Errors
/// When it is unfit, ends before, or the client's connection breaks, which looks like an end.
pub async fn begin<B>(body: &mut B, limit: u32, most: usize) -> Result<Begun, Unfit>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut beginning, mut read, mut count) = (Beginning::new(limit), VecDeque::new(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else {
            break; // trailers: the request has ended
        };
        count += bytes.len();
        let session = beginning.push(&bytes)?.map(str::to_owned);
        read.push_back(bytes);
        match session {
            Some(session) => return Ok(Begun { session, read }),
            None if count > most => return Err(Unfit::NoSession),
            None => {}
        }
    }
    Err(Unfit::Cut)
}

/// Reads a request on until its first message has ended, of `most` bytes at the most; the text of its `field`, if it has one.
///
/// # Errors
/// When it is longer, cannot be read, or ends before.
pub async fn whole<B>(
    body: &mut B,
    begun: &mut Begun,
    field: u32,
    most: u32,
) -> Result<Option<String>, Unfit>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut message: Vec<u8> = begun.read.iter().flatten().copied().collect();
    loop {
        if let Some((head, rest)) = message.split_first_chunk() {
            let length = length(*head, most)?;
            if let Some(message) = rest.get(..length as usize) {
                let mut walk = Walk::new(length, Some(field));
                walk.feed(message)?;
                walk.end()?;
                return Ok(walk.subject().map(str::to_owned));
            }
        }
        let Some(Ok(frame)) = body.frame().await else {
            return Err(Unfit::Cut);
        };
        let bytes = frame.into_data().map_err(|_| Unfit::Cut)?;
        message.extend_from_slice(&bytes);
        begun.read.push_back(bytes);
    }
}

/// A request that goes on to a server.
#[derive(Debug)]
pub struct Enforced<B> {
    inner: B,
    read: VecDeque<Bytes>,
    rewriter: Rewriter,
    refused: Option<oneshot::Sender<Unfit>>,
    ended: bool,
}

impl<B> Enforced<B> {
    /// The rest of `inner` after what was `read` of it. The reason goes to `refused` when the request must not go on: it then
    /// breaks off, so that the server never has the whole message.
    pub fn new(
        inner: B,
        read: VecDeque<Bytes>,
        rewriter: Rewriter,
        refused: oneshot::Sender<Unfit>,
    ) -> Self {
        Self {
            inner,
            read,
            rewriter,
            refused: Some(refused),
            ended: false,
        }
    }

    fn refuse(&mut self, unfit: Unfit) -> Poll<Option<Result<Frame<Piece>, Unfit>>> {
        self.ended = true;
        if let Some(refused) = self.refused.take() {
            let _ = refused.send(unfit.clone()); // the call has ended already
        }
        Poll::Ready(Some(Err(unfit)))
    }
}

impl<B> Body for Enforced<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Piece;
    type Error = Unfit;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Unfit>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let mut out = VecDeque::new();
        while let Some(bytes) = this.read.pop_front() {
            if let Err(unfit) = this.rewriter.push(bytes, &mut out) {
                return this.refuse(unfit);
            }
        }
        // An empty piece would be an empty frame, and servers take many of those for an attack.
        while out.is_empty() {
            let bytes = match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return this.refuse(Unfit::Cut),
                None => {
                    this.ended = true;
                    return match this.rewriter.end() {
                        Ok(()) => Poll::Ready(None),
                        Err(unfit) => this.refuse(unfit),
                    };
                }
            };
            if let Err(unfit) = this.rewriter.push(bytes, &mut out) {
                return this.refuse(unfit);
            }
        }
        Poll::Ready(Some(Ok(Frame::data(Piece::of(out)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
            || (self.read.is_empty() && self.inner.is_end_stream() && self.rewriter.end().is_ok())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default() // longer than what comes in
    }
}

/// Bytes in several parts, none of them copied unless they are few.
#[derive(Debug, Default)]
pub struct Piece(VecDeque<Bytes>);

impl Piece {
    fn of(parts: VecDeque<Bytes>) -> Self {
        let length: usize = parts.iter().map(Bytes::len).sum();
        if parts.len() == 1 || length > JOINED {
            return Self(parts);
        }
        let mut joined = Vec::with_capacity(length);
        parts.iter().for_each(|part| joined.extend_from_slice(part));
        Self(VecDeque::from([Bytes::from(joined)]))
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        let parts = self.0.iter().zip(to);
        parts.map(|(part, slot)| *slot = IoSlice::new(part)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            if count < first.len() {
                return first.advance(count);
            }
            count -= first.len();
            self.0.pop_front();
        }
        assert_eq!(count, 0, "no more than there is");
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
