//! Connections to the API server, over HTTP/2. kube's own client speaks HTTP/1.1, where each call beside another one costs a connection and
//! its TLS handshake. A client here has one connection, of which the API server takes 100 requests at a time by default; a watch is one, and
//! whatever comes after those waits. So the election has a client of its own, and so have the watches of each scope. Does I/O.

use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

/// Longest time for a connection to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// After so long without anything read, the connection is tried: client-go's default.
const PING_AFTER: Duration = Duration::from_secs(30);
/// Without an answer to that for so long, the connection is dead: client-go's default.
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// A client, with a connection of its own, and the credentials of the pod, or of the kubeconfig where there is none. Its calls are tried once: a reconcile
/// that fails is tried again as a whole, with its own back-off.
///
/// # Errors
/// When there are no credentials, or they are not usable.
pub async fn connect() -> Result<Client, BoxError> {
    client(&Config::infer().await?)
}

fn client(config: &Config) -> Result<Client, BoxError> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    let mut https = HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_or_http();
    if let Some(name) = &config.tls_server_name {
        https =
            https.with_server_name_resolver(FixedServerNameResolver::new(name.clone().try_into()?));
    }
    let connector = https.enable_all_versions().wrap_connector(connector);
    let http = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
