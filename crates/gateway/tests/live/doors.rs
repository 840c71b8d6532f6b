//! Connections: their limits, their end, and the certificate they are met with.

use std::time::Duration;

use sparkconnect_gateway::directory::State;
use sparkconnect_gateway::listen::ConnectionLimits;
use sparkconnect_gateway::proxy::CallLimits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::raw::{connector, framed};
use crate::{Client, Gateway, call_limits, connection_limits, renew};

pub(crate) const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// A message that names its session and nothing else.
pub(crate) fn hello(client: &Client) -> Vec<u8> {
    let mut message = vec![];
    prost::encoding::string::encode(1, &client.id, &mut message);
    framed(&message)
}

/// An address of this machine that nobody listens on.
pub(crate) async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_session_that_cannot_be_used_says_why() {
    let gateway = Gateway::start().await;
    let client = gateway.session_at("ada", &nobody().await, None);
    let mut raw = gateway.raw().await;
    let answer = raw.call("Config", &client.token, &[&hello(&client)]).await;
    assert_eq!(answer.status, Some(14), "{answer:?}");
    let why = "no replica takes sessions".to_owned();
    gateway.put(&client, "ada", State::Pending { why });
    let answer = raw.call("Config", &client.token, &[&hello(&client)]).await;
    assert_eq!(answer.status, Some(14), "{answer:?}");
    assert!(
        answer.message.contains("no replica takes sessions"),
        "{answer:?}"
    );
    let why = "had no activity".to_owned();
    gateway.put(&client, "ada", State::Ended { why });
    let answer = raw.call("Config", &client.token, &[&hello(&client)]).await;
    assert_eq!(answer.status, Some(9), "{answer:?}");
    assert!(answer.message.contains("had no activity"), "{answer:?}");
}

#[tokio::test]
async fn the_first_message_has_a_deadline_and_a_length() {
    let calls = CallLimits {
        first_message: Duration::from_millis(200),
        message: 1000,
        ..call_limits()
    };
    let gateway = Gateway::with(connection_limits(), calls, 10).await;
    let client = gateway.session_at("ada", &nobody().await, None);
    let mut raw = gateway.raw().await;
    let authorization = format!("Bearer {}", client.token);
    let (_held, answer) = raw.open("Config", &[GRPC, ("authorization", &authorization)]);
    let answer = answer.await;
    assert_eq!(answer.status, Some(4), "{answer:?}");
    let long = framed(&vec![0; 1001]);
    let answer = raw.call("Config", &client.token, &[&long]).await;
    assert_eq!(answer.status, Some(8), "{answer:?}");
}

#[tokio::test]
async fn connections_are_bounded_all_and_of_one_address() {
    for (all, per_address) in [(1, 9), (9, 1)] {
        let limits = ConnectionLimits {
            all,
            per_address,
            ..connection_limits()
        };
        let gateway = Gateway::with(limits, call_limits(), 10).await;
        let first = gateway.raw().await;
        assert!(gateway.try_raw().await.is_err(), "{all} {per_address}");
        drop(first);
        let again = async {
            while gateway.try_raw().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), again)
            .await
            .expect("its place is free again");
    }
}

#[tokio::test]
async fn calls_of_one_user_are_bounded() {
    let gateway = Gateway::with(connection_limits(), call_limits(), 0).await;
    let client = gateway.session_at("ada", &nobody().await, None);
    let answer = gateway
        .raw()
        .await
        .call("Config", &client.token, &[&hello(&client)])
        .await;
    assert_eq!(answer.status, Some(8), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_is_silent_is_let_go() {
    let short = Duration::from_secs(1);
    let limits = ConnectionLimits {
        handshake: short,
        idle: short,
        ..connection_limits()
    };
    let gateway = Gateway::with(limits, call_limits(), 10).await;
    let ends = async |mut stream: Box<dyn tokio::io::AsyncRead + Unpin>| {
        let mut rest = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        ended.expect("the gateway ends it").ok();
    };
    let before_tls = TcpStream::connect(gateway.address).await.unwrap();
    ends(Box::new(before_tls)).await;
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let before_http = connector(gateway.authority.certificate())
        .connect(name, stream)
        .await
        .unwrap();
    ends(Box::new(before_http)).await;
}

/// The certificate that a new connection is met with.
pub(crate) async fn certificate(gateway: &Gateway) -> Vec<u8> {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = connector(gateway.authority.certificate())
        .connect(name, stream)
        .await
        .unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_new_start() {
    let gateway = Gateway::start().await;
    let mut raw = gateway.raw().await;
    let client = gateway.session_at("ada", &nobody().await, None);
    let before = certificate(&gateway).await;
    std::fs::write(gateway.folder.path().join("tls.crt"), "not a certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    renew(&gateway.authority, &gateway.folder);
    let changed = async {
        while certificate(&gateway).await == before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed)
        .await
        .expect("it is taken");
    let answer = raw.call("Config", &client.token, &[&hello(&client)]).await;
    assert_eq!(
        answer.status,
        Some(14),
        "the old connection goes on: {answer:?}"
    );
}
