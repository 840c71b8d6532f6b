//! A poll of a server that is slow, given up by whoever has no more time.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sparkconnect_spark::monitor::{Monitor, MonitorOptions};
use sparkconnect_spark::{Endpoint, Timeouts};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const APPLICATIONS: &str =
    r#"[{"id": "app", "attempts": [{"startTimeEpoch": 1, "appSparkVersion": "4.3.0"}]}]"#;

/// One request to the REST API of an idle Spark 4.3. Nobody hears of its operations while it is `slow`.
async fn answer(stream: TcpStream, slow: Arc<AtomicBool>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = String::new();
    while stream.read_line(&mut lines).await? > 2 {}
    let path = lines.split_whitespace().nth(1).unwrap_or_default();
    let path = path.trim_start_matches("/api/v1/applications");
    let found = match path.split('?').next().unwrap_or_default() {
        "" => Some(APPLICATIONS),
        "/app/executors" | "/app/jobs" | "/app/connect/sessions" => Some("[]"),
        "/app/connect/operations" if slow.load(Ordering::Relaxed) => std::future::pending().await,
        "/app/connect/operations" => Some("[]"),
        _ => None,
    };
    let (status, body) = found.map_or(("404 Not Found", ""), |body| ("200 OK", body));
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await
}

#[tokio::test]
async fn a_poll_that_is_given_up_forgets_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let slow = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&slow);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&shared)));
        }
    });
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        grpc_port: port,
        tls: None,
        metadata: Vec::new(),
        ui_port: Some(port),
        token: None,
        timeouts: Timeouts::default(),
    };
    let mut monitor = Monitor::new(&endpoint, MonitorOptions { count_reads: true }).unwrap();
    assert!(monitor.poll().await.unwrap().tells_operations());
    slow.store(true, Ordering::Relaxed);
    let late = tokio::time::timeout(Duration::from_millis(300), monitor.poll()).await;
    assert!(late.is_err(), "it waits for the operations");
    slow.store(false, Ordering::Relaxed);
    // As a version that does not tell of them it would have the gateway's numbers counted too.
    assert!(monitor.poll().await.unwrap().tells_operations());
}
