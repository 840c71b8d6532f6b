//! A connection that writes once for several calls: before it writes it lets every task that is ready run, so that what they have to
//! send goes out together. Without that, a runtime of several threads wakes the connection for each frame of each call at once,
//! and a system call a frame is a quarter of all that a short call costs. Does I/O.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose writes wait for those who are ready too.
#[derive(Debug)]
pub struct Gather<T> {
    inner: T,
    /// Whether the others have had their turn since the last write.
    waited: bool,
}

impl<T> Gather<T> {
    /// Writes to `inner`.
    pub const fn new(inner: T) -> Self {
        Self {
            inner,
            waited: false,
        }
    }

    /// Has the task run again once every other one that is ready has run.
    fn turn(&mut self, context: &Context<'_>) -> Poll<()> {
        self.waited = !self.waited;
        if self.waited {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Gather<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gather<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.turn(context));
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.turn(context));
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_write_waits_for_one_turn_and_then_goes_out() {
        let (near, mut far) = tokio::io::duplex(100);
        let mut near = Gather::new(near);
        let mut context = Context::from_waker(std::task::Waker::noop());
        for bytes in [b"one", b"two"] {
            let mut write = || Pin::new(&mut near).poll_write(&mut context, bytes);
            assert!(write().is_pending());
            assert!(matches!(write(), Poll::Ready(Ok(3))));
        }
        let mut there = [0; 6];
        far.read_exact(&mut there).await.unwrap();
        assert_eq!(&there, b"onetwo");
        // Whoever waits is woken for it.
        let written = tokio::spawn(async move { near.write_all(b"three").await });
        written.await.unwrap().unwrap();
        let mut there = [0; 5];
        far.read_exact(&mut there).await.unwrap();
        assert_eq!(&there, b"three");
    }
}
