//! A collector of traces: takes spans by OTLP over gRPC, in plain text or by TLS, and keeps them for a test to look at. Listens on one
//! address, from a thread of its own.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tonic::codegen::Service;
use tonic::{Request, Response, Status};

use crate::error::{Context, Result};
use crate::pki::Credentials;

/// Longest wait for a span.
const PATIENCE: Duration = Duration::from_secs(60);

/// A span as it came, its ids in hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Span {
    /// What it says of the program that sent it.
    pub resource: BTreeMap<String, String>,
    /// Its name.
    pub name: String,
    /// Its trace.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// Id of the span above it; empty for the first of a trace.
    pub parent: String,
    /// What it says of itself.
    pub attributes: BTreeMap<String, String>,
    /// Whether it says that what it is of has failed.
    pub failed: bool,
}

impl Span {
    /// An attribute; empty where there is none of the name.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// The name of the program that sent it.
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }
}

/// A collector; it ends on drop.
#[derive(Debug)]
pub struct Collector {
    scheme: &'static str,
    address: SocketAddr,
    kept: Arc<Kept>,
    _end: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<Vec<Span>>,
    came: Condvar,
}

impl Collector {
    /// A collector at a port of `host`, an IP address; with credentials by TLS.
    ///
    /// # Errors
    /// When there is no port, or the credentials are none.
    pub fn start(host: &str, credentials: Option<&Credentials>) -> Result<Self> {
        let tls = credentials.map(acceptor).transpose()?;
        let listener = StdListener::bind((host, 0)).context(|| format!("listening on {host}"))?;
        let address = listener
            .local_addr()
            .context(|| "asking for the port".to_owned())?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        listener
            .set_nonblocking(true)
            .context(|| "setting the socket up".to_owned())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.context(|| "starting a runtime".to_owned())?;
        let kept = Arc::new(Kept::default());
        let (service, (end, ended)) = (Collect(Arc::clone(&kept)), oneshot::channel());
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! { () = serve(listener, tls, service) => {} _ = ended => {} }
            });
        });
        Ok(Self {
            scheme,
            address,
            kept,
            _end: end,
        })
    }

    /// What programs are told as its address.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// What came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.kept
            .spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until `look` finds what it looks for in the spans that came.
    ///
    /// # Panics
    /// When it does not within a minute, with the spans that came.
    pub fn until<T>(&self, what: &str, look: impl Fn(&[Span]) -> Option<T>) -> T {
        let (began, lock) = (Instant::now(), &self.kept.spans);
        let mut spans = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look(&spans) {
                return found;
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            assert!(
                !left.is_zero(),
                "waited for {what}; spans that came: {spans:#?}"
            );
            let waited = self.kept.came.wait_timeout(spans, left);
            spans = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn acceptor(credentials: &Credentials) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(credentials.certificate.as_bytes())
        .context(|| "reading the collector's certificate".to_owned())?;
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes())
        .context(|| "reading the collector's key".to_owned())?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    let mut config = config.context(|| "setting the collector's TLS up".to_owned())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: StdListener, tls: Option<TlsAcceptor>, service: Collect) {
    let listener = TcpListener::from_std(listener).expect("it is set up for the runtime");
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, service) = (tls.clone(), service.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, service).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => connection(stream, service).await,
                    Err(error) => eprintln!("the collector had no TLS with a client: {error}"),
                },
            }
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, service: Collect) {
    let service = TraceServiceServer::new(service);
    let service = service_fn(move |request| service.clone().call(request));
    // How it ends is the client's affair: the test looks at what came.
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

#[derive(Clone, Debug)]
struct Collect(Arc<Kept>);

#[tonic::async_trait]
impl TraceService for Collect {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let new = request.into_inner();
        let mut spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for of_program in new.resource_spans {
            let resource = texts(of_program.resource.unwrap_or_default().attributes);
            let scopes = of_program.scope_spans.into_iter();
            for span in scopes.flat_map(|scope| scope.spans) {
                let status = span.status.unwrap_or_default();
                spans.push(Span {
                    resource: resource.clone(),
                    name: span.name,
                    trace: digits(&span.trace_id),
                    id: digits(&span.span_id),
                    parent: digits(&span.parent_span_id),
                    attributes: texts(span.attributes),
                    failed: status.code() == StatusCode::Error,
                });
            }
        }
        self.0.came.notify_all();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|any| any.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    };
    let attributes = attributes.into_iter();
    attributes.map(|one| (one.key, text(one.value))).collect()
}
