//! The health server, asked over real connections.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

/// How long a test waits for what must come; never reached by a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn start(health: &Health, limits: Limits) -> SocketAddr {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address();
    tokio::spawn(server.accept(health.clone(), Registry::new(), limits));
    address
}

async fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// Everything that the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap_or_else(|_| panic!("the server keeps the connection open"))
        .unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> String {
    send(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn answers_liveness_readiness_and_metrics() {
    let health = Health::new();
    let address = start(&health, LIMITS).await;
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503 "));
    health.set_ready(true);
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200 "));
    health.set_ready(false);
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503 "));
    let metrics = get(address, "/metrics").await;
    assert!(
        metrics.contains("content-type: text/plain; version=0.0.4"),
        "{metrics}"
    );
    assert!(
        metrics.contains("\nprocess_resident_memory_bytes "),
        "{metrics}"
    );
}

#[tokio::test]
async fn refuses_other_paths_and_methods() {
    let address = start(&Health::new(), LIMITS).await;
    assert!(get(address, "/debug").await.starts_with("HTTP/1.1 404 "));
    let answer = send(
        address,
        "POST /metrics HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn either_time_limit_drops_a_silent_client() {
    let (soon, late) = (Duration::from_millis(50), 10 * PATIENCE);
    for (header, whole) in [(soon, late), (late, soon)] {
        let limits = Limits {
            connections: 1,
            header,
            whole,
        };
        let address = start(&Health::new(), limits).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let part = b"GET /healthz HTTP/1.1\r\nHost:";
        silent.write_all(part).await.unwrap();
        assert!(!rest(&mut silent).await.contains(" 200 "));
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_slot() {
    let limits = Limits {
        connections: 1,
        header: 10 * PATIENCE,
        whole: 10 * PATIENCE,
    };
    let address = start(&Health::new(), limits).await;
    let holder = TcpStream::connect(address).await.unwrap();
    let mut waiting = TcpStream::connect(address).await.unwrap();
    waiting
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(200), waiting.read(&mut byte)).await;
    assert!(
        early.is_err(),
        "it was answered while the one slot was taken"
    );
    drop(holder);
    assert!(rest(&mut waiting).await.contains(" 200 "));
}

#[tokio::test]
async fn stops_listening_when_told() {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { stopped.await.unwrap_or_default() };
    let task = tokio::spawn(server.run(Health::new(), Registry::new(), shutdown));
    assert!(get(address, "/healthz").await.contains(" 200 "));
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, task)
        .await
        .expect("it does not stop")
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let first = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let error = Server::bind(first.address()).await.unwrap_err().to_string();
    assert!(error.contains(&first.address().to_string()), "{error}");
}
