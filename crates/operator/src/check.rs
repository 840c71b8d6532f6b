//! A call of Spark by what a session's connection Secret says, as a client makes it: what `helm test` runs. Reads the environment, and calls
//! the session's server by the way that clients have.

use std::env;
use std::time::Duration;

use sparkconnect_spark::{Endpoint, Error as SparkError, SessionRef, SparkServer};
use sparkconnect_spark::{Timeouts, Tls, Token};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it is tried again: a gateway may hear of the session after its Secret is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the session is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// An entry of the Secret is not there, or not what it should be.
    #[error(
        "the environment variable {0} is not what a session's connection Secret has there: see the flag --check-session"
    )]
    Entry(&'static str),
    /// The call failed.
    #[error("Spark cannot be called at {address}: {source}")]
    Call {
        /// Host and port.
        address: String,
        /// Why.
        source: SparkError,
    },
    /// It was told to end before.
    #[error("told to end before Spark answered")]
    Stopped,
}

/// Calls Spark in the session that the environment names, and tells which version answered.
///
/// # Errors
/// When a variable is missing, or Spark does not answer.
pub async fn run(stop: CancellationToken) -> Result<(), CheckError> {
    let (endpoint, session) = connection(|name| env::var(name).ok())?;
    let called = stop.run_until_cancelled(call(&endpoint, &session)).await;
    let version = called.unwrap_or(Err(CheckError::Stopped))?;
    let (host, port) = (&endpoint.host, endpoint.grpc_port);
    tracing::info!("Spark {version} answers through {host}:{port}: the session works");
    Ok(())
}

async fn call(endpoint: &Endpoint, session: &SessionRef) -> Result<String, CheckError> {
    let failed = |source| CheckError::Call {
        address: format!("{}:{}", endpoint.host, endpoint.grpc_port),
        source,
    };
    let server = SparkServer::new(endpoint).map_err(failed)?;
    let began = Instant::now();
    loop {
        match server.version_for(session).await {
            Err(error) if may_pass(&error) && began.elapsed() < PATIENCE => {
                tracing::warn!(%error, "no answer yet");
            }
            answer => return answer.map_err(failed),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether it may be that the way is not there yet, or that the gateway does not know the session's token yet.
fn may_pass(error: &SparkError) -> bool {
    matches!(
        error,
        SparkError::Unreachable { .. } | SparkError::TimedOut { .. } | SparkError::Unauthenticated
    )
}

/// Where the session is, and which one it is.
fn connection(read: impl Fn(&str) -> Option<String>) -> Result<(Endpoint, SessionRef), CheckError> {
    let need = |name: &'static str| read(name).ok_or(CheckError::Entry(name));
    let port = need("SESSION_PORT")?.parse();
    let id = need("SESSION_ID")?.parse();
    // A replica that is called straight speaks no TLS; its URL has no parameter `token` then.
    let over_tls = need("SESSION_URI")?.contains("/;token=");
    let endpoint = Endpoint {
        host: need("SESSION_HOST")?,
        grpc_port: port.map_err(|_| CheckError::Entry("SESSION_PORT"))?,
        tls: over_tls.then(|| Tls {
            ca: read("SESSION_AUTHORITY"),
            server_name: None,
        }),
        metadata: Vec::new(),
        ui_port: None,
        token: Some(Token::new(need("SESSION_TOKEN")?)),
        timeouts: Timeouts::default(),
    };
    let id = id.map_err(|_| CheckError::Entry("SESSION_ID"))?;
    Ok((endpoint, SessionRef::new(need("SESSION_USER")?, id)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

    fn read(more: &[(&str, &str)]) -> Result<(Endpoint, SessionRef), CheckError> {
        let way = [("SESSION_HOST", "gateway"), ("SESSION_PORT", "443")];
        let who = [("SESSION_ID", ID), ("SESSION_USER", "team/ada")];
        let token = [("SESSION_TOKEN", "secret")];
        let entries = way.iter().chain(&who).chain(&token).chain(more);
        let entries: HashMap<_, _> = entries.copied().collect();
        connection(|name| entries.get(name).map(|&value| value.to_owned()))
    }

    #[test]
    fn a_gateway_is_called_over_tls_and_a_replica_is_not() {
        let uri = ("SESSION_URI", "sc://gateway:443/;token=x");
        let (endpoint, session) = read(&[uri, ("SESSION_AUTHORITY", "PEM")]).unwrap();
        assert_eq!(endpoint.tls.unwrap().ca.as_deref(), Some("PEM"));
        assert_eq!((&endpoint.host[..], endpoint.grpc_port), ("gateway", 443));
        assert_eq!(session.session_id.to_string(), ID);
        let uri = "sc://demo-0:15002/;user_id=x;authorization=Bearer%20x";
        let (endpoint, _) = read(&[("SESSION_URI", uri)]).unwrap();
        assert!(endpoint.tls.is_none());
    }

    #[test]
    fn what_is_no_connection_secret_says_so() {
        let error = read(&[]).unwrap_err();
        assert!(matches!(error, CheckError::Entry("SESSION_URI")), "{error}");
        let uri = ("SESSION_URI", "sc://gateway:443/;token=x");
        let error = read(&[uri, ("SESSION_PORT", "no")]).unwrap_err();
        assert!(error.to_string().contains("SESSION_PORT"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
