//! A session on its live Spark server, whichever back end made it: what [`sparkconnect_spark`] needs to speak to it, and what its errors
//! mean here. No I/O.

use std::time::Duration;

use sparkconnect_spark::{Endpoint, Error as SparkError, SessionRef, Timeouts, Tls, Token};
use uuid::Uuid;

use crate::{Category, Connection, Error};

/// Where the session of `connection` is, for calls of at most `call` each.
pub(crate) fn endpoint(connection: &Connection, call: Duration) -> Endpoint {
    let tls = connection.tls.as_ref().map(|trust| Tls {
        ca: trust.ca.clone(),
        server_name: trust.server_name.clone(),
    });
    let metadata = connection.metadata.iter();
    Endpoint {
        host: connection.host.clone(),
        grpc_port: connection.port,
        tls,
        metadata: metadata
            .map(|(name, value)| (name.clone(), Token::new(value)))
            .collect(),
        ui_port: None,
        token: connection.token.clone(),
        timeouts: Timeouts {
            call,
            ..Timeouts::default()
        },
    }
}

/// The session of `connection`, as Spark names it.
pub(crate) fn session_ref(connection: &Connection) -> Result<SessionRef, Error> {
    let id = uuid(&connection.session_id)?;
    Ok(SessionRef::new(
        connection.user_id.clone().unwrap_or_default(),
        id,
    ))
}

/// A session's id.
pub(crate) fn uuid(text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text).map_err(|_| {
        Error::new(
            Category::InvalidInput,
            format!("`{text}` is not a session id"),
        )
        .hint("a session id is a UUID, such as 6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10")
    })
}

/// What an error of a call to Spark means here.
pub(crate) fn told(error: SparkError) -> Error {
    let (category, hint) = meaning(&error);
    let told = Error::new(category, error.to_string());
    let told = match hint {
        Some(hint) => told.hint(hint),
        None => told,
    };
    match error {
        SparkError::Unreachable { source, .. } => told.caused_by(source),
        _ => told,
    }
}

fn meaning(error: &SparkError) -> (Category, Option<&'static str>) {
    match error {
        SparkError::InvalidEndpoint { .. }
        | SparkError::InvalidToken
        | SparkError::InvalidMetadata { .. }
        | SparkError::InvalidTls { .. }
        | SparkError::InvalidFormat { .. } => (Category::InvalidInput, None),
        SparkError::ConfRejected { .. } => (
            Category::InvalidInput,
            Some("settings of the whole server are set where the server is made"),
        ),
        SparkError::ArtifactRejected { .. } => (
            Category::InvalidInput,
            Some("a name is pyfiles/…, jars/…, files/… or archives/…, without `..`"),
        ),
        SparkError::ArtifactExists { .. } => (
            Category::AlreadyExists,
            Some(
                "files of a session cannot be replaced: give it another name, or make a new session",
            ),
        ),
        SparkError::Unreachable { .. } => (
            Category::Unavailable,
            Some("is the address right, and does the server run? TLS or not must agree too"),
        ),
        SparkError::Untrusted { .. } => (
            Category::Failed,
            Some(
                "give the certificate of its authority (ca), or the name that it is for (server_name)",
            ),
        ),
        SparkError::TimedOut { .. } => (Category::TimedOut, None),
        SparkError::NotSparkConnect { .. } => (
            Category::Protocol,
            Some("Spark Connect listens on port 15002 by default; 4040 is its UI"),
        ),
        SparkError::Unauthenticated => (
            Category::Unauthenticated,
            Some("give the token of the session, or of the server"),
        ),
        SparkError::Unsupported { .. } => (Category::Unsupported, None),
        SparkError::SessionNotFound => (Category::NotFound, None),
        SparkError::SessionClosed | SparkError::SessionChanged => {
            (Category::Ended, Some("make a new session"))
        }
        SparkError::ArtifactCorrupt { .. } => (Category::Failed, None),
        SparkError::Malformed { .. } => (Category::Protocol, None),
        _ => (Category::Failed, None),
    }
}
