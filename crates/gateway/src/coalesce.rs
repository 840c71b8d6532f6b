//! A connection on which messages of up to 1 KiB go out together. h2 copies short frames into one buffer and writes long ones from
//! where they are, each with a system call of its own: over a stream that takes several parts at once, from 256 bytes on, which most
//! calls of Spark Connect have. System calls were a quarter of what a short call costs. Does I/O.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection. Whoever asks it for the first time whether it takes several parts at once is told that it does not: that is h2, which
/// takes frames of 1 KiB for long ones then. After that it takes what the stream within takes.
#[derive(Debug)]
pub struct Coalesced<T> {
    inner: T,
    asked: Cell<bool>,
}

impl<T> Coalesced<T> {
    /// Over `inner`, for h2 to set up.
    pub const fn new(inner: T) -> Self {
        Self {
            inner,
            asked: Cell::new(false),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Coalesced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Coalesced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.asked.replace(true) && self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use http::Request;

    use super::*;
    use crate::counted::Counted;

    /// How many writes ten calls take that are ready together, each of so many bytes.
    async fn writes(length: usize) -> usize {
        let (near, far) = tokio::io::duplex(1 << 20);
        let count = Arc::new(AtomicUsize::new(0));
        let near = Coalesced::new(Counted(near, Arc::clone(&count)));
        let (client, server) =
            tokio::join!(h2::client::handshake(near), h2::server::handshake(far));
        let ((mut calls, client), mut server) = (client.unwrap(), server.unwrap());
        tokio::spawn(client);
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok((request, answer))) = server.accept().await {
                let told = told.clone();
                tokio::spawn(async move {
                    let _answer = answer; // without it the call would be broken off
                    let mut body = request.into_body();
                    let mut length = 0;
                    while let Some(Ok(bytes)) = body.data().await {
                        length += bytes.len();
                    }
                    told.send(length).unwrap();
                });
            }
        });
        calls = calls.ready().await.unwrap();
        let before = count.load(Ordering::Relaxed);
        let bytes = Bytes::from(vec![7; length]);
        let mut answers = vec![];
        for _ in 0..10 {
            let (answer, mut body) = calls.send_request(Request::new(()), false).unwrap();
            body.send_data(bytes.clone(), true).unwrap();
            answers.push(answer);
        }
        for _ in 0..10 {
            assert_eq!(heard.recv().await, Some(length), "it arrives as it was");
        }
        count.load(Ordering::Relaxed) - before
    }

    #[tokio::test]
    async fn short_messages_go_out_together_and_long_ones_from_where_they_are() {
        assert!(writes(1_000).await < 5);
        assert!(writes(5_000).await >= 10);
    }
}
