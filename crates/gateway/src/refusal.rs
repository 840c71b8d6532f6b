//! Why a call does not go on, and what its client is told: the one place where an error becomes a gRPC status. Pure.
//!
//! PySpark tries a call again when its status is UNAVAILABLE, and shows the text of any other: so UNAVAILABLE is what passes by
//! itself, and everything else says what to do.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response};
use http_body_util::Empty;
use sparkconnect_telemetry::RequestId;

use crate::directory::Name;
use crate::message::Unfit;

/// Longest text that a client is told, in bytes: header lists are limited.
const TEXT: usize = 1024;
/// Header or trailer with the status.
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Header or trailer with its text.
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Status codes of gRPC that the gateway gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Code {
    /// The request is wrong in itself.
    InvalidArgument = 3,
    /// It took too long.
    DeadlineExceeded = 4,
    /// There is no such session or server.
    NotFound = 5,
    /// The caller is known and may not.
    PermissionDenied = 7,
    /// A limit is reached.
    ResourceExhausted = 8,
    /// The session is not in a state for it.
    FailedPrecondition = 9,
    /// There is no such method, or no such encoding.
    Unimplemented = 12,
    /// It may go well another time.
    Unavailable = 14,
    /// The caller is not known.
    Unauthenticated = 16,
}

/// Why a call does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path names no method of Spark Connect.
    #[error("the gateway knows no method {0}: it passes on Spark Connect's calls and nothing else")]
    UnknownMethod(String),
    /// It is no gRPC call at all.
    #[error("this is not a gRPC call: it takes POST with content-type application/grpc")]
    NotGrpc,
    /// Its messages must not go on.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The first message did not come in time.
    #[error("the first message did not come within {seconds} s")]
    Late {
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is no token.
    #[error("no token: put `;token=…` into the URL, or send `authorization: Bearer …`")]
    NoToken,
    /// Nobody is known by the token.
    #[error(
        "the token is not valid: it may have expired, or its session has ended. The session's connection Secret has the present one"
    )]
    UnknownToken,
    /// The cluster knows nobody by the token.
    #[error(
        "the token is not valid: the cluster did not make it for audience {audience}, or it has expired. `kubectl create token NAME --audience {audience}` makes one"
    )]
    UnknownJwt {
        /// The audience that it must be for.
        audience: String,
    },
    /// A token of the issuer that is not good.
    #[error("the token is not valid: {why}")]
    UntrustedToken {
        /// What is wrong with it.
        why: String,
    },
    /// The issuer does not answer.
    #[error("the token cannot be verified at the moment: {why}")]
    SilentIssuer {
        /// What came of asking it.
        why: String,
    },
    /// Spark cannot have a user of that name.
    #[error(
        "`{user}` cannot be a user on a server: the name must not be empty or have a space or a comma, or more than 253 characters"
    )]
    UnfitUser {
        /// The name.
        user: String,
    },
    /// The API server did not answer.
    #[error("the Kubernetes API does not say {what} at the moment")]
    Unsaid {
        /// What it was asked.
        what: &'static str,
    },
    /// RBAC does not let the caller use the server.
    #[error(
        "{user} may not use server {server}: it needs the verb `connect` on sparkconnectservers in its namespace"
    )]
    MayNot {
        /// Who called.
        user: String,
        /// The server.
        server: Name,
    },
    /// The call names no server, and its session is not known.
    #[error(
        "which server? Put `;x-sparkconnect-server=NAME.NAMESPACE` into the URL: no session of yours has the id that is called"
    )]
    NoServer,
    /// There is no such server.
    #[error("there is no SparkConnectServer {0}")]
    UnknownServer(Name),
    /// There is no such session, and the call begins none.
    #[error("you have no session {id}")]
    NoSession {
        /// Its id.
        id: String,
    },
    /// A session's id that is none.
    #[error("a session's id must be a UUID in lower case")]
    NoUuid,
    /// The API server does not let the session be made.
    #[error("no session can be made for you: {why}")]
    NotMade {
        /// What the API server said.
        why: String,
    },
    /// The token is one session's and the call another's.
    #[error(
        "the token is for session {own}, the call for {called}: put `;session_id={own}` into the URL"
    )]
    NotYourSession {
        /// Id of the token's session.
        own: String,
        /// Id that was called.
        called: String,
    },
    /// The session has ended.
    #[error("session {name} has ended: {why}. Make a new SparkSession")]
    Ended {
        /// Namespace and name of the SparkSession.
        name: String,
        /// What its status says.
        why: String,
    },
    /// The session is not ready yet.
    #[error("session {name} is not ready yet: {why}")]
    NotReady {
        /// Namespace and name of the SparkSession.
        name: String,
        /// What its status says.
        why: String,
    },
    /// The replica does not answer.
    #[error("replica {replica} does not answer")]
    Unreachable {
        /// Name of the driver pod.
        replica: String,
    },
    /// Too much of something at a time.
    #[error("too many {what} at a time; the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl Refusal {
    /// The status that the client gets.
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownMethod(_) | Self::Unfit(Unfit::Compressed) => Code::Unimplemented,
            Self::NotGrpc => Code::InvalidArgument,
            Self::Unfit(Unfit::TooLong { .. }) | Self::TooMany { .. } => Code::ResourceExhausted,
            Self::Unfit(Unfit::OtherSession { .. }) | Self::NotYourSession { .. } => {
                Code::PermissionDenied
            }
            Self::Unfit(Unfit::Malformed(_) | Unfit::NoSession | Unfit::Cut) => {
                Code::InvalidArgument
            }
            Self::Late { .. } => Code::DeadlineExceeded,
            Self::NoToken
            | Self::UnknownToken
            | Self::UnknownJwt { .. }
            | Self::UntrustedToken { .. } => Code::Unauthenticated,
            Self::UnfitUser { .. } | Self::MayNot { .. } => Code::PermissionDenied,
            Self::NoServer | Self::NoUuid => Code::InvalidArgument,
            Self::UnknownServer(_) | Self::NoSession { .. } => Code::NotFound,
            Self::NotMade { .. } => Code::FailedPrecondition,
            Self::Ended { .. } => Code::FailedPrecondition,
            Self::Unsaid { .. }
            | Self::SilentIssuer { .. }
            | Self::NotReady { .. }
            | Self::Unreachable { .. } => Code::Unavailable,
        }
    }

    /// Which refusal it is, for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownMethod(_) => "unknown_method",
            Self::NotGrpc => "not_grpc",
            Self::Unfit(Unfit::Compressed) => "compressed",
            Self::Unfit(Unfit::TooLong { .. }) => "too_long",
            Self::Unfit(Unfit::OtherSession { .. }) => "other_session_in_message",
            Self::Unfit(Unfit::Malformed(_) | Unfit::NoSession | Unfit::Cut) => "malformed",
            Self::Late { .. } => "late",
            Self::NoToken => "no_token",
            Self::UnknownToken | Self::UnknownJwt { .. } => "unknown_token",
            Self::UntrustedToken { .. } => "untrusted_token",
            Self::SilentIssuer { .. } => "issuer_silent",
            Self::UnfitUser { .. } => "unfit_user",
            Self::Unsaid { .. } => "api_server_away",
            Self::MayNot { .. } => "not_permitted",
            Self::NoServer => "no_server",
            Self::UnknownServer(_) => "unknown_server",
            Self::NoSession { .. } => "unknown_session",
            Self::NoUuid => "no_uuid",
            Self::NotMade { .. } => "session_not_made",
            Self::NotYourSession { .. } => "not_your_session",
            Self::Ended { .. } => "session_ended",
            Self::NotReady { .. } => "session_not_ready",
            Self::Unreachable { .. } => "replica_unreachable",
            Self::TooMany { .. } => "too_many_calls",
        }
    }

    /// The answer to the call `request`: a head with the status, and nothing after it. Its text names the call, for whoever is asked
    /// about it.
    pub fn response(&self, request: &RequestId) -> Response<Empty<Bytes>> {
        let mut response = Response::new(Empty::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, GRPC);
        headers.insert(GRPC_STATUS, HeaderValue::from(self.code() as u16));
        headers.insert(
            GRPC_MESSAGE,
            encoded(&self.to_string(), &format!(" (request {request})")),
        );
        if matches!(self, Self::Unfit(Unfit::Compressed)) {
            headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        response
    }
}

