//! The server that a call asks for: by the metadata `x-sparkconnect-server`, or by the name that it was sent to. Pure.

use http::request::Parts;
use http::{HeaderName, Uri};

use crate::directory::Name;
use crate::refusal::Refusal;

/// Metadata with a server's namespace and name, as in `team/etl`, or name and namespace, as in `etl.team`: PySpark takes no `/` within a
/// URL, and passes a parameter that it does not know on as metadata.
pub const SERVER: HeaderName = HeaderName::from_static("x-sparkconnect-server");

/// Longest name of Kubernetes' that is a label of DNS.
const LABEL: usize = 63;

/// The server that a call asks for, if it names one. Below `domain`, `<server>.<namespace>.<domain>` is a server's own name.
///
/// # Errors
/// When what it names is no server.
pub fn server(call: &Parts, domain: Option<&str>) -> Result<Option<Name>, Refusal> {
    let mut all = call.headers.get_all(SERVER).iter();
    let Some(value) = all.next() else {
        return Ok(domain.and_then(|domain| by_authority(&call.uri, domain)));
    };
    match (value.to_str().ok().and_then(parts), all.next()) {
        (Some((namespace, name)), None) if is_label(namespace) && is_label(name) => {
            Ok(Some(Name::new(namespace, name)))
        }
        _ => Err(Refusal::NoServer),
    }
}

/// Namespace and name.
fn parts(text: &str) -> Option<(&str, &str)> {
    let dotted = || {
        text.split_once('.')
            .map(|(name, namespace)| (namespace, name))
    };
    text.split_once('/').or_else(dotted)
}

fn by_authority(uri: &Uri, domain: &str) -> Option<Name> {
    let host = uri.host()?.to_ascii_lowercase();
    let (name, namespace) = host
        .strip_suffix(domain)?
        .strip_suffix('.')?
        .split_once('.')?;
    (is_label(name) && is_label(namespace)).then(|| Name::new(namespace, name))
}

fn is_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= LABEL
        && text.bytes().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asked(authority: &str, metadata: &[&str]) -> Result<Option<String>, Refusal> {
        let mut request = Request::builder().uri(format!("https://{authority}/x"));
        for value in metadata {
            request = request.header(SERVER, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        server(&parts, Some("connect.example.com")).map(|name| name.map(|name| name.to_string()))
    }

    #[test]
    fn a_server_is_named_by_metadata_or_by_the_name_that_was_called() {
        let found = |authority, metadata| asked(authority, metadata).unwrap();
        assert_eq!(
            found("gateway:443", &["team/etl"]).as_deref(),
            Some("team/etl")
        );
        assert_eq!(
            found("gateway:443", &["etl.team"]).as_deref(),
            Some("team/etl")
        );
        let own = "etl.team.connect.example.com:443";
        assert_eq!(found(own, &[]).as_deref(), Some("team/etl"));
        assert_eq!(
            found(own, &["b/a"]).as_deref(),
            Some("b/a"),
            "metadata is said on purpose"
        );
        assert_eq!(
            found("ETL.team.Connect.example.com", &[]).as_deref(),
            Some("team/etl")
        );
        for other in [
            "gateway:443",
            "connect.example.com",
            "team.connect.example.com",
            "a.b.c.connect.example.com",
            "etl.teamconnect.example.com",
            "etl.team.connect.example.com.evil",
        ] {
            assert_eq!(found(other, &[]), None, "{other}");
        }
    }

    #[test]
    fn metadata_that_names_no_server_is_refused() {
        for metadata in [
            &["etl"][..],
            &["/etl"],
            &["team/"],
            &["team/etl/x"],
            &["etl.team.x"],
            &["etl."],
            &["Team/etl"],
            &["-a/b"],
            &["a/b", "a/b"],
            &["a/é"],
        ] {
            assert_eq!(
                asked("gateway", metadata),
                Err(Refusal::NoServer),
                "{metadata:?}"
            );
        }
    }
}
