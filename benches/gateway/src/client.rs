//! One connection of the load's: sends calls as PySpark's gRPC does and checks the status and the length of each answer. Does I/O.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{self, SendRequest};
use http::{HeaderMap, HeaderValue, Request, Response};
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::frames::{Method, Requests};

/// Bytes of one stream that may be under way unread, wherever that can be set.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// Bytes of one connection that may be under way unread, wherever that can be set.
pub const CONNECTION_WINDOW: u32 = 4 << 20;

/// Whom to call, and as whom.
#[derive(Clone)]
pub struct Target {
    /// Where the proxy listens.
    pub address: SocketAddr,
    /// TLS, where the proxy speaks it there.
    pub tls: Option<TlsConnector>,
    /// The header `authorization`.
    pub authorization: HeaderValue,
    /// What is sent.
    pub requests: Arc<Requests>,
    /// Bytes of answers that have come so far.
    pub received: Arc<AtomicU64>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Answered {
    /// `grpc-status`; absent where the answer has none.
    pub status: Option<String>,
    /// `grpc-message`.
    pub message: String,
    /// Bytes of its messages.
    pub bytes: usize,
}

/// A connection. Its clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    sender: SendRequest<Bytes>,
    target: Target,
}

impl Connection {
    /// A new connection.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn open(target: &Target) -> Result<Self> {
        let address = target.address;
        let connecting = || format!("connecting to {address}");
        let stream = TcpStream::connect(address).await.context(connecting)?;
        stream.set_nodelay(true).context(connecting)?;
        let sender = match &target.tls {
            None => handshake(stream).await,
            Some(tls) => {
                let name = ServerName::IpAddress(address.ip().into());
                let stream = tls.connect(name, stream).await.context(connecting)?;
                handshake(stream).await
            }
        };
        Ok(Self {
            sender: sender.context(connecting)?,
            target: target.clone(),
        })
    }

    /// One call, which must come back whole and with status 0.
    ///
    /// # Errors
    /// When it does not.
    pub async fn call(&self, method: Method) -> Result<()> {
        let answered = self.answered(method).await?;
        let least = method.least_answer();
        match answered.status.as_deref() {
            Some("0") if answered.bytes >= least => Ok(()),
            _ => Err(Error::new(format!(
                "{method:?} came back with {answered:?}; at least {least} bytes and status 0 were expected"
            ))),
        }
    }

    /// One call, whatever comes of it.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn answered(&self, method: Method) -> Result<Answered> {
        let breaking = || format!("{method:?} broke off");
        let sender = self.sender.clone().ready().await;
        let mut sender = sender.context(breaking)?;
        let (response, mut stream) = sender
            .send_request(self.request(method)?, false)
            .context(breaking)?;
        let mut frames = self.target.requests.frames(method).into_iter().peekable();
        while let Some(frame) = frames.next() {
            // A call that is refused at once takes no more; its answer says why.
            if stream.send_data(frame, frames.peek().is_none()).is_err() {
                break;
            }
        }
        let response = response.await.context(breaking)?;
        self.read(response).await.context(breaking)
    }

    fn request(&self, method: Method) -> Result<Request<()>> {
        let scheme = if self.target.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let request = Request::post(format!(
            "{scheme}://{}{}",
            self.target.address,
            method.path()
        ))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header(
            "user-agent",
            "_SPARK_CONNECT_PYTHON spark/4.3.0 os/linux python/3.11 grpc-python/1.80.0",
        )
        .header("grpc-accept-encoding", "identity, deflate, gzip")
        .header("authorization", &self.target.authorization);
        request.body(()).context(|| "making a request".to_owned())
    }

    async fn read(&self, response: Response<RecvStream>) -> Result<Answered, h2::Error> {
        let (head, mut body) = response.into_parts();
        let mut bytes = 0;
        while let Some(part) = body.data().await {
            let length = part?.len();
            bytes += length;
            self.target
                .received
                .fetch_add(length as u64, Ordering::Relaxed);
            body.flow_control().release_capacity(length)?;
        }
        let trailers = body.trailers().await?.unwrap_or_default();
        let text = |name: &str| {
            let of = |headers: &HeaderMap| Some(headers.get(name)?.to_str().ok()?.to_owned());
            of(&trailers).or_else(|| of(&head.headers))
        };
        Ok(Answered {
            status: text("grpc-status"),
            message: text("grpc-message").unwrap_or_default(),
            bytes,
        })
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<SendRequest<Bytes>, h2::Error> {
    let (sender, connection) = client::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(stream)
        .await?;
    // How it ends is seen by its calls.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
