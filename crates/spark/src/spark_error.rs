//! Reads Spark's errors out of gRPC statuses. No I/O.
//!
//! Spark answers INTERNAL to nearly everything and puts what it means into `google.rpc.ErrorInfo`: metadata `errorClass`
//! where the error has one, and `reason`, the exception's Java class. SQL states differ between versions: not used.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::Error;

/// What `status` means, whatever the call was.
pub(crate) fn classify(status: Status, call: &'static str, patience: Duration) -> Error {
    if status.source().is_some() {
        return transport(status);
    }
    match status.code() {
        Code::Unauthenticated => Error::Unauthenticated,
        Code::Unimplemented => Error::Unsupported { call },
        Code::DeadlineExceeded => Error::TimedOut { after: patience },
        Code::Unavailable => unreachable(status),
        _ => said(&status),
    }
}

fn said(status: &Status) -> Error {
    let info = Info::of(status);
    let message = status.message().to_owned();
    match info.class() {
        Some("INVALID_HANDLE.SESSION_NOT_FOUND") => Error::SessionNotFound,
        Some("INVALID_HANDLE.SESSION_CLOSED") => Error::SessionClosed,
        Some("INVALID_HANDLE.SESSION_CHANGED") => Error::SessionChanged,
        Some("INVALID_HANDLE.FORMAT") => Error::InvalidFormat { message },
        class => Error::Other {
            class: class.map(str::to_owned),
            exception: info.exception(),
            message,
        },
    }
}

/// As [`classify`] said, for a call that set, unset or read the settings `keys`.
pub(crate) fn about_settings(error: Error, status: &Status, keys: &[&str]) -> Error {
    let info = Info::of(status);
    match error {
        Error::Other {
            class,
            exception,
            message,
        } if refusal(&class, exception.as_deref()) => {
            let named = ["key", "confName", "sqlConf"]
                .iter()
                .find_map(|name| info.parameter(name));
            // 4.0 has neither class nor parameters for a bad value, but names the setting in its words.
            let key = named.or_else(|| {
                let mut found = keys.iter().filter(|&&key| message.contains(key));
                found
                    .next()
                    .filter(|_| found.next().is_none())
                    .map(|&key| key.to_owned())
            });
            Error::ConfRejected { key, message }
        }
        error => error,
    }
}

/// As [`classify`] said, for the upload of the artifact `name`.
pub(crate) fn about_artifact(error: Error, name: &str) -> Error {
    let name = name.to_owned();
    match error {
        Error::Other {
            class: Some(class), ..
        } if class == "ARTIFACT_ALREADY_EXISTS" => Error::ArtifactExists { name },
        Error::Other {
            class,
            exception,
            message,
        } if refusal(&class, exception.as_deref()) => Error::ArtifactRejected { name, message },
        error => error,
    }
}

/// Whether the server judged the request, rather than failed at it: only then does a class or an argument error come.
fn refusal(class: &Option<String>, exception: Option<&str>) -> bool {
    class.is_some() || exception.is_some_and(|name| name.ends_with("IllegalArgumentException"))
}

struct Info {
    reason: String,
    metadata: HashMap<String, String>,
}

impl Info {
    fn of(status: &Status) -> Self {
        match status.get_details_error_info() {
            Some(info) => Self {
                reason: info.reason,
                metadata: info.metadata,
            },
            None => Self {
                reason: String::new(),
                metadata: HashMap::new(),
            },
        }
    }

    fn class(&self) -> Option<&str> {
        self.metadata
            .get("errorClass")
            .map(String::as_str)
            .filter(|class| !class.is_empty())
    }

    fn exception(&self) -> Option<String> {
        Some(self.reason.clone()).filter(|reason| !reason.is_empty())
    }

    /// A parameter of the error's message; Spark quotes some of them.
    fn parameter(&self, name: &str) -> Option<String> {
        let parameters = self.metadata.get("messageParameters")?;
        let parameters: HashMap<String, String> = serde_json::from_str(parameters).ok()?;
        parameters
            .get(name)
            .map(|value| value.trim_matches(['"', '`']).to_owned())
    }
}

fn transport(status: Status) -> Error {
    let causes = causes(&status);
    let broken_protocol = causes
        .iter()
        .filter_map(|error| error.downcast_ref::<h2::Error>())
        .any(|error| error.is_library() && !error.is_io());
    let message = causes.last().map(ToString::to_string).unwrap_or_default();
    if broken_protocol {
        return Error::NotSparkConnect {
            message: format!("it does not speak HTTP/2: {message}"),
        };
    }
    unreachable(status)
}

