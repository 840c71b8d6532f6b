//! What stands in for Spark: answers each method with what its shape asks for, once the whole request has come. Does I/O.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use sparkconnect_testkit::Result;
use sparkconnect_testkit::error::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::client::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::frames::{Answers, Method};

/// A backend; it ends with this value.
#[derive(Debug)]
pub struct Backend {
    received: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Backend {
    /// Listens on `address`.
    ///
    /// # Errors
    /// When that cannot be had.
    pub async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.context(|| format!("listening on {address}"))?;
        let received = Arc::new(AtomicU64::new(0));
        let serving = Serving {
            answers: Answers::default(),
            received: Arc::clone(&received),
        };
        let task = tokio::spawn(serve(listener, Arc::new(serving)));
        Ok(Self { received, task })
    }

    /// Bytes of requests that have come so far.
    pub fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Serving {
    answers: Answers,
    received: Arc<AtomicU64>,
}

async fn serve(listener: TcpListener, serving: Arc<Serving>) {
    // A connection that cannot be taken is one that its proxy tells of.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, Arc::clone(&serving)));
    }
}

/// Serves one connection to its end. A failure of it is seen on the other side, as a call without a status.
async fn connection(stream: TcpStream, serving: Arc<Serving>) {
    let _ = stream.set_nodelay(true);
    let handshake = server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(1000)
        .handshake::<_, Bytes>(stream);
    let Ok(mut connection) = handshake.await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let serving = Arc::clone(&serving);
        tokio::spawn(async move { serving.answer(request, respond).await });
    }
}

impl Serving {
    async fn answer(&self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let Some(method) = Method::of(request.uri().path()) else {
            return respond.send_reset(Reason::REFUSED_STREAM);
        };
        let Ok(read) = self.read(request.into_body()).await else {
            return respond.send_reset(Reason::CANCEL);
        };
        // Its proxy has gone: there is nobody to tell.
        let _ = self.send(method, read, &mut respond);
    }

    async fn read(&self, mut body: RecvStream) -> Result<usize, h2::Error> {
        let mut read = 0;
        while let Some(part) = body.data().await {
            let length = part?.len();
            read += length;
            self.received.fetch_add(length as u64, Ordering::Relaxed);
            body.flow_control().release_capacity(length)?;
        }
        Ok(read)
    }

    fn send(
        &self,
        method: Method,
        read: usize,
        respond: &mut SendResponse<Bytes>,
    ) -> Result<(), h2::Error> {
        let mut response = Response::new(());
        let json = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", json);
        let mut stream = respond.send_response(response, false)?;
        let whole = read >= method.least();
        if whole {
            for frame in self.answers.frames(method) {
                stream.send_data(frame, false)?;
            }
        }
        let status = HeaderValue::from_static(if whole { "0" } else { "13" });
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", status);
        stream.send_trailers(trailers)
    }
}
