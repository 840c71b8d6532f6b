//! What a connection may do before the gateway lets it go, and how long a replica has to take one.

use std::time::Duration;

use sparkconnect_gateway::listen::ConnectionLimits;
use sparkconnect_gateway::proxy::CallLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::doors::{GRPC, hello, nobody};
use crate::raw::connector;
use crate::{Gateway, call_limits, connection_limits};

/// Many times what the limits of these tests are.
const PATIENCE: Duration = Duration::from_secs(30);

async fn tls(gateway: &Gateway) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = connector(gateway.authority.certificate());
    connector.connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn an_old_connection_takes_no_new_call_and_ends_those_it_has() {
    let limits = ConnectionLimits {
        age: Duration::from_millis(500),
        ..connection_limits()
    };
    let calls = CallLimits {
        first_message: PATIENCE * 2,
        ..call_limits()
    };
    let gateway = Gateway::with(limits, calls, 10).await;
    let client = gateway.session_at("ada", &nobody().await, None);
    let mut raw = gateway.raw().await;
    let authorization = format!("Bearer {}", client.token);
    let (held, answer) = raw.open("Config", &[GRPC, ("authorization", &authorization)]);
    let answer = tokio::spawn(answer);
    let refused = async {
        // An answer of the gateway has a status; without one the call did not leave the client.
        while let Some(status) = raw
            .call("Config", "nobody's", &[&hello(&client)])
            .await
            .status
        {
            assert_eq!(status, 16);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("the connection takes no more calls");
    held.send(hello(&client).into()).unwrap();
    drop(held);
    let answer = answer.await.unwrap();
    assert_eq!(
        answer.status,
        Some(14),
        "the one it has goes on: {answer:?}"
    );
}

#[tokio::test]
async fn a_client_is_told_how_many_calls_it_may_have() {
    let limits = ConnectionLimits {
        streams: 3,
        ..connection_limits()
    };
    let gateway = Gateway::with(limits, call_limits(), 10).await;
    let stream = tls(&gateway).await;
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let told = async {
        while send.current_max_send_streams() != 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    told.unwrap_or_else(|_| panic!("it may have {}", send.current_max_send_streams()));
}

#[tokio::test]
async fn a_client_that_gives_no_sign_of_life_is_let_go() {
    let limits = ConnectionLimits {
        ping_after: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(300),
        ..connection_limits()
    };
    let gateway = Gateway::with(limits, call_limits(), 10).await;
    let mut stream = tls(&gateway).await;
    // The preface of HTTP/2 and an empty SETTINGS; whatever comes is read, and never answered.
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(hello).await.unwrap();
    let mut heard = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    ended.expect("the gateway ends it").ok();
    assert!(!heard.is_empty(), "it spoke HTTP/2 before");
}

#[tokio::test]
async fn a_replica_that_takes_no_connection_is_not_waited_for() {
    let gateway = Gateway::start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // Nobody takes them: soon the system lets one more wait.
    let mut waiting = Vec::new();
    let limit = Duration::from_millis(500);
    while let Ok(stream) = tokio::time::timeout(limit, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 100, "it takes whatever comes");
    }
    let client = gateway.session_at("ada", &address.to_string(), None);
    let mut raw = gateway.raw().await;
    let answer = raw.call("Config", &client.token, &[&hello(&client)]).await;
    assert_eq!(answer.status, Some(14), "{answer:?}");
    assert!(answer.message.contains("replica"), "{answer:?}");
}
