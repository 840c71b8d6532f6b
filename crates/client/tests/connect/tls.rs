//! Through TLS with an authority of one's own, as behind a proxy.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkconnect_client::connect::{ConnectBackend, ConnectConfig};
use sparkconnect_client::{Category, SessionState, SparkClient};
use sparkconnect_testkit::pki::Authority;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::task::AbortOnDropHandle;

use super::{config, making, named, shared};

/// Takes TLS for `spark.example` and passes on what is in it.
async fn proxy(authority: &Authority, to: u16) -> (u16, AbortOnDropHandle<()>) {
    let credentials = authority.server("proxy", &[], &["spark.example"]).unwrap();
    let chain = CertificateDer::pem_slice_iter(credentials.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
    let mut tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A handshake that fails is seen by its client.
                if let Ok(mut near) = acceptor.accept(stream).await {
                    let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    (port, AbortOnDropHandle::new(serving))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_trusted_and_no_other() {
    let server = shared("4.3.0");
    let authority = Authority::new("tests").unwrap();
    let (port, _proxy) = proxy(&authority, server.grpc_port()).await;
    let with = |ca: Option<String>| ConnectConfig {
        url: format!("sc://127.0.0.1:{port}"),
        use_ssl: None,
        ca,
        server_name: Some("spark.example".to_owned()),
        metadata: BTreeMap::from([("x-trace".to_owned(), "1".to_owned())]),
        ..config(server)
    };
    let trusting = with(Some(authority.certificate().to_owned()));
    let client = SparkClient::new(ConnectBackend::new(trusting).unwrap());
    let session = making(&client, named("tls")).await;
    let session = session.expect("a session through TLS");
    assert_eq!(session.info.state, SessionState::Ready);
    let id = &session.connection.session_id;
    client.close_session(id).await.expect("an end");

    let stranger = Authority::new("others").unwrap();
    let wary = with(Some(stranger.certificate().to_owned()));
    let wary = SparkClient::new(ConnectBackend::new(wary).unwrap());
    let error = making(&wary, named("tls")).await.unwrap_err();
    assert_eq!(error.category(), Category::Failed, "{error}");
    assert!(error.to_string().contains("not trusted"), "{error}");
}
