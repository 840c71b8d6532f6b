//! A proxy before Livy, as there often is one: it demands headers, takes TLS, or spoils what goes through it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sparkconnect_client::livy::{BasicAuth, LivyConfig};
use sparkconnect_client::{Category, Error, SparkClient};
use sparkconnect_spark::Token;
use sparkconnect_testkit::pki::Authority;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::task::AbortOnDropHandle;

use crate::fixture::{config, over, shared};

/// What the proxy makes of a request: another one for Livy, or an answer of its own.
pub(crate) type Turn = fn(Request<Bytes>) -> Result<Request<Bytes>, StatusCode>;

/// A running proxy.
pub(crate) struct Proxy {
    port: u16,
    _serving: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(turn: Turn, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let livy = shared().port();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, turn, livy).await,
                        // A handshake that fails is seen by its client.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, turn, livy).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            port,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn client(&self) -> SparkClient {
        over(&config(self.url()))
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, turn: Turn, livy: u16) {
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let service = service_fn(|request| pass(&client, request, turn, livy));
    let connection = hyper::server::conn::http1::Builder::new();
    // A connection that breaks is seen by its client.
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn pass(
    client: &Client<HttpConnector, Full<Bytes>>,
    request: Request<Incoming>,
    turn: Turn,
    livy: u16,
) -> Result<Response<Full<Bytes>>, hyper_util::client::legacy::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let mut request = match turn(Request::from_parts(parts, body)) {
        Ok(request) => request.map(Full::new),
        Err(status) => {
            let mut answer = Response::new(Full::from("<html>a page of the proxy's</html>"));
            *answer.status_mut() = status;
            return Ok(answer);
        }
    };
    let path = request.uri().path_and_query().expect("a path");
    let uri = format!("http://127.0.0.1:{livy}{path}");
    *request.uri_mut() = uri.parse::<Uri>().expect("a URI");
    request.headers_mut().remove("content-length");
    let (parts, body) = client.request(request).await?.into_parts();
    let body = body.collect().await.expect("a whole answer").to_bytes();
    Ok(Response::from_parts(parts, Full::new(body)))
}

/// Lets through who has the password and the key.
fn demanding(request: Request<Bytes>) -> Result<Request<Bytes>, StatusCode> {
    let has = |name: &str, value: &str| request.headers().get(name).is_some_and(|had| had == value);
    if !has("authorization", "Basic YWRhOmhpZGRlbg==") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    if !has("x-key", "also-hidden") {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(request)
}

fn authorized(url: String, password: &str, key: &str) -> LivyConfig {
    LivyConfig {
        basic_auth: Some(BasicAuth {
            user: "ada".to_owned(),
            password: Token::new(password),
        }),
        headers: BTreeMap::from([("X-Key".to_owned(), Token::new(key))]),
        ..config(url)
    }
}

async fn refusal(config: &LivyConfig) -> Error {
    let error = over(config).list_applications().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hidden") && !shown.contains("html"),
        "{shown}"
    );
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_and_headers_reach_the_proxy() {
    let proxy = Proxy::start(demanding, None).await;
    let client = over(&authorized(proxy.url(), "hidden", "also-hidden"));
    client.list_applications().await.expect("a list");
    let wrong = refusal(&authorized(proxy.url(), "hidden-otherwise", "also-hidden")).await;
    assert_eq!(wrong.category(), Category::Unauthenticated);
    assert!(wrong.hint_text().is_some());
    let wrong = refusal(&authorized(proxy.url(), "hidden", "hidden-otherwise")).await;
    assert_eq!(wrong.category(), Category::PermissionDenied);
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let credentials = authority.server("proxy", &[], &["127.0.0.1"]).unwrap();
    let chain = CertificateDer::pem_slice_iter(credentials.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(tls))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_trusted_and_no_other() {
    let authority = Authority::new("tests").unwrap();
    let proxy = Proxy::start(demanding, Some(acceptor(&authority))).await;
    let with = |ca: Option<&str>| LivyConfig {
        ca: ca.map(str::to_owned),
        ..authorized(
            proxy.url().replace("http:", "https:"),
            "hidden",
            "also-hidden",
        )
    };
    let trusting = over(&with(Some(authority.certificate())));
    trusting
        .list_applications()
        .await
        .expect("a list through TLS");

    let stranger = Authority::new("others").unwrap();
    for wary in [with(Some(stranger.certificate())), with(None)] {
        let error = refusal(&wary).await;
        assert_eq!(error.category(), Category::Failed, "{error}");
        assert!(error.to_string().contains("not trusted"), "{error}");
        assert!(error.hint_text().unwrap().contains("`ca`"));
    }
    let clear = refusal(&authorized(proxy.url(), "hidden", "also-hidden")).await;
    assert_eq!(clear.category(), Category::Unavailable, "{clear}");
}
