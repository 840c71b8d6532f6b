//! Connections to replicas: one each, over plain HTTP/2, shared by every call and made when it is first needed. Does I/O.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::message::Enforced;

/// A request on its way to a replica.
pub type Outgoing = Request<Enforced<Incoming>>;

/// Why a replica gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection could be made.
    #[error("no connection: {0}")]
    Connect(#[source] std::io::Error),
    /// None was made in time.
    #[error("no connection within {} s", .0.as_secs())]
    Slow(Duration),
    /// The connection broke, or the call with it.
    #[error("the call broke off: {0}")]
    Broken(#[from] hyper::Error),
}

/// How connections to replicas are set up.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Bytes of one stream that may be under way unread.
    pub stream: u32,
    /// Bytes of one connection that may be under way unread.
    pub connection: u32,
}

/// The connections.
#[derive(Debug)]
pub struct Upstreams {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    windows: Windows,
    connect: Duration,
}

#[derive(Debug, Default)]
struct Slot {
    sender: Mutex<Option<SendRequest<Enforced<Incoming>>>>,
    /// Held while a connection is made, so that calls that come meanwhile wait for that one.
    connecting: tokio::sync::Mutex<()>,
}

impl Upstreams {
    /// No connection yet; one is given up when it is not made within `connect`.
    pub fn new(windows: Windows, connect: Duration) -> Self {
        Self {
            slots: Mutex::default(),
            windows,
            connect,
        }
    }

    /// Sends a call to the replica at `address` (`host:port`) and waits for the head of its answer.
    ///
    /// # Errors
    /// When the replica cannot be reached, or the connection breaks before the answer.
    pub async fn send(
        &self,
        address: &str,
        request: Outgoing,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let slot = self.slot(address);
        let mut sender = self.sender(&slot, address).await?;
        match sender.try_send_request(request).await {
            Ok(response) => Ok(response),
            // The connection ended in this moment, and nothing of the call had gone out.
            Err(mut error) => match error.take_message() {
                Some(request) => {
                    let mut sender = self.sender(&slot, address).await?;
                    Ok(sender.send_request(request).await?)
                }
                None => Err(error.into_error().into()),
            },
        }
    }

    fn slot(&self, address: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(address) {
            return Arc::clone(slot);
        }
        // Those of replicas that are gone are of no use any more.
        slots.retain(|_, slot| slot.open().is_some() || Arc::strong_count(slot) > 1);
        Arc::clone(slots.entry(address.to_owned()).or_default())
    }

    async fn sender(
        &self,
        slot: &Slot,
        address: &str,
    ) -> Result<SendRequest<Enforced<Incoming>>, UpstreamError> {
        if let Some(sender) = slot.open() {
            return Ok(sender);
        }
        let _connecting = slot.connecting.lock().await;
        if let Some(sender) = slot.open() {
            return Ok(sender);
        }
        let connected = tokio::time::timeout(self.connect, self.connected(address)).await;
        let sender = connected.map_err(|_| UpstreamError::Slow(self.connect))??;
        *slot.lock() = Some(sender.clone());
        Ok(sender)
    }

    async fn connected(
        &self,
        address: &str,
    ) -> Result<SendRequest<Enforced<Incoming>>, UpstreamError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(UpstreamError::Connect)?;
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        // No pings: Spark before 4.3 ends a connection for them.
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(self.windows.stream)
            .initial_connection_window_size(self.windows.connection)
            .handshake(TokioIo::new(stream))
            .await?;
        let address = address.to_owned();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(address, %error, "connection to a replica ended");
            }
        });
        Ok(sender)
    }
}

impl Slot {
    fn open(&self) -> Option<SendRequest<Enforced<Incoming>>> {
        self.lock().clone().filter(|sender| !sender.is_closed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SendRequest<Enforced<Incoming>>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
