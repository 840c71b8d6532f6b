//! A call of Spark by what a session's connection Secret says, as a client makes it: what `helm test` runs. Reads files, and calls the
//! session's server by the way that clients have.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sparkconnect_spark::{Endpoint, SessionRef, SparkServer, Timeouts, Tls, Token};
use tokio_util::sync::CancellationToken;

/// Between two tries of a call that reached nobody: a gateway may hear of the session a moment after the Secret is there.
const PAUSE: Duration = Duration::from_secs(1);
/// Most tries.
const TRIES: u32 = 60;

/// Why the session is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// An entry of the Secret is not there.
    #[error("the entry {entry} cannot be read: {source}: mount the connection Secret of a session")]
    Missing {
        /// Its file.
        entry: String,
        /// Why.
        source: io::Error,
    },
    /// An entry of the Secret is not what it should be.
    #[error("the entry {0} cannot be used: mount the connection Secret of a session")]
    Unusable(&'static str),
    /// The call failed.
    #[error("Spark cannot be called at {address}: {source}")]
    Call {
        /// Host and port.
        address: String,
        /// Why.
        source: sparkconnect_spark::Error,
    },
    /// It was told to end before.
    #[error("told to end before Spark answered")]
    Stopped,
}

/// Calls Spark in the session whose connection Secret's entries are the files in `folder`, and tells which version answered.
///
/// # Errors
/// When an entry is missing, or Spark does not answer.
pub async fn run(folder: PathBuf, stop: CancellationToken) -> Result<(), CheckError> {
    let (endpoint, session) = connection(&folder)?;
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
    let mut tries = 1;
    loop {
        match server.version_for(session).await {
            Err(sparkconnect_spark::Error::Unreachable { .. }) if tries < TRIES => tries += 1,
            answer => return answer.map_err(failed),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where the session is, and which one it is.
fn connection(folder: &Path) -> Result<(Endpoint, SessionRef), CheckError> {
    let read = |entry: &str| {
        let path = folder.join(entry);
        fs::read_to_string(&path).map_err(|source| CheckError::Missing {
            entry: path.display().to_string(),
            source,
        })
    };
    let authority = match read("ca.crt") {
        // There is none where clients' systems know the authority, and none without a gateway.
        Err(CheckError::Missing { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        other => Some(other?),
    };
    // A replica that is called straight speaks no TLS; its URL has no parameter `token` then.
    let over_tls = read("uri")?.contains("/;token=");
    let port = read("port")?;
    let id = read("sessionId")?;
    let endpoint = Endpoint {
        host: read("host")?,
        grpc_port: port.parse().map_err(|_| CheckError::Unusable("port"))?,
        tls: over_tls.then_some(Tls {
            ca: authority,
            server_name: None,
        }),
        metadata: Vec::new(),
        ui_port: None,
        token: Some(Token::new(read("token")?)),
        timeouts: Timeouts::default(),
    };
    let id = id.parse().map_err(|_| CheckError::Unusable("sessionId"))?;
    Ok((endpoint, SessionRef::new(read("userId")?, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

    fn entries(more: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let own = [("host", "gateway"), ("port", "443"), ("token", "secret")];
        let session = [("sessionId", ID), ("userId", "team/ada")];
        for (entry, text) in own.iter().chain(&session).chain(more) {
            fs::write(folder.path().join(entry), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_gateway_is_called_over_tls_and_a_replica_is_not() {
        let folder = entries(&[("uri", "sc://gateway:443/;token=x"), ("ca.crt", "PEM")]);
        let (endpoint, session) = connection(folder.path()).unwrap();
        assert_eq!(endpoint.tls.unwrap().ca.as_deref(), Some("PEM"));
        assert_eq!((&endpoint.host[..], endpoint.grpc_port), ("gateway", 443));
        assert_eq!(session.session_id.to_string(), ID);
        let folder = entries(&[(
            "uri",
            "sc://demo-0:15002/;user_id=x;authorization=Bearer%20x",
        )]);
        assert!(connection(folder.path()).unwrap().0.tls.is_none());
    }

    #[test]
    fn what_is_no_connection_secret_says_so() {
        let error = connection(entries(&[]).path()).unwrap_err();
        assert!(matches!(error, CheckError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("/uri cannot be read"), "{error}");
        let folder = entries(&[("uri", "sc://gateway:443/;token=x"), ("port", "no")]);
        let error = connection(folder.path()).unwrap_err();
        assert!(matches!(error, CheckError::Unusable("port")), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
