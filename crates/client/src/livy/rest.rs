//! Livy's REST API. Does I/O: HTTP/1.1, with TLS where the URL says so, bounded in time and size.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::config::{Base, LivyConfig};
use super::refusal::{not_livy, refusal};
use crate::{Category, Error};

/// Largest answer that is read, in bytes. A page of a hundred batches has ten lines of each one's log.
const LARGEST: usize = 16 << 20;
/// How rustls begins to say that a certificate is not good.
const UNTRUSTED: &str = "invalid peer certificate";

type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The server.
pub(super) struct Rest {
    client: Client,
    base: String,
    headers: HeaderMap,
    timeout: Duration,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("base", &self.base)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Rest {
    /// Sends nothing yet. Reads the system's certificates where they are the ones to trust.
    pub(super) fn new(config: &LivyConfig) -> Result<Self, Error> {
        let base = config.base()?;
        let headers = config.headers()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(config.timeout));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(&base, config.ca.as_deref())?)
            .https_or_http()
            .enable_http1();
        let client = legacy::Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp));
        Ok(Self {
            client,
            base: base.url,
            headers,
            timeout: config.timeout,
        })
    }

    /// The JSON at `path`. As it changes nothing it is asked for again, a few times, where there is no answer.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        doing: &str,
    ) -> Result<T, Error> {
        let again = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(3)
            .with_jitter();
        let once = async || self.once(Method::GET, path, None, doing).await;
        let answer = once.retry(again).when(Error::is_transient).await?;
        serde_json::from_slice(&answer).map_err(|error| not_livy(doing, error))
    }

    /// What is answered to a body.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Map<String, Value>,
        doing: &str,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).expect("JSON can be written");
        let answer = self.once(Method::POST, path, Some(body.into()), doing);
        serde_json::from_slice(&answer.await?).map_err(|error| not_livy(doing, error))
    }

    /// Deletes what is at `path`.
    pub(super) async fn delete(&self, path: &str, doing: &str) -> Result<(), Error> {
        let answer = self.once(Method::DELETE, path, None, doing).await?;
        let read: Result<IgnoredAny, _> = serde_json::from_slice(&answer);
        read.map(drop).map_err(|error| not_livy(doing, error))
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        doing: &str,
    ) -> Result<Bytes, Error> {
        let changes = method != Method::GET;
        let exchange = tokio::time::timeout(self.timeout, self.exchange(method, path, body, doing));
        let late = |_elapsed| {
            let category = if changes {
                Category::TimedOut
            } else {
                Category::Unavailable
            };
            let seconds = self.timeout.as_secs_f64();
            Error::new(
                category,
                format!("{doing} failed: no whole answer within {seconds} s"),
            )
        };
        let answered = exchange.await.map_err(late).flatten();
        let (status, answer) = answered.map_err(|error| unsure(error, changes))?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(refusal(status, &answer, doing))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        doing: &str,
    ) -> Result<(StatusCode, Bytes), Error> {
        let mut request = Request::new(Full::new(body.unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.base).parse().map_err(|error| {
            let message = format!("{doing} failed: it cannot be asked for in a URL");
            Error::new(Category::InvalidInput, message).caused_by(error)
        })?;
        *request.headers_mut() = self.headers.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| unanswered(error, doing, &self.base))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| {
            let message =
                format!("{doing} failed: the answer broke off, or is longer than {LARGEST} bytes");
            Error::new(Category::Unavailable, message).caused_by(error)
        })?;
        Ok((status, body.to_bytes()))
    }
}

/// Says of a request that changes something, and that got no answer, that it may have been carried out.
fn unsure(error: Error, changes: bool) -> Error {
    if !changes || error.hint_text().is_some() {
        return error;
    }
    error.hint("Livy may have done it all the same: list the applications before you ask again")
}

/// Why no answer came at all.
fn unanswered(error: legacy::Error, doing: &str, base: &str) -> Error {
    let cause = innermost(&error);
    if cause.starts_with(UNTRUSTED) {
        let message = format!("{doing} failed: the server's certificate is not trusted: {cause}");
        return Error::new(Category::Failed, message)
            .hint("give the certificate of its authority (`ca`)");
    }
    let (connected, message) = (
        !error.is_connect(),
        format!("{doing} failed: {base} does not answer: {cause}"),
    );
    let unavailable = Error::new(Category::Unavailable, message).caused_by(error);
    if connected {
        return unavailable;
    }
    unavailable.hint("is `url` right, and does Livy run? http or https must agree too")
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Whom to trust. Nobody where there is no TLS.
fn tls(base: &Base, ca: Option<&str>) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(ca) => {
            let given: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(ca.as_bytes()).collect();
            let given = given.map_err(|error| no_certificates().caused_by(error))?;
            let (added, _) = roots.add_parsable_certificates(given);
            if added == 0 {
                return Err(no_certificates());
            }
        }
        None if base.tls => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => {}
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions that are safe");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn no_certificates() -> Error {
    Error::new(Category::InvalidInput, "`ca` holds no certificate in PEM")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused() {
        for text in [
            "",
            "pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let config = LivyConfig {
                ca: Some(text.to_owned()),
                ..LivyConfig::new("https://livy")
            };
            let error = Rest::new(&config).unwrap_err();
            assert_eq!(error.category(), Category::InvalidInput, "{text}");
        }
    }
}
