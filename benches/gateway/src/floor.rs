//! The least that a proxy of this make can do: hyper on both sides, every call passed on as it is, over one connection. What the
//! gateway costs beyond it is what it does for its users. Does I/O.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self as client, SendRequest};
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sparkconnect_testkit::Result;
use sparkconnect_testkit::error::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::tls;

/// Where it listens, and what to.
#[derive(Args, Debug)]
pub struct Options {
    /// Address without TLS.
    #[arg(long)]
    plain: SocketAddr,
    /// Address with TLS.
    #[arg(long)]
    tls: SocketAddr,
    /// Folder with tls.crt and tls.key.
    #[arg(long)]
    folder: PathBuf,
    /// Where calls go.
    #[arg(long)]
    backend: SocketAddr,
}

/// Serves until it is killed.
///
/// # Errors
/// When it cannot start, or no longer takes connections.
pub async fn run(options: Options) -> Result<()> {
    let acceptor = tls::acceptor(&options.folder)?;
    let sender = connect(options.backend).await?;
    let plain = listen(options.plain).await?;
    let secure = listen(options.tls).await?;
    let taking = || "taking a connection".to_owned();
    loop {
        let sender = sender.clone();
        tokio::select! {
            taken = plain.accept() => {
                let stream = prompt(taken).context(taking)?;
                tokio::spawn(serve(stream, sender));
            }
            taken = secure.accept() => {
                let stream = prompt(taken).context(taking)?;
                let handshake = acceptor.accept(stream);
                tokio::spawn(async move {
                    if let Ok(stream) = handshake.await {
                        serve(stream, sender).await;
                    }
                });
            }
        }
    }
}

/// A connection that sends at once what it has.
fn prompt(taken: std::io::Result<(TcpStream, SocketAddr)>) -> std::io::Result<TcpStream> {
    let (stream, _) = taken?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.context(|| format!("listening on {address}"))
}

async fn connect(backend: SocketAddr) -> Result<SendRequest<Incoming>> {
    let connecting = || format!("connecting to {backend}");
    let stream = TcpStream::connect(backend).await.context(connecting)?;
    stream.set_nodelay(true).context(connecting)?;
    let (sender, connection) = client::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .context(connecting)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Passes on the calls of one connection. What fails is seen by its client.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    to: SendRequest<Incoming>,
) {
    let service = service_fn(|request| pass(request, to.clone()));
    let _ = server::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(250)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn pass(
    request: Request<Incoming>,
    mut to: SendRequest<Incoming>,
) -> hyper::Result<Response<Incoming>> {
    to.send_request(request).await
}
