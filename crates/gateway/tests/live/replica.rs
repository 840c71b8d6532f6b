//! What a replica sees of a call: one that only takes note.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use sparkconnect_proto::spark::connect::ConfigRequest;
use tokio::net::TcpListener;

use crate::raw::framed;
use crate::{Gateway, SERVER_TOKEN};

type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A replica that answers every call with OK and nothing, and its address.
async fn replica() -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Seen::default();
    let to = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let to = Arc::clone(&to);
            let service =
                service_fn(move |request: Request<Incoming>| note(request, Arc::clone(&to)));
            let served = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(served);
        }
    });
    (address, seen)
}

async fn note(request: Request<Incoming>, to: Seen) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    to.lock().unwrap().push((head.headers, body));
    let response = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "0");
    Ok(response.body(Empty::new()).unwrap())
}

#[tokio::test]
async fn nothing_of_the_client_but_its_plan_reaches_a_replica() {
    let gateway = Gateway::start().await;
    let (address, seen) = replica().await;
    let ada = gateway.session_at("ada", &address, Some("made-by-the-server".to_owned()));
    let request = ConfigRequest {
        session_id: ada.id.clone(),
        ..ConfigRequest::default()
    };
    let own = format!("Bearer {}", ada.token);
    let headers = [
        ("content-type", "application/grpc"),
        ("authorization", &own),
        ("user-agent", "_SPARK_CONNECT_PYTHON"),
        ("grpc-timeout", "7S"),
        ("x-forwarded-user", "root"),
        ("x-remote-user", "root"),
        ("cookie", "session=1"),
        ("impersonate-user", "root"),
    ];
    let mut raw = gateway.raw().await;
    let answer = raw
        .send("Config", &headers, &[&framed(&request.encode_to_vec())])
        .await;
    assert_eq!(answer.status, Some(0), "{answer:?}");
    let (headers, body) = seen.lock().unwrap().remove(0);
    let mut names: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "authorization",
            "content-type",
            "grpc-timeout",
            "te",
            "user-agent"
        ]
    );
    assert_eq!(headers["authorization"], format!("Bearer {SERVER_TOKEN}"));
    assert_eq!(headers["grpc-timeout"], "7S");
    let read = ConfigRequest::decode(&body[5..]).unwrap();
    assert_eq!(read.session_id, ada.id);
    assert_eq!(read.user_context.unwrap().user_id, "ada");
    let observed = read.client_observed_server_side_session_id;
    assert_eq!(observed.as_deref(), Some("made-by-the-server"));
}
