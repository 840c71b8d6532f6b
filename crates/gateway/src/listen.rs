//! The gateway's door: takes connections, bounds them in number and time, and ends them in good order. Does I/O with clients.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::coalesce::Coalesced;
use crate::cork::{Cork, Corked};
use crate::limiter::Limiter;
use crate::metrics::Held;
use crate::proxy::Proxy;
use crate::record::Recorded;
use crate::upstream::{Upstreams, Windows};
use crate::workers::Workers;

/// Pause after a connection could not be taken: the process is short of files, and one that ends frees some.
const SHORT: Duration = Duration::from_millis(100);

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time.
    pub all: usize,
    /// Connections of one address at a time.
    pub per_address: usize,
    /// Calls of one connection at a time.
    pub streams: u32,
    /// Longest time for a TLS handshake.
    pub handshake: Duration,
    /// Longest time without a call.
    pub idle: Duration,
    /// Longest time before a client is asked to connect anew, so that clients spread over new gateways; its calls end as they do.
    pub age: Duration,
    /// Longest time for calls to end after the gateway was told to end.
    pub grace: Duration,
    /// After so long without a sign of life, a client is asked for one.
    pub ping_after: Duration,
    /// How long it has to give it.
    pub ping_timeout: Duration,
    /// Bytes under way.
    pub windows: Windows,
}

/// The door.
pub struct Door {
    /// Where calls go.
    pub proxy: Arc<Proxy>,
    /// TLS.
    pub tls: TlsAcceptor,
    /// Bounds.
    pub limits: ConnectionLimits,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Door {
    /// Takes connections until `stop`, for `workers` to serve; then has clients go elsewhere, waits for calls under way, and ends.
    pub async fn serve(self, listener: TcpListener, workers: Workers, stop: CancellationToken) {
        let (door, tasks) = (Arc::new(self), TaskTracker::new());
        let (all, addresses) = (
            Limiter::new(door.limits.all),
            Limiter::new(door.limits.per_address),
        );
        while let Some(taken) = stop.run_until_cancelled(listener.accept()).await {
            let taken = taken.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
            let (stream, peer) = match taken {
                Ok(taken) => taken,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken");
                    tokio::time::sleep(SHORT).await;
                    continue;
                }
            };
            let address: IpAddr = peer.ip().to_canonical();
            let (one, its) = match (all.enter(&()), addresses.enter(&address)) {
                (Some(one), Some(its)) => (one, its),
                (one, _) => {
                    let reason = if one.is_none() { "all" } else { "address" };
                    door.proxy.metrics.connection_refused(reason);
                    tracing::warn!(%address, "too many connections: one more is refused");
                    continue;
                }
            };
            let (door, stop) = (Arc::clone(&door), stop.clone());
            workers.spawn(&tasks, |upstreams| async move {
                match TcpStream::from_std(stream) {
                    Ok(stream) => door.connection(stream, &upstreams, &stop).await,
                    Err(error) => tracing::warn!(%error, "a connection cannot be served"),
                }
                drop((one, its));
            });
        }
        drop(listener);
        tasks.close();
        if tokio::time::timeout(door.limits.grace, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some calls did not end in time");
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        upstreams: &Arc<Upstreams>,
        stop: &CancellationToken,
    ) {
        let metrics = &self.proxy.metrics;
        let _held = Held::new(&metrics.connections);
        metrics.connections_taken.inc();
        let handshake =
            tokio::time::timeout(self.limits.handshake, self.tls.accept(Cork::new(stream)));
        match handshake.await {
            Ok(Ok(stream)) => self.calls(stream, upstreams, stop).await,
            Ok(Err(error)) => {
                metrics.handshake_failed("error");
                tracing::debug!(%error, "no TLS");
            }
            Err(_) => {
                metrics.handshake_failed("timeout");
                tracing::debug!("TLS took too long");
            }
        }
    }

    async fn calls(
        &self,
        stream: TlsStream<Cork<TcpStream>>,
        upstreams: &Arc<Upstreams>,
        stop: &CancellationToken,
    ) {
        let _ = stream.get_ref().0.get_ref().set_nodelay(true);
        let limits = self.limits;
        let active = Arc::new(AtomicUsize::new(0));
        let service = service_fn(|request: Request<Incoming>| {
            let (proxy, stream) = (Arc::clone(&self.proxy), Stream::begin(&active));
            let upstreams = Arc::clone(upstreams);
            async move {
                let answer = proxy.call(request, &upstreams).await;
                Ok::<Response<Following>, Infallible>(answer.map(|answer| Following {
                    answer,
                    _stream: stream,
                }))
            }
        });
        let mut connection = pin!(
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits.streams)
                .initial_stream_window_size(limits.windows.stream)
                .initial_connection_window_size(limits.windows.connection)
                .max_frame_size(limits.windows.frame)
                .keep_alive_interval(limits.ping_after)
                .keep_alive_timeout(limits.ping_timeout)
                .serve_connection(TokioIo::new(Coalesced::new(Corked::new(stream))), service)
        );
        let over = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(limits.age) => {}
                () = idle(&active, limits.idle) => {}
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = over => {
                connection.as_mut().graceful_shutdown();
                // Without a call there is nothing to wait for but a client's goodbye, which some never say.
                let calls = active.load(Ordering::Relaxed) > 0;
                tokio::select! {
                    ended = connection => Some(ended),
                    () = tokio::time::sleep(limits.handshake), if !calls => None,
                    () = past(stop, limits.grace) => None,
                }
            }
        };
        if let Some(Err(error)) = ended {
            tracing::debug!(%error, "connection of a client ended");
        }
    }
}

/// Returns when `stop` lies `grace` in the past.
async fn past(stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(grace).await;
}

/// Returns once there was no call for as long as `limit`.
async fn idle(active: &AtomicUsize, limit: Duration) {
    let mut since = Instant::now();
    while since.elapsed() < limit {
        tokio::time::sleep(limit / 4).await;
        if active.load(Ordering::Relaxed) > 0 {
            since = Instant::now();
        }
    }
}

/// A call of a connection, until its answer has ended.
#[derive(Debug)]
struct Stream(Arc<AtomicUsize>);

impl Stream {
    fn begin(active: &Arc<AtomicUsize>) -> Self {
        active.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(active))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer, and the call that ends with it.
#[derive(Debug)]
struct Following {
    answer: Recorded,
    _stream: Stream,
}

impl Body for Following {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
