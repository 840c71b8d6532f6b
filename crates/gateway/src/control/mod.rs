//! What the gateway tells the operator, and nobody else: a listener of its own, on which both sides show a certificate of the
//! operator's authority. Does I/O with the operator.

mod credentials;
mod service;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use sparkconnect_proto::gateway::v1::gateway_service_server::GatewayServiceServer;
use sparkconnect_telemetry::listen::listen;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::codegen::Service as _;

use crate::counts::Ledger;

pub use credentials::Credentials;
use service::Collect;

/// Connections at a time. There is one operator that leads, and one for a moment beside it.
const CONNECTIONS: usize = 16;
/// Longest time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Calls of one connection at a time.
const CALLS: u32 = 4;
/// After so long without a sign of life the operator is asked for one, and has as long to give it.
const PING: Duration = Duration::from_secs(20);
/// Longest life of a connection: what was trusted when it began may not be now.
const AGE: Duration = Duration::from_secs(600);
/// Pause after a connection could not be taken.
const SHORT: Duration = Duration::from_millis(100);

/// The listener.
#[derive(Debug)]
pub struct Control {
    listener: TcpListener,
    credentials: Arc<Credentials>,
    ledger: Ledger,
}

impl Control {
    /// Listens on `address`, and does not answer yet.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub async fn bind(
        address: SocketAddr,
        credentials: Arc<Credentials>,
        ledger: Ledger,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: listen(address).await?,
            credentials,
            ledger,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers the operator. Never returns.
    pub async fn serve(self) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new(); // they end with this
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return; // it is never closed
            };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "no connection of the operator can be taken");
                    tokio::time::sleep(SHORT).await;
                    continue;
                }
            };
            let (credentials, ledger) = (Arc::clone(&self.credentials), self.ledger.clone());
            connections.spawn(async move {
                connection(stream, &credentials, ledger).await;
                drop(slot);
            });
        }
    }
}

async fn connection(stream: TcpStream, credentials: &Credentials, ledger: Ledger) {
    let peer = stream.peer_addr().ok();
    let stream = match tokio::time::timeout(HANDSHAKE, credentials.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::warn!(?peer, %error, "not the operator: refused"),
        Err(_) => return tracing::warn!(?peer, "not the operator: TLS took too long"),
    };
    let _ = stream.get_ref().0.set_nodelay(true);
    let service = GatewayServiceServer::new(Collect(ledger));
    let service = service_fn(move |request| service.clone().call(request));
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(CALLS)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tokio::time::sleep(AGE) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(HANDSHAKE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection of the operator ended");
    }
}