/// The errors below `status`, outermost first.
fn causes(status: &Status) -> Vec<&(dyn StdError + 'static)> {
    let mut causes = Vec::new();
    let mut next = status.source();
    while let Some(error) = next {
        causes.push(error);
        next = error.source();
    }
    causes
}

/// How rustls begins to say that a certificate is not good.
const UNTRUSTED: &str = "invalid peer certificate";

fn unreachable(status: Status) -> Error {
    let causes = causes(&status);
    let innermost = causes.last();
    let message = innermost.map_or_else(|| status.message().to_owned(), ToString::to_string);
    if message.starts_with(UNTRUSTED) {
        return Error::Untrusted { message };
    }
    Error::Unreachable {
        message,
        source: Box::new(status),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(reason: &str, metadata: &[(&str, &str)], message: &str) -> Status {
        let metadata: HashMap<String, String> = metadata
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let details = ErrorDetails::with_error_info(reason, "org.apache.spark", metadata);
        Status::with_error_details(Code::Internal, message, details)
    }

    fn classified(status: &Status) -> Error {
        classify(status.clone(), "Config", Duration::from_secs(1))
    }

    #[test]
    fn session_errors_are_told_apart_by_class() {
        type Is = fn(&Error) -> bool;
        let table: [(&str, Is); 4] = [
            ("SESSION_NOT_FOUND", |e| matches!(e, Error::SessionNotFound)),
            ("SESSION_CLOSED", |e| matches!(e, Error::SessionClosed)),
            ("SESSION_CHANGED", |e| matches!(e, Error::SessionChanged)),
            ("FORMAT", |e| matches!(e, Error::InvalidFormat { .. })),
        ];
        for (class, is) in table {
            let class = format!("INVALID_HANDLE.{class}");
            let error = classified(&status("x", &[("errorClass", &class)], "m"));
            assert!(is(&error), "{class} gave {error:?}");
        }
    }

    #[test]
    fn a_refused_setting_is_named() {
        let (argument, analysis) = (
            "java.lang.IllegalArgumentException",
            "org.apache.spark.sql.AnalysisException",
        );
        let quoted = r#"{"key":"\"spark.b\""}"#;
        let table = [
            // 4.1 and newer, a setting of the server.
            (
                status(
                    analysis,
                    &[
                        ("errorClass", "CANNOT_MODIFY_CONFIG"),
                        ("messageParameters", quoted),
                    ],
                    "m",
                ),
                Some("spark.b"),
            ),
            // 4.1 and newer, a bad value.
            (
                status(
                    argument,
                    &[
                        ("errorClass", "INVALID_CONF_VALUE.TYPE_MISMATCH"),
                        ("messageParameters", r#"{"confName":"spark.a"}"#),
                    ],
                    "m",
                ),
                Some("spark.a"),
            ),
            // 4.0, a bad value.
            (
                status(argument, &[], "spark.a should be int, but was abc"),
                Some("spark.a"),
            ),
            // Nothing tells which.
            (status(argument, &[], "no"), None),
        ];
        for (status, expected) in table {
            match about_settings(classified(&status), &status, &["spark.a", "spark.b"]) {
                Error::ConfRejected { key, .. } => assert_eq!(key.as_deref(), expected),
                other => panic!("{status:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn a_failing_server_does_not_blame_the_request() {
        let status = status(
            "java.lang.IllegalStateException",
            &[],
            "stopped SparkContext",
        );
        let error = about_settings(classified(&status), &status, &["spark.a"]);
        assert!(matches!(error, Error::Other { .. }), "{error:?}");
        let error = about_artifact(classified(&status), "files/a");
        assert!(matches!(error, Error::Other { .. }), "{error:?}");
    }

    #[test]
    fn artifact_errors_carry_the_artifact() {
        let exists = status("x", &[("errorClass", "ARTIFACT_ALREADY_EXISTS")], "m");
        let error = about_artifact(classified(&exists), "files/a");
        assert!(matches!(error, Error::ArtifactExists { ref name } if name == "files/a"));
        let path = status("x", &[("errorClass", "INVALID_ARTIFACT_PATH")], "m");
        let error = about_artifact(classified(&path), "files/a");
        assert!(matches!(error, Error::ArtifactRejected { .. }), "{error:?}");
    }
}
