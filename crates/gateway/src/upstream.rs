//! Connections to replicas: one for each user, over plain HTTP/2, shared by that user's calls on a thread and made when it is first
//! needed. What one user does not read holds up nobody else's answers. Does I/O.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use sparkconnect_telemetry::spans::within;
use tokio::net::TcpStream;

use crate::coalesce::Coalesced;
use crate::message::Enforced;
use crate::metrics::{Held, Metrics};
use crate::record::Metered;
use crate::spans;

/// In a box: on its way through hyper a body is moved several times.
type Body = Box<Enforced<Metered<Incoming>>>;

/// A request on its way to a replica.
pub type Outgoing = Request<Body>;

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

impl UpstreamError {
    /// Which failure it is, for metrics.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Slow(_) => "timeout",
            Self::Broken(_) => "broken",
        }
    }
}

/// How connections to replicas are set up.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Bytes of one stream that may be under way unread.
    pub stream: u32,
    /// Bytes of one connection that may be under way unread.
    pub connection: u32,
    /// Bytes of the longest frame that is taken.
    pub frame: u32,
}

/// A connection without a call for so long is given up when another one is made.
const IDLE: Duration = Duration::from_secs(600);
/// After so long without a sign of life the kernel asks a replica's node for one: pings of HTTP/2 would end the connection on Spark
/// before 4.3.
const QUIET: Duration = Duration::from_secs(30);
/// What was sent must have arrived after so long, or the connection is dead.
const UNHEARD: Duration = Duration::from_secs(60);

/// The connections.
#[derive(Debug)]
pub struct Upstreams {
    /// By address and user.
    slots: Mutex<HashMap<String, HashMap<String, Arc<Slot>>>>,
    windows: Windows,
    connect: Duration,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Slot {
    used: Mutex<Instant>,
    sender: Mutex<Option<SendRequest<Body>>>,
    /// Held while a connection is made, so that calls that come meanwhile wait for that one.
    connecting: tokio::sync::Mutex<()>,
}

impl Upstreams {
    /// No connection yet; one is given up when it is not made within `connect`.
    pub fn new(windows: Windows, connect: Duration, metrics: Arc<Metrics>) -> Self {
        Self {
            slots: Mutex::default(),
            windows,
            connect,
            metrics,
        }
    }

    /// Sends a call of `user` to the replica at `address` (`host:port`) and waits for the head of its answer.
    ///
    /// # Errors
    /// When the replica cannot be reached, or the connection breaks before the answer.
    pub async fn send(
        &self,
        address: &str,
        user: &str,
        request: Outgoing,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let slot = self.slot(address, user);
        let mut sender = match slot.open() {
            Some(sender) => sender,
            None => self.sender(&slot, address).await?,
        };
        match sender.try_send_request(request).await {
            Ok(response) => Ok(response),
            Err(mut error) => match error.take_message() {
                Some(request) => self.again(&slot, address, request).await,
                None => Err(self.failed(error.into_error().into())),
            },
        }
    }

    /// Sends a call anew of which nothing had gone out when its connection ended.
    fn again<'a>(
        &'a self,
        slot: &'a Slot,
        address: &'a str,
        request: Outgoing,
    ) -> BoxFuture<'a, Result<Response<Incoming>, UpstreamError>> {
        Box::pin(async move {
            let mut sender = self.sender(slot, address).await?;
            let sent = sender.send_request(request).await;
            sent.map_err(|error| self.failed(error.into()))
        })
    }

    fn failed(&self, error: UpstreamError) -> UpstreamError {
        self.metrics.upstream_failed(error.reason());
        error
    }

    fn slot(&self, address: &str, user: &str) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(address).and_then(|users| users.get(user)) {
            *lock(&slot.used) = Instant::now();
            return Arc::clone(slot);
        }
        // Calls of one that is dropped here go on to their end.
        slots.retain(|_, users| {
            users.retain(|_, slot| slot.is_of_use() || Arc::strong_count(slot) > 1);
            !users.is_empty()
        });
        let users = slots.entry(address.to_owned()).or_default();
        Arc::clone(users.entry(user.to_owned()).or_insert_with(Slot::new))
    }

    /// A connection, made if there is none. In a box: calls for which there is one are the smaller for it.
    fn sender<'a>(
        &'a self,
        slot: &'a Slot,
        address: &'a str,
    ) -> BoxFuture<'a, Result<SendRequest<Body>, UpstreamError>> {
        Box::pin(async move {
            let _connecting = slot.connecting.lock().await;
            if let Some(sender) = slot.open() {
                return Ok(sender);
            }
            let connecting = async {
                let connected = tokio::time::timeout(self.connect, self.connected(address)).await;
                connected.unwrap_or(Err(UpstreamError::Slow(self.connect)))
            };
            let connected = within(spans::connect(address), connecting).await;
            let sender = connected.map_err(|error| self.failed(error))?;
            *lock(&slot.sender) = Some(sender.clone());
            Ok(sender)
        })
    }

    async fn connected(&self, address: &str) -> Result<SendRequest<Body>, UpstreamError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(UpstreamError::Connect)?;
        watched(&stream).map_err(UpstreamError::Connect)?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(self.windows.stream)
            .initial_connection_window_size(self.windows.connection)
            .max_frame_size(self.windows.frame)
            .handshake(TokioIo::new(Coalesced::new(stream)))
            .await?;
        let address = address.to_owned();
        let held = Held::new(&self.metrics.upstreams);
        tokio::spawn(async move {
            let _held = held;
            if let Err(error) = connection.await {
                tracing::debug!(address, %error, "connection to a replica ended");
            }
        });
        Ok(sender)
    }
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            used: Mutex::new(Instant::now()),
            sender: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        })
    }

    fn open(&self) -> Option<SendRequest<Body>> {
        let sender = lock(&self.sender).clone();
        sender.filter(|sender| !sender.is_closed())
    }

    fn is_of_use(&self) -> bool {
        self.open().is_some() && lock(&self.used).elapsed() < IDLE
    }
}

/// Has the kernel notice when the other side is gone without a word.
fn watched(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(QUIET).with_interval(QUIET);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNHEARD))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
