//! A client that sends what it is told to, byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

type Body = StreamBody<Frames>;

/// Frames as they are sent.
pub(crate) struct Frames(UnboundedReceiver<Bytes>);

impl futures::Stream for Frames {
    type Item = Result<Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Raw(SendRequest<Body>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answered {
    /// `grpc-status`, wherever it stood; `None` when the call broke off without one.
    pub(crate) status: Option<u16>,
    /// `grpc-message`.
    pub(crate) message: String,
    /// `x-request-id`: the call's id.
    pub(crate) id: String,
    /// The body.
    pub(crate) body: Bytes,
}

impl Answered {
    /// No answer.
    pub(crate) fn nothing(why: String) -> Self {
        Self {
            status: None,
            message: why,
            id: String::new(),
            body: Bytes::new(),
        }
    }
}

/// TLS that trusts the authority with this certificate, in PEM.
pub(crate) fn connector(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let pem = authority.as_bytes();
    roots
        .add(CertificateDer::from_pem_slice(pem).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

impl Raw {
    /// To the gateway at `address`, whose authority has this certificate.
    pub(crate) async fn connect(
        address: SocketAddr,
        authority: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("127.0.0.1")?;
        let stream = connector(authority).connect(name, stream).await?;
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// A call whose frames are sent through the returned end.
    pub(crate) fn open(
        &mut self,
        method: &str,
        headers: &[(&str, &str)],
    ) -> (
        UnboundedSender<Bytes>,
        impl Future<Output = Answered> + use<>,
    ) {
        let (sender, sent) = self.begin(method, headers);
        (sender, async move {
            tokio::time::timeout(PATIENCE, answered(sent))
                .await
                .expect("an answer in time")
        })
    }

    /// A call whose frames are sent through the returned end, and the head of its answer.
    pub(crate) fn begin(
        &mut self,
        method: &str,
        headers: &[(&str, &str)],
    ) -> (
        UnboundedSender<Bytes>,
        impl Future<Output = hyper::Result<Response<Incoming>>> + use<>,
    ) {
        let (sender, frames) = unbounded_channel();
        let uri = format!("https://gateway/spark.connect.SparkConnectService/{method}");
        let mut request = Request::post(uri).header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(StreamBody::new(Frames(frames))).unwrap();
        (sender, self.0.send_request(request))
    }

    /// A call with these headers and frames.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        headers: &[(&str, &str)],
        frames: &[&[u8]],
    ) -> Answered {
        let (sender, answer) = self.open(method, headers);
        for frame in frames {
            // A call that is refused at once takes no more.
            let _ = sender.send(Bytes::copy_from_slice(frame));
        }
        drop(sender);
        answer.await
    }
}

async fn answered(sent: impl Future<Output = hyper::Result<Response<Incoming>>>) -> Answered {
    let response = match sent.await {
        Ok(response) => response,
        Err(error) => return Answered::nothing(error.to_string()),
    };
    let (head, body) = response.into_parts();
    let collected = match body.collect().await {
        Ok(collected) => collected,
        Err(error) => return Answered::nothing(error.to_string()),
    };
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let text = |name: &str| {
        let of = |headers: &HeaderMap| Some(headers.get(name)?.to_str().ok()?.to_owned());
        of(&trailers).or_else(|| of(&head.headers))
    };
    Answered {
        status: text("grpc-status").and_then(|status| status.parse().ok()),
        message: text("grpc-message").unwrap_or_default(),
        id: text("x-request-id").unwrap_or_default(),
        body: collected.to_bytes(),
    }
}

/// A message in its frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}
