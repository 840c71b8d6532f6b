//! Who is told, and whom the operator believes: a certificate of the operator's authority, for the right name, on either side.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use sparkconnect_api::address::{CONTROL_CLIENT, CONTROL_SERVER};
use sparkconnect_gateway::counts::Ledger;
use sparkconnect_operator::gateway::certificate::{Ca, Leaf};
use sparkconnect_proto::gateway::v1::CollectRequest;
use sparkconnect_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::{Gateway, at, authority, operator};

/// TLS that trusts `ca` and shows `own`.
fn tls(ca: &Ca, own: Option<&Leaf>, version: &'static SupportedProtocolVersion) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(ca.certificate().as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own.map(Leaf::pair) {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn asked(channel: Channel) -> Result<String, Status> {
    let mut client = GatewayServiceClient::new(channel);
    let answer = client.collect(CollectRequest::default()).await;
    answer.map(|answer| answer.into_inner().instance)
}

/// What the gateway answers to who speaks `tls`, or no TLS at all.
async fn told(address: SocketAddr, tls: Option<TlsConnector>) -> Result<String, Status> {
    let endpoint = Endpoint::from_static("http://gateway");
    let Some(tls) = tls else {
        let plain = tower::service_fn(move |_| async move {
            Ok::<_, io::Error>(TokioIo::new(TcpStream::connect(address).await?))
        });
        return asked(endpoint.connect_with_connector_lazy(plain)).await;
    };
    let connector = tower::service_fn(move |_| {
        let tls = tls.clone();
        async move {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::try_from(CONTROL_SERVER).unwrap();
            Ok::<_, io::Error>(TokioIo::new(tls.connect(name, stream).await?))
        }
    });
    asked(endpoint.connect_with_connector_lazy(connector)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_operator_is_told() {
    let (ca, other, now) = (authority(), authority(), Timestamp::now());
    let gateway = Gateway::start(&ca).await;
    let own = ca.issue_client(CONTROL_CLIENT, now).unwrap();
    let instance = told(gateway.address, Some(tls(&ca, Some(&own), &TLS13))).await;
    assert_eq!(instance.unwrap(), gateway.ledger.instance());

    let forged = other.issue_client(CONTROL_CLIENT, now).unwrap();
    let another = ca
        .issue_client("another.sparkconnect-gateway", now)
        .unwrap();
    let a_gateways = ca.issue(&[CONTROL_CLIENT.to_owned()], now).unwrap();
    for (who, tls) in [
        ("plain text", None),
        ("no certificate", Some(tls(&ca, None, &TLS13))),
        ("another authority's", Some(tls(&ca, Some(&forged), &TLS13))),
        ("another name's", Some(tls(&ca, Some(&another), &TLS13))),
        ("a server's", Some(tls(&ca, Some(&a_gateways), &TLS13))),
        ("TLS 1.2", Some(tls(&ca, Some(&own), &TLS12))),
    ] {
        let answer = told(gateway.address, tls).await;
        assert!(answer.is_err(), "{who}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_believes_nobody_but_its_own_gateways() {
    let (ca, other) = (authority(), authority());
    for (ca_of_gateway, name) in [(&other, CONTROL_SERVER), (&ca, "gateway.example.com")] {
        let gateway = Gateway::named(ca_of_gateway, name, Ledger::default()).await;
        gateway.sees("s", "a", false);
        let (gateways, _) = operator(&ca, &at(&[&gateway]));
        gateways.collect().await;
        assert_eq!(gateways.of("s"), None, "{name}");
    }
}
