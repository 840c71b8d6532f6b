//! Asks an https URL for a document, within bounds: a few seconds, a MiB, no redirect. Does I/O.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HOST};
use http::uri::{InvalidUri, Scheme};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{InvalidDnsNameError, ServerName};

/// Longest time from the connection to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest document, in bytes.
pub(super) const LONGEST: usize = 1 << 20;

/// Why a text is not the URL of a document that is asked for.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It is no URL.
    #[error("this is no https URL: {0}")]
    Form(#[from] InvalidUri),
    /// It is of another scheme, or of none.
    #[error("this is no https URL, which it must be")]
    NotHttps,
    /// It says who asks.
    #[error("a URL here must not have `@`")]
    User,
    /// Its host is neither a name nor an address.
    #[error("its host is neither a name nor an address: {0}")]
    Host(#[from] InvalidDnsNameError),
}

/// An https URL.
#[derive(Clone, Debug)]
pub(super) struct HttpsUrl {
    /// Host and port as the URL has them.
    authority: String,
    host: String,
    port: u16,
    path: String,
    name: ServerName<'static>,
}

impl HttpsUrl {
    /// The URL that `text` is.
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse()?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(UrlError::NotHttps);
        };
        if *scheme != Scheme::HTTPS {
            return Err(UrlError::NotHttps);
        }
        if authority.as_str().contains('@') {
            return Err(UrlError::User);
        }
        let host = authority.host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            authority: authority.to_string(),
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(443),
            path: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            name: ServerName::try_from(host.to_owned())?,
        })
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// No connection, or one that is not to be trusted.
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    /// No answer, or a broken one.
    #[error("the answer broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// A broken document.
    #[error("the answer broke off: {0}")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing in time.
    #[error("no whole answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// Another answer than the document.
    #[error("the answer is {0}, not the document itself")]
    Status(StatusCode),
    /// A document that is too long.
    #[error("the answer is longer than {LONGEST} bytes")]
    Long,
}

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    /// What it is.
    pub(super) text: Bytes,
    /// How long it may be kept, as its server says.
    pub(super) max_age: Option<Duration>,
}

/// Asks for a document, on a connection of its own.
pub(super) async fn get(tls: &TlsConnector, url: &HttpsUrl) -> Result<Document, FetchError> {
    let asked = tokio::time::timeout(PATIENCE, exchange(tls, url)).await;
    asked.map_err(|_| FetchError::Slow)?
}

async fn exchange(tls: &TlsConnector, url: &HttpsUrl) -> Result<Document, FetchError> {
    let stream = TcpStream::connect((url.host.as_str(), url.port)).await;
    let stream = tls.connect(url.name.clone(), stream.map_err(FetchError::Connect)?);
    let stream = TokioIo::new(stream.await.map_err(FetchError::Connect)?);
    let (mut sender, connection) = http1::handshake(stream).await?;
    // Ends with this function, however that ends.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    // Without `Accept`: keys are `application/jwk-set+json` to some, and no other JSON to them.
    let request = Request::get(&url.path)
        .header(HOST, &url.authority)
        .body(Empty::<Bytes>::new())
        .expect("the parts of a URL are those of a request");
    let answer = sender.send_request(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    let max_age = max_age(answer.headers());
    let text = Limited::new(answer.into_body(), LONGEST).collect().await;
    let text = text.map_err(|error| match error.is::<LengthLimitError>() {
        true => FetchError::Long,
        false => FetchError::Body(error),
    })?;
    Ok(Document {
        text: text.to_bytes(),
        max_age,
    })
}

/// `max-age` of the header `Cache-Control`.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut directives = texts.flat_map(|text| text.split(','));
    directives.find_map(|directive| {
        let (name, seconds) = directive.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("max-age") {
            return None;
        }
        let seconds = seconds.trim().trim_matches('"').parse().ok()?;
        Some(Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, host, port, path) in [
            ("https://issuer.example", "issuer.example", 443, "/"),
            ("https://issuer:8443/a/b?c=d", "issuer", 8443, "/a/b?c=d"),
            ("https://[::1]:9/", "::1", 9, "/"),
        ] {
            let url = HttpsUrl::parse(text).unwrap();
            assert_eq!(
                (url.host.as_str(), url.port, url.path.as_str()),
                (host, port, path)
            );
        }
        for bad in [
            "http://issuer",
            "/keys",
            "issuer",
            "",
            "https://",
            "https://a b",
            "https://me@issuer",
            "https://no_%",
        ] {
            assert!(HttpsUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_age_is_the_one_that_the_header_gives() {
        let of = |text: &'static str| {
            let headers = [(CACHE_CONTROL, http::HeaderValue::from_static(text))];
            max_age(&HeaderMap::from_iter(headers)).map(|age| age.as_secs())
        };
        assert_eq!(of("public, max-age=3600"), Some(3600));
        assert_eq!(of("Max-Age=\"7\" , must-revalidate"), Some(7));
        for none in ["no-store", "max-age=soon", "s-maxage=5", "max-age=-1"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
