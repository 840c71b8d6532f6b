//! What can go wrong in a call to a Spark server. No I/O.

use std::time::Duration;

/// Why a call to a Spark server failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host is none: nothing was sent.
    #[error("`{host}` is not a host name or address")]
    InvalidEndpoint {
        /// What was given.
        host: String,
    },
    /// The token has characters that no header can hold: nothing was sent.
    #[error("the server's token has characters that an HTTP header cannot hold")]
    InvalidToken,
    /// The header's name or value is none: nothing was sent.
    #[error("`{name}` cannot be sent as a header: its name or its value is not one")]
    InvalidMetadata {
        /// Its name.
        name: String,
    },
    /// The certificates or the name for TLS are none: nothing was sent.
    #[error("TLS cannot be set up: {message}")]
    InvalidTls {
        /// What is wrong with them.
        message: String,
    },
    /// No connection, or it broke during the call.
    #[error("the server cannot be reached: {message}")]
    Unreachable {
        /// The innermost cause.
        message: String,
        /// The transport's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server's certificate is not one to trust: it is for another name, has expired, or is of an authority that is not known.
    #[error("the server's certificate is not trusted: {message}")]
    Untrusted {
        /// What is wrong with it.
        message: String,
    },
    /// No answer in time. The call may still take effect.
    #[error("the server did not answer in {} s", after.as_secs_f32())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// Something else than a Spark Connect server answers on this port.
    #[error("what listens there is not a Spark Connect server: {message}")]
    NotSparkConnect {
        /// What it did instead.
        message: String,
    },
    /// The REST API of the UI answered something that this project does not understand.
    #[error("the REST API's answer to {path} is not understood: {message}")]
    Malformed {
        /// What was asked for.
        path: String,
        /// What is wrong with the answer.
        message: String,
    },
    /// The server demands another token.
    #[error("the server refused the token: its spark.connect.authenticate.token is another one")]
    Unauthenticated,
    /// This version of Spark has no such call.
    #[error("this version of Spark does not have {call}")]
    Unsupported {
        /// Name of the RPC or the part of the REST API.
        call: &'static str,
    },
    /// The server does not know the session: never made, or forgotten with a restart.
    #[error("the server does not know the session")]
    SessionNotFound,
    /// The session was released or expired, and its id cannot be used again on this server.
    #[error("the session was closed on the server")]
    SessionClosed,
    /// The server has a session of that id, but not the one that was observed before: the server restarted since, or
    /// the session was released and made anew.
    #[error("the session on the server is not the one observed before")]
    SessionChanged,
    /// The session id is not a UUID in the form that Spark wants.
    #[error("the server refused the session's id: {message}")]
    InvalidFormat {
        /// Spark's words.
        message: String,
    },
    /// Spark refused a setting: it belongs to the server, or the value does not fit. Settings before it in the same call
    /// are in force.
    #[error("the server refused the setting {}: {message}", key.as_deref().unwrap_or("(unnamed)"))]
    ConfRejected {
        /// The setting, where Spark tells.
        key: Option<String>,
        /// Spark's words.
        message: String,
    },
    /// The session already has an artifact of that name with another content, and artifacts cannot be replaced.
    #[error("the session already has another artifact named `{name}`")]
    ArtifactExists {
        /// The artifact.
        name: String,
    },
    /// Spark refused an artifact: its name is absolute or has `..`, say.
    #[error("the server refused the artifact `{name}`: {message}")]
    ArtifactRejected {
        /// The artifact.
        name: String,
        /// Spark's words.
        message: String,
    },
    /// The server received something else than what was sent.
    #[error("the artifact `{name}` arrived damaged; upload it again")]
    ArtifactCorrupt {
        /// The artifact.
        name: String,
    },
    /// Anything else that the server said.
    #[error("the server failed: {message}")]
    Other {
        /// Spark's error class, such as `DIVIDE_BY_ZERO`.
        class: Option<String>,
        /// The Java exception's class, where there is one.
        exception: Option<String>,
        /// Spark's words, cut by Spark at 2048 characters.
        message: String,
    },
}
