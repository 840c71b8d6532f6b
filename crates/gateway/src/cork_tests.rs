use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use sparkconnect_testkit::pki::Authority;
use tokio::io::DuplexStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::counted::Counted;

/// Not a whole number of writes: the end is a long frame that waits for more.
const LONG_ANSWER: usize = (1 << 20) + 30_000;

/// A server and whom its clients trust.
fn tls() -> (TlsAcceptor, TlsConnector) {
    let authority = Authority::new("cork").unwrap();
    let credentials = authority.server("cork", &[], &["127.0.0.1"]).unwrap();
    let chain = CertificateDer::pem_slice_iter(credentials.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (
        TlsAcceptor::from(Arc::new(server)),
        TlsConnector::from(Arc::new(client)),
    )
}

async fn serve(far: Counted, acceptor: TlsAcceptor, answer: Bytes) {
    let tls = acceptor.accept(Cork::new(far)).await.unwrap();
    let mut server = h2::server::Builder::new()
        .handshake::<_, Bytes>(Corked::new(tls))
        .await
        .unwrap();
    while let Some(Ok((_, mut respond))) = server.accept().await {
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        body.send_data(answer.clone(), true).unwrap();
    }
}

async fn client(near: DuplexStream, connector: TlsConnector) -> h2::client::SendRequest<Bytes> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let tls = connector.connect(name, near).await.unwrap();
    let (calls, connection) = h2::client::Builder::new()
        .initial_window_size(16 << 20)
        .initial_connection_window_size(16 << 20)
        .handshake(tls)
        .await
        .unwrap();
    tokio::spawn(connection);
    calls
}

/// How many writes an answer of so many bytes takes, through a pipe that holds so many. Asked for once before, so that the connection
/// is set up.
async fn writes(length: usize, pipe: usize) -> usize {
    let (near, far) = tokio::io::duplex(pipe);
    let count = Arc::new(AtomicUsize::new(0));
    let (acceptor, connector) = tls();
    let answer = Bytes::from(vec![7; length]);
    tokio::spawn(serve(Counted(far, Arc::clone(&count)), acceptor, answer));
    let mut calls = client(near, connector).await;
    let mut before = 0;
    for _ in 0..2 {
        before = count.load(Ordering::Relaxed);
        calls = calls.ready().await.unwrap();
        let (response, _) = calls.send_request(Request::new(()), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let mut arrived = 0;
        while arrived < length {
            let part = tokio::time::timeout(Duration::from_secs(60), body.data()).await;
            let part = part.unwrap_or_else(|_| panic!("{arrived} of {length} bytes arrived"));
            let part = part.expect("more of the answer").unwrap();
            assert!(part.iter().all(|byte| *byte == 7), "it arrives as it was");
            arrived += part.len();
        }
    }
    count.load(Ordering::Relaxed) - before
}

#[tokio::test]
async fn long_answers_go_out_in_few_writes() {
    let frames = LONG_ANSWER / (16 << 10);
    let taken = writes(LONG_ANSWER, 4 << 20).await;
    assert!(taken <= frames / 2, "{taken} writes for {frames} frames");
}

#[tokio::test]
async fn short_answers_do_not_wait() {
    assert_eq!(writes(200, 4 << 20).await, 1);
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_the_same() {
    writes(LONG_ANSWER, 10_000).await;
}
