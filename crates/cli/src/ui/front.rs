//! The HTTP server of this machine: lets in whom the door lets in, and passes the rest of the request on. Does I/O.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, COOKIE, HeaderName,
    PROXY_AUTHORIZATION, REFERRER_POLICY, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Error as HttpError;
use hyper_util::rt::TokioIo;
use sparkconnect_client::Error as ClientError;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::door::{Door, Entry};
use super::upstream::Upstream;

/// Pause after a connection that the system could not give.
const PAUSE: Duration = Duration::from_millis(100);

/// What must not go further than one connection, and what is this machine's own: cookies are those of its every port.
const STOP_HERE: [HeaderName; 9] = [
    AUTHORIZATION,
    CONNECTION,
    COOKIE,
    PROXY_AUTHORIZATION,
    SET_COOKIE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Leads on without the token: a page of this address asks for it, where a redirect would still count as another's request, which
/// `SameSite` gives no cookie.
const WELCOME: &str = "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url=/\"><a href=\"/\">Spark's UI</a>\n";

type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, door: Door, upstream: Upstream) {
    let door = Arc::new(door);
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&door), upstream.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, door: Arc<Door>, upstream: Upstream) {
    let service = service_fn(|request| {
        let (door, upstream) = (&door, &upstream);
        async move { Ok::<_, Infallible>(answer(request, door, upstream).await) }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(request: Request<Incoming>, door: &Door, upstream: &Upstream) -> Answer {
    let (parts, body) = request.into_parts();
    match door.judge(&parts) {
        Entry::Refused(why) => told(StatusCode::FORBIDDEN, format!("{why}\n")),
        Entry::Welcome(cookie) => welcome(&cookie),
        Entry::Pass => pass(Request::from_parts(parts, body), upstream).await,
    }
}

async fn pass(mut request: Request<Incoming>, upstream: &Upstream) -> Answer {
    stop_here(request.headers_mut());
    match upstream.send(request).await {
        Ok(mut response) => {
            stop_here(response.headers_mut());
            response.map(Either::Left)
        }
        Err(error) => told(
            StatusCode::BAD_GATEWAY,
            format!(
                "{upstream} does not answer; reload to try again: {}\n",
                cause(&error)
            ),
        ),
    }
}

fn stop_here(headers: &mut HeaderMap) {
    for name in &STOP_HERE {
        headers.remove(name);
    }
}

/// Ours where it is one of ours, which tells its own causes; else what is at the bottom of it.
fn cause(error: &HttpError) -> String {
    let mut error: &dyn StdError = error;
    loop {
        match (error.downcast_ref::<ClientError>(), error.source()) {
            (Some(ours), _) => return ours.to_string(),
            (None, Some(source)) => error = source,
            (None, None) => return error.to_string(),
        }
    }
}

fn told(status: StatusCode, text: String) -> Answer {
    page(status, "text/plain; charset=utf-8", Bytes::from(text))
}

fn welcome(cookie: &str) -> Answer {
    let body = Bytes::from_static(WELCOME.as_bytes());
    let mut response = page(StatusCode::OK, "text/html; charset=utf-8", body);
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn page(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Either::Right(Full::new(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_own_headers_go_no_further() {
        let mut headers = HeaderMap::new();
        for name in ["cookie", "authorization", "connection", "host", "accept"] {
            headers.insert(name, HeaderValue::from_static("a"));
        }
        headers.append("cookie", HeaderValue::from_static("b"));
        stop_here(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["host", "accept"]);
    }

    #[test]
    fn the_cookie_comes_with_a_page_that_leads_on() {
        let answer = welcome("a=b; HttpOnly");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[SET_COOKIE], "a=b; HttpOnly");
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert!(WELCOME.contains("url=/"));
    }
}
