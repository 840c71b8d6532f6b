//! Sessions as this client speaks of them: what is asked for, what is told, how one is reached. No I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, Serializer};
use sparkconnect_spark::Token;

/// Longest message by default, in bytes: what PySpark has.
pub(crate) const MAX_MESSAGE_SIZE: u32 = 128 << 20;

/// What stands for something else in a URL's parameter, or might.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a new session is to be. In JSON lengths of time are seconds, and what is unknown is refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionRequest {
    /// `spark.app.name` of the session.
    pub app_name: Option<String>,
    /// The server to make it on; absent: the back end's own choice.
    pub server: Option<String>,
    /// Name of its resource; absent: made up from the app's name.
    pub name: Option<String>,
    /// Its id on the server, a UUID; absent: made up.
    pub session_id: Option<String>,
    /// Who it belongs to on the server; absent: the back end's default.
    pub user: Option<String>,
    /// Settings of the session.
    pub spark_conf: BTreeMap<String, String>,
    /// It ends without activity for so long; absent: the server's own.
    #[serde(deserialize_with = "crate::seconds::optional")]
    pub idle_timeout: Option<Duration>,
    /// It ends at this age; absent: the server's own.
    #[serde(deserialize_with = "crate::seconds::optional")]
    pub ttl: Option<Duration>,
    /// Labels of its resource.
    pub labels: BTreeMap<String, String>,
}

/// The state of a session in the words of this client; the back end's own word stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// It is being made.
    Pending,
    /// It lives and takes queries.
    Ready,
    /// It was ended by its user.
    Closed,
    /// It was ended for idleness or age.
    Expired,
    /// Its server is gone, and the session with it.
    Lost,
    /// It could not be made.
    Failed,
    /// The back end does not say.
    Unknown,
}

impl SessionState {
    /// The state's name, such as `ready`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Closed | Self::Expired | Self::Lost | Self::Failed
        )
    }
}

/// What there is to tell of a session. A field is absent where the back end does not know it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionInfo {
    /// Its id on the server, a UUID; absent before it has one.
    pub session_id: Option<String>,
    /// Name of its resource.
    pub name: Option<String>,
    /// Namespace of its resource.
    pub namespace: Option<String>,
    /// Its application's name.
    pub app_name: Option<String>,
    /// Who it belongs to on the server.
    pub user: Option<String>,
    /// The server that it lives on.
    pub server: Option<String>,
    /// Its state.
    pub state: SessionState,
    /// Its state in the back end's own word.
    pub peer_state: Option<String>,
    /// Why it is in that state, as a sentence.
    pub message: Option<String>,
    /// Version of Spark that it runs on.
    pub spark_version: Option<String>,
    /// Its URL, without a token.
    pub url: Option<String>,
    /// Address of its server's UI, once that was reached from here.
    pub ui_url: Option<String>,
    /// When it was made.
    pub start_time: Option<Timestamp>,
    /// When it was last at work.
    pub last_activity_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
}

/// Who counted a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The operator, in the session's status: whoever used the session is counted.
    Status,
    /// The Spark server's REST API: whoever used the session is counted.
    Server,
    /// This client: only what went through it is counted.
    Client,
}

impl Source {
    /// The source's name, such as `status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A number, and who counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The number.
    pub value: i64,
    /// Who counted.
    pub source: Source,
}

/// What a session has done. What nobody counted is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SessionMetrics {
    /// Operations started.
    pub queries_executed: Option<Counted>,
    /// Operations running now.
    pub active_queries: Option<Counted>,
    /// Operations that failed.
    pub failed_queries: Option<Counted>,
    /// Artifacts uploaded.
    pub artifacts_uploaded: Option<Counted>,
    /// Bytes read by finished jobs.
    pub data_read_bytes: Option<Counted>,
    /// Bytes written by finished jobs.
    pub data_written_bytes: Option<Counted>,
    /// Milliseconds of execution, summed over operations.
    pub execution_time_ms: Option<Counted>,
}

