//! TLS that sends long answers in few system calls. h2 asks for a flush after every frame, and TLS sends on each write: over loopback and
//! fast networks those calls cost more than the encryption. Here long frames wait, encrypted, until 64 KiB are there or the connection has
//! nothing more to write. Short ones go out at once. Does I/O.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

/// Writes from this many bytes on wait for more.
const LONG: usize = 8 << 10;
/// So many encrypted bytes go out together.
const ENOUGH: usize = 64 << 10;
/// So many encrypted bytes may wait for a client that does not read: one frame more than is enough.
const MOST: usize = 96 << 10;

/// What TLS writes to.
#[derive(Debug)]
pub struct Cork<T> {
    inner: T,
    corked: bool,
}

impl<T> Cork<T> {
    /// Over `inner`, open: a handshake does not wait.
    pub const fn new(inner: T) -> Self {
        let corked = false;
        Self { inner, corked }
    }

    /// The stream within.
    pub const fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Whether these bytes are to wait. Whoever wrote them is not woken for that: they lie in TLS, and [`Corked`] sees to them.
    const fn holds(&self, bytes: usize) -> bool {
        self.corked && bytes < ENOUGH
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Cork<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Cork<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.holds(bytes.len()) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.holds(parts.iter().map(|part| part.len()).sum()) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// TLS over a [`Cork`].
///
/// A flush while long frames wait is answered at once and done later: the task is woken, and what is still there when it reads goes out
/// then. h2 writes all it has and returns, and begins by reading when it is woken.
#[derive(Debug)]
pub struct Corked<T> {
    tls: TlsStream<Cork<T>>,
    due: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Corked<T> {
    /// Over a connection whose handshake is done.
    pub fn new(mut tls: TlsStream<Cork<T>>) -> Self {
        tls.get_mut().1.set_buffer_limit(Some(MOST));
        Self { tls, due: false }
    }

    fn cork(&mut self, corked: bool) -> Pin<&mut TlsStream<Cork<T>>> {
        self.tls.get_mut().0.corked = corked;
        Pin::new(&mut self.tls)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Corked<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.due {
            match self.cork(false).poll_flush(context) {
                Poll::Ready(Ok(())) => self.due = false,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {} // the task is woken when there is room
            }
        }
        Pin::new(&mut self.tls).poll_read(context, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Corked<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cork(bytes.len() >= LONG).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.cork(length >= LONG)
            .poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (socket, tls) = self.tls.get_ref();
        if !(socket.corked && tls.wants_write()) {
            return Pin::new(&mut self.tls).poll_flush(context);
        }
        if !self.due {
            self.due = true;
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cork(false).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "cork_tests.rs"]
mod tests;
