//! How a client reaches a session: through the gateway where there is one, else at its replica. No I/O.

use std::fmt::Write as _;

use kube::ResourceExt;
use sparkconnect_api::{SparkConnectServer, SparkSession};
use sparkconnect_spark::{InstallationKey, Token};
use uuid::Uuid;

use super::identity;
use crate::gateway::{Address, Gateway};
use crate::live::CONNECT_PORT;
use crate::server::service_host;

/// What a client needs to reach a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Where it leads.
    pub address: Address,
    /// Identity on the server.
    pub user: String,
    /// The session's id.
    pub session_id: Uuid,
    /// The token that is asked for at that address; `Debug` hides it.
    pub token: Token,
    /// By which way.
    pub way: Way,
}

/// By which way a client reaches a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// At its replica, in plain text and with the token that all sessions of the server share.
    Direct,
    /// Through the gateway, over TLS and with a token of its own.
    Gateway {
        /// The certificate, PEM, of the authority that vouches for the gateway's; absent where it is not known.
        authority: Option<String>,
    },
}

impl Connection {
    /// To a session that has a replica; `None` before, and when nothing tells of its server while there is no gateway.
    pub fn of(
        session: &SparkSession,
        server: Option<&SparkConnectServer>,
        key: &InstallationKey,
        gateway: Option<&Gateway>,
    ) -> Option<Self> {
        let replica = session.status.as_ref()?.server.as_deref()?;
        let reference = identity::session_ref(session)?;
        let (address, token, way) = if let Some(gateway) = gateway {
            let authority = gateway.authority.certificate();
            let token = key.session_token(&session.uid()?);
            (gateway.address.clone(), token, Way::Gateway { authority })
        } else {
            let (server, port) = (server?, CONNECT_PORT);
            let host = format!("{replica}.{}", service_host(server));
            let token = key.server_token(&server.uid().unwrap_or_default());
            (Address { host, port }, token, Way::Direct)
        };
        Some(Self {
            address,
            user: reference.user,
            session_id: reference.session_id,
            token,
            way,
        })
    }

    /// Spark Connect URL without a token. The gateway knows the user by the token.
    pub fn url(&self) -> String {
        let (address, id) = (&self.address, self.session_id);
        match self.way {
            Way::Direct => {
                let user = percent_encode(&self.user);
                format!("sc://{address}/;user_id={user};session_id={id}")
            }
            Way::Gateway { .. } => format!("sc://{address}/;session_id={id}"),
        }
    }

    /// Spark Connect URL with the token, as every version of PySpark takes it: `token` makes it use TLS, which a server does
    /// not speak; there the token goes as an unknown parameter, which becomes gRPC metadata.
    pub fn uri(&self) -> String {
        let token = percent_encode(self.token.expose());
        match self.way {
            Way::Direct => format!("{};authorization=Bearer%20{token}", self.url()),
            Way::Gateway { .. } => {
                let (address, id) = (&self.address, self.session_id);
                format!("sc://{address}/;token={token};session_id={id}")
            }
        }
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
#[path = "connection_tests.rs"]
mod tests;