/// A file for a session: `pyfiles/x.py`, `jars/x.jar`, `files/x.csv` or `archives/x.zip`, by its name on the server.
#[derive(Clone, Debug)]
pub struct File {
    /// Name on the server; its first part says what it is for.
    pub name: String,
    /// The content.
    pub content: Bytes,
}

impl Serialize for SessionState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A session that this client made or opened.
#[derive(Debug)]
pub struct Session {
    /// What it was when it was made or opened.
    pub info: SessionInfo,
    /// How it is reached. Where that goes through this process, it does as long as this value lives.
    pub connection: Connection,
    /// What has to live as long as the connection.
    pub(crate) _way: Option<Box<dyn fmt::Debug + Send + Sync>>,
}

/// Whom to trust as the server of a TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates of authorities, PEM; absent: those of the system.
    pub ca: Option<String>,
    /// The name that the server's certificate must have, where it is not the host's.
    pub server_name: Option<String>,
}

/// How a session is reached over Spark Connect. `Debug` shows neither its token nor the values of its metadata.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS and whom it trusts; absent: plaintext.
    pub tls: Option<Trust>,
    /// The token that is sent as `authorization: Bearer`.
    pub token: Option<Token>,
    /// Who the session belongs to.
    pub user_id: Option<String>,
    /// The session's id, a UUID.
    pub session_id: String,
    /// More headers of every call.
    pub metadata: BTreeMap<String, String>,
    /// Longest message in bytes.
    pub max_message_size: u32,
}

impl Connection {
    /// `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL for PySpark, without token and metadata.
    pub fn url(&self) -> String {
        self.assembled(false)
    }

    /// The whole URL for PySpark, token and metadata included: worth what a password is.
    pub fn url_with_token(&self) -> String {
        self.assembled(true)
    }

    fn assembled(&self, secrets: bool) -> String {
        let mut parameters = vec![("session_id", self.session_id.as_str())];
        let user = self.user_id.as_deref().map(|user| ("user_id", user));
        parameters.extend(user);
        if self.tls.is_some() {
            parameters.push(("use_ssl", "true"));
        }
        // PySpark takes `token` for a wish for TLS; in the clear it sends one only as the header that it is.
        let clear = self.token.as_ref().map(Token::expose);
        let bearer = clear
            .map(|token| format!("Bearer {token}"))
            .unwrap_or_default();
        if secrets {
            if let Some(token) = clear {
                parameters.push(match self.tls {
                    Some(_) => ("token", token),
                    None => ("authorization", &bearer),
                });
            }
            let metadata = self.metadata.iter();
            parameters.extend(metadata.map(|(name, value)| (name.as_str(), value.as_str())));
        }
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ESCAPED)));
        let parameters: Vec<_> = parameters.collect();
        format!("sc://{}/;{}", self.authority(), parameters.join(";"))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("url", &self.url())
            .field("token", &self.token)
            .field("metadata", &self.metadata.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            host: "127.0.0.1".to_owned(),
            port: 15002,
            tls: None,
            token: Some(Token::new("a+b/c= d")),
            user_id: Some("ada".to_owned()),
            session_id: "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10".to_owned(),
            metadata: BTreeMap::from([("x-key".to_owned(), "hidden".to_owned())]),
            max_message_size: MAX_MESSAGE_SIZE,
        }
    }

    #[test]
    fn the_url_escapes_what_it_must() {
        assert_eq!(
            connection().url_with_token(),
            "sc://127.0.0.1:15002/;session_id=6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10;user_id=ada;\
             authorization=Bearer%20a%2Bb%2Fc%3D%20d;x-key=hidden"
        );
        let secure = Connection {
            host: "::1".to_owned(),
            tls: Some(Trust::default()),
            user_id: None,
            ..connection()
        };
        assert_eq!(
            secure.url(),
            "sc://[::1]:15002/;session_id=6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10;use_ssl=true"
        );
        let whole = secure.url_with_token();
        assert!(whole.contains(";token=a%2Bb%2Fc%3D%20d;"), "{whole}");
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!("{:?}", connection());
        assert!(
            !shown.contains("a+b") && !shown.contains("hidden"),
            "{shown}"
        );
    }
}