/// A text as gRPC's header takes it: percent-encoded but for printable ASCII, and cut where it is too long for `end`, which is plain, to
/// come after it.
fn encoded(text: &str, end: &str) -> HeaderValue {
    let mut value = String::with_capacity(text.len() + end.len());
    for byte in text.bytes() {
        let plain = (b' '..=b'~').contains(&byte) && byte != b'%';
        let length = if plain { 1 } else { 3 };
        if value.len() + length + end.len() > TEXT {
            break;
        }
        if plain {
            value.push(char::from(byte));
        } else {
            value.push_str(&format!("%{byte:02X}"));
        }
    }
    value.push_str(end);
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_kind_fits_into_the_header() {
        assert_eq!(encoded("is 100 % sure\n", " (7)"), "is 100 %25 sure%0A (7)");
        let long = encoded(&"é".repeat(2000), " (7)");
        assert!(long.len() <= TEXT, "{}", long.len());
        assert!(long.to_str().unwrap().ends_with("%A9 (7)"), "{long:?}");
    }

    #[test]
    fn the_answer_has_no_body_but_a_status() {
        let id = RequestId::given("r-1").unwrap();
        let response = Refusal::NoToken.response(&id);
        assert_eq!(response.headers()[GRPC_STATUS], "16");
        let text = response.headers()[GRPC_MESSAGE].to_str().unwrap();
        assert!(
            text.contains(";token=") && text.ends_with(" (request r-1)"),
            "{text}"
        );
        let response = Refusal::from(Unfit::Compressed).response(&id);
        assert_eq!(response.headers()[GRPC_ACCEPT_ENCODING], "identity");
    }
}

#[cfg(test)]
#[path = "refusal_page.rs"]
mod page;
