//! The small HTTP server of a process: `/metrics`, `/healthz` and `/readyz`. Bounded in connections and in the time that each
//! may take, so that a slow or hostile client costs little.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::TEXT_FORMAT;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::listen::listen;
use crate::metrics::Registry;

/// Whether the process takes work, shared between the process and its health server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
}

impl Health {
    /// Of a process that is not ready yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says from now on what `/readyz` answers.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// What `/readyz` answers.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

/// The address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("the health server cannot listen on {address}: choose a free address")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

#[derive(Clone, Copy)]
struct Limits {
    connections: usize,
    header: Duration,
    whole: Duration,
}

/// Far more than kubelet and a few Prometheus servers need; each connection carries one request.
const LIMITS: Limits = Limits {
    connections: 64,
    header: Duration::from_secs(5),
    whole: Duration::from_secs(15),
};

/// A health server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = listen(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is done; calls that run then are cut off.
    pub async fn run(self, health: Health, registry: Registry, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.accept(health, registry, LIMITS) => {}
        }
    }

    async fn accept(self, health: Health, registry: Registry, limits: Limits) {
        let slots = Arc::new(Semaphore::new(limits.connections));
        let mut connections = JoinSet::new();
        loop {
            let slot = Arc::clone(&slots)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            while connections.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let answer = serve_one(stream, health.clone(), registry.clone(), limits, slot);
                    connections.spawn(answer);
                }
                // Out of descriptors, most likely: trying again at once would only burn CPU.
                Err(error) => {
                    tracing::warn!(%error, "the health server could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Listens on `address` and answers until `shutdown` is done.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    registry: Registry,
    shutdown: impl Future<Output = ()>,
) -> Result<(), BindError> {
    let server = Server::bind(address).await?;
    server.run(health, registry, shutdown).await;
    Ok(())
}

async fn serve_one(
    stream: TcpStream,
    health: Health,
    registry: Registry,
    limits: Limits,
    _slot: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(&request, &health, &registry);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(limits.whole, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the health server broke"),
        Err(_) => tracing::debug!("a connection to the health server took too long"),
    }
}

fn answer(
    request: &Request<Incoming>,
    health: &Health,
    registry: &Registry,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" if health.is_ready() => text(StatusCode::OK, "ok\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        "/metrics" => metrics(registry),
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz and /readyz\n",
        ),
    }
}

fn metrics(registry: &Registry) -> Response<Full<Bytes>> {
    match registry.text() {
        Ok(body) => {
            let mut response = text(StatusCode::OK, body);
            let value = HeaderValue::from_static(TEXT_FORMAT);
            response.headers_mut().insert(CONTENT_TYPE, value);
            response
        }
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "metrics could not be written\n",
            )
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let value = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
