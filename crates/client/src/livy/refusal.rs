//! What Livy's refusals mean. It has many forms for them: JSON with `msg`, a bare JSON string, a page of HTML, nothing at all. Pure.

use http::StatusCode;
use serde::Deserialize;

use crate::{Category, Error};

/// Longest text of Livy's that an error has, in characters.
const LONGEST: usize = 500;
/// What the page says that refuses a request without the header `X-Requested-By`.
const CROSS_SITE: &str = "Missing Required Header for CSRF protection";
/// What newer versions put before a reason.
const PREFIX: &str = "Rejected, Reason: ";

const MISREAD: &str =
    "Livy cannot read the request: is it of a version that lacks one of its fields?";
const NO_LIVY: &str = "does `url` lead to Livy, and not to a page of it or of a proxy?";

/// A refusal in Livy's own words, where it has some.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Message { msg: String },
    Text(String),
}

/// The error that an answer other than success is, while `doing` something.
pub(super) fn refusal(status: StatusCode, body: &[u8], doing: &str) -> Error {
    if String::from_utf8_lossy(body).contains(CROSS_SITE) {
        let message = format!("{doing} failed: the header X-Requested-By did not reach Livy");
        return Error::new(Category::PermissionDenied, message)
            .hint("this client sends it: a proxy on the way drops it");
    }
    let said: Option<Said> = serde_json::from_slice(body).ok();
    let reason = said.as_ref().and_then(Said::reason);
    let (category, hint) = match said {
        // What its parser of JSON says: nothing has looked at what is asked for yet.
        Some(Said::Text(_)) if status == StatusCode::BAD_REQUEST => {
            (Category::InvalidInput, Some(MISREAD))
        }
        _ => meaning(status, reason.as_deref()),
    };
    let reason = reason.unwrap_or_else(|| format!("the answer is {status}"));
    let error = Error::new(category, format!("{doing} failed: {reason}"));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

impl Said {
    /// The first line: what follows is where a parser was.
    fn reason(&self) -> Option<String> {
        let (Self::Message { msg: text } | Self::Text(text)) = self;
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let line: String = text.lines().next()?.chars().take(LONGEST).collect();
        (!line.is_empty()).then_some(line)
    }
}

fn meaning(status: StatusCode, said: Option<&str>) -> (Category, Option<&'static str>) {
    match (status.as_u16(), said) {
        (400, Some(said)) => bad_request(said),
        (401, _) => (
            Category::Unauthenticated,
            Some("give `basic_auth`, or the header that the server or its proxy demands"),
        ),
        (403, _) => (
            Category::PermissionDenied,
            Some("Livy's settings say who may do what, and who may run as whom (`proxy_user`)"),
        ),
        (404, Some(_)) => (
            Category::NotFound,
            Some("Livy forgets a batch some time after its end, 10 minutes by default"),
        ),
        (400 | 413, _) => (Category::InvalidInput, None),
        (300..=399 | 404 | 405, _) => (Category::Protocol, Some(NO_LIVY)),
        (408 | 429 | 502..=504, _) => (Category::Unavailable, Some("ask again later")),
        _ => (Category::Failed, Some("Livy's own log says more")),
    }
}

fn bad_request(said: &str) -> (Category, Option<&'static str>) {
    if said.starts_with("Duplicate session name") {
        let hint = "choose another name, or delete that one";
        return (Category::AlreadyExists, Some(hint));
    }
    if said.starts_with("Rejected, too many sessions") {
        let hint = "Livy starts as many as it may at once; submit it again later";
        return (Category::Unavailable, Some(hint));
    }
    let hint = if said.contains("cannot be added to user sessions") {
        Some("Livy's setting livy.file.local-dir-whitelist names the folders that files may be in")
    } else if said.contains("is not absolute") {
        Some("write the path in full, or a URL such as hdfs:///jobs/a.py: it is read by Livy")
    } else if said.starts_with("Invalid session name") {
        Some("a name of digits alone would be taken for a number of Livy's")
    } else {
        None
    };
    (Category::InvalidInput, hint)
}

/// What an answer is that reads like none of Livy's.
pub(super) fn not_livy(doing: &str, error: serde_json::Error) -> Error {
    let message = format!("{doing} failed: the answer is not what Livy answers");
    Error::new(Category::Protocol, message)
        .caused_by(error)
        .hint(NO_LIVY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        refusal(
            StatusCode::from_u16(status).unwrap(),
            body.as_bytes(),
            "reading",
        )
    }

    #[test]
    fn every_refusal_has_its_category_and_livys_words() {
        let many = "Rejected, too many sessions are being created!";
        let page = "<pre>    Missing Required Header for CSRF protection.</pre>";
        for (status, body, category, told) in [
            (
                404,
                r#"{"msg":"Session '9' not found."}"#,
                Category::NotFound,
                "Session '9'",
            ),
            (404, "", Category::Protocol, "404"),
            (405, "", Category::Protocol, "405"),
            (302, "<html>", Category::Protocol, "302"),
            (400, page, Category::PermissionDenied, "X-Requested-By"),
            (
                400,
                r#"{"msg":"Rejected, Reason: no"}"#,
                Category::InvalidInput,
                "failed: no",
            ),
            (
                400,
                r#""Unexpected end\n at [Source""#,
                Category::InvalidInput,
                "failed: Unexpected end",
            ),
            (
                400,
                r#"{"msg":"Duplicate session name: Some(a)"}"#,
                Category::AlreadyExists,
                "Some(a)",
            ),
            (
                400,
                &format!(r#"{{"msg":"{many}"}}"#),
                Category::Unavailable,
                many,
            ),
            (401, "<html>", Category::Unauthenticated, "401"),
            (
                403,
                r#"{"msg":"not allowed"}"#,
                Category::PermissionDenied,
                "not allowed",
            ),
            (500, r#""it broke""#, Category::Failed, "it broke"),
            (503, "<html>", Category::Unavailable, "503"),
        ] {
            let error = refused(status, body);
            assert_eq!(error.category(), category, "{status} {body}");
            assert!(error.to_string().contains(told), "{error}");
            assert!(!error.to_string().contains(['<', '\n']), "{error}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let error = refused(500, &format!(r#""{}""#, "a".repeat(10_000)));
        assert!(error.to_string().len() < 600);
    }
}
