//! HTTP to the UI of a driver pod, through the API server: each connection looks for the pod anew, so that a pod may be replaced. No port
//! of this machine is opened for it, which others could use. Does I/O.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error as HttpError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use sparkconnect_client::kubernetes::{Cluster, told};
use sparkconnect_client::{Category, Error};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::util::BoxCloneSyncService;

/// Where Spark's UI listens.
const UI_PORT: u16 = 4040;

type Connector = BoxCloneSyncService<Uri, TokioIo<Forwarded>, Error>;

/// The UI of one driver pod. Clones share their connections.
#[derive(Clone)]
pub(super) struct Upstream {
    pod: Target,
    client: Client<Connector, Incoming>,
}

#[derive(Clone)]
struct Target {
    cluster: Cluster,
    name: String,
}

impl Upstream {
    /// Nothing is asked yet.
    pub(super) fn new(cluster: Cluster, pod: String) -> Self {
        let pod = Target { cluster, name: pod };
        let target = pod.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let target = target.clone();
            async move { target.connect().await.map(TokioIo::new) }
        });
        let client =
            Client::builder(TokioExecutor::new()).build(BoxCloneSyncService::new(connector));
        Self { pod, client }
    }

    /// A connection, to see whether one can be had.
    pub(super) async fn connect(&self) -> Result<Forwarded, Error> {
        self.pod.connect().await
    }

    /// Sends a request on. Its `Host` stays as it is: by that Spark writes where it redirects to.
    pub(super) async fn send(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, HttpError> {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(Authority::from_static("driver"));
        // What a request to this program names is a path: the whole is an address.
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        self.client.request(request).await
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "replica {}/{}",
            self.pod.cluster.namespace, self.pod.name
        )
    }
}

impl Target {
    async fn connect(&self) -> Result<Forwarded, Error> {
        let Self { cluster, name } = self;
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
        let doing = format!("forwarding a port to pod {}/{name}", cluster.namespace);
        let forwarder = pods.portforward(name, &[UI_PORT]).await;
        let mut forwarder = forwarder.map_err(|error| told(error, &doing))?;
        let stream = forwarder.take_stream(UI_PORT).ok_or_else(|| {
            Error::new(Category::Protocol, "the API server forwards no such port")
        })?;
        // It ends with the stream.
        tokio::spawn(forwarder.join());
        Ok(Forwarded(Box::pin(stream)))
    }
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// A connection to a pod.
pub(super) struct Forwarded(Pin<Box<dyn Stream>>);

impl Connection for Forwarded {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(context)
    }
}
