//! Who a session is on its server, and how a client reaches it. No I/O.

use std::fmt::Write as _;

use kube::ResourceExt;
use sparkconnect_api::{SparkConnectServer, SparkSession};
use sparkconnect_spark::{SessionRef, Token};
use uuid::Uuid;

use crate::live::CONNECT_PORT;
use crate::placement::SessionName;
use crate::server::service_host;

/// Setting that holds the application's name.
const APP_NAME: &str = "spark.app.name";

/// The session's name on its server; `None` when `spec.sessionId` is no UUID, which the schema refuses.
pub fn session_ref(session: &SparkSession) -> Option<SessionRef> {
    let id = session.spec.session_id.clone().or_else(|| session.uid())?;
    Uuid::parse_str(&id)
        .ok()
        .map(|id| SessionRef::new(user(session), id))
}

/// The session as it was made: a call finds out if it was made anew since.
pub fn observed_ref(session: &SparkSession) -> Option<SessionRef> {
    let reference = session_ref(session)?;
    let made = session.status.as_ref()?.server_side_session_id.clone()?;
    Some(reference.observed(made))
}

/// What no other session may be called at the same time; `None` as for [`session_ref`].
pub fn name(session: &SparkSession) -> Option<SessionName> {
    let reference = session_ref(session)?;
    Some(SessionName {
        namespace: session.namespace().unwrap_or_default(),
        server: session.spec.server.clone(),
        user: reference.user,
        id: reference.session_id,
    })
}

/// Identity on the server.
pub fn user(session: &SparkSession) -> String {
    let own = || {
        format!(
            "{}/{}",
            session.namespace().unwrap_or_default(),
            session.name_any()
        )
    };
    session.spec.user.clone().unwrap_or_else(own)
}

/// What is set on the session, in order: its application's name first, so that `sparkConf` wins over `appName`.
pub fn settings(session: &SparkSession) -> Vec<(String, String)> {
    let app_name = session
        .spec
        .app_name
        .iter()
        .map(|name| (APP_NAME.to_owned(), name.clone()));
    let conf = session
        .spec
        .spark_conf
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    app_name.chain(conf).collect()
}

/// What a client needs to reach a session, apart from the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Host of the replica, inside the cluster.
    pub host: String,
    /// Identity on the server.
    pub user: String,
    /// The session's id.
    pub session_id: Uuid,
}

impl Connection {
    /// To the session of `reference` on the replica (driver pod) `replica` of `server`.
    pub fn new(server: &SparkConnectServer, replica: &str, reference: &SessionRef) -> Self {
        Self {
            host: format!("{replica}.{}", service_host(server)),
            user: reference.user.clone(),
            session_id: reference.session_id,
        }
    }

    /// Spark Connect URL without a token.
    pub fn url(&self) -> String {
        let Self {
            host,
            user,
            session_id,
        } = self;
        let user = percent_encode(user);
        format!("sc://{host}:{CONNECT_PORT}/;user_id={user};session_id={session_id}")
    }

    /// Spark Connect URL with the token, as every version of PySpark takes it: an unknown parameter becomes gRPC metadata,
    /// while `token` would force TLS.
    pub fn uri(&self, token: &Token) -> String {
        format!(
            "{};authorization=Bearer%20{}",
            self.url(),
            percent_encode(token.expose())
        )
    }
}

/// Everything but RFC 3986's unreserved characters, byte by byte of UTF-8.
fn percent_encode(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                write!(encoded, "%{byte:02X}").expect("a String takes everything");
            }
            encoded
        })
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
