//! How a session is reached, as its connection Secret says. Pure. No error shows what is in the Secret.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use crate::connect::url::ConnectUrl;
use crate::session::MAX_MESSAGE_SIZE;
use crate::{Category, Connection, Error, Trust};

/// The connection that the Secret describes.
pub(super) fn connection(secret: &Secret) -> Result<Connection, Error> {
    let uri = entry(secret, "uri")?.ok_or_else(|| broken(secret, "has no `uri`"))?;
    let url = ConnectUrl::parse(&uri).map_err(|error| error.hint(OLD))?;
    let session_id = url.session_id.or(entry(secret, "sessionId")?);
    let tls = url.use_ssl.unwrap_or(true);
    let ca = entry(secret, "ca.crt")?;
    Ok(Connection {
        host: url.host,
        port: url.port,
        tls: tls.then_some(Trust {
            ca,
            server_name: None,
        }),
        token: url.token,
        user_id: url.user_id.or(entry(secret, "userId")?),
        session_id: session_id.ok_or_else(|| broken(secret, "names no session"))?,
        metadata: url.metadata,
        max_message_size: MAX_MESSAGE_SIZE,
    })
}

const OLD: &str = "is the operator of another version than this client?";

fn entry(secret: &Secret, key: &str) -> Result<Option<String>, Error> {
    let data = secret.data.as_ref();
    let Some(ByteString(bytes)) = data.and_then(|data| data.get(key)) else {
        return Ok(None);
    };
    match String::from_utf8(bytes.clone()) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(broken(secret, &format!("has a `{key}` that is not UTF-8"))),
    }
}

fn broken(secret: &Secret, what: &str) -> Error {
    let name = secret.name_any();
    Error::new(
        Category::Protocol,
        format!("the connection Secret {name} {what}"),
    )
    .hint(OLD)
}

#[cfg(test)]
mod tests {
    use sparkconnect_spark::Token;

    use super::*;

    fn secret(entries: &[(&str, &str)]) -> Secret {
        let entries = entries.iter();
        let data = entries.map(|(key, value)| {
            let value = ByteString(value.as_bytes().to_vec());
            ((*key).to_owned(), value)
        });
        Secret {
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

    #[test]
    fn through_a_gateway_it_is_tls_with_the_installations_authority() {
        let uri = format!("sc://gateway.system.svc:443/;token=abc;session_id={ID}");
        let found = connection(&secret(&[
            ("uri", &uri),
            ("ca.crt", "PEM"),
            ("userId", "team/ada"),
        ]));
        let expected = Connection {
            host: "gateway.system.svc".to_owned(),
            port: 443,
            tls: Some(Trust {
                ca: Some("PEM".to_owned()),
                server_name: None,
            }),
            token: Some(Token::new("abc")),
            user_id: Some("team/ada".to_owned()),
            session_id: ID.to_owned(),
            metadata: [].into(),
            max_message_size: MAX_MESSAGE_SIZE,
        };
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn straight_to_a_replica_it_is_in_the_clear() {
        let uri = format!(
            "sc://demo-0.demo.team.svc:15002/;user_id=team%2Fada;session_id={ID};authorization=Bearer%20abc"
        );
        let found = connection(&secret(&[("uri", &uri)])).unwrap();
        assert_eq!(found.tls, None);
        assert_eq!(found.token, Some(Token::new("abc")));
        assert_eq!(found.user_id.as_deref(), Some("team/ada"));
    }

    #[test]
    fn one_that_says_too_little_is_told_without_its_content() {
        for entries in [
            &[("token", "hidden")][..],
            &[("uri", "hidden")],
            &[("uri", "sc://h/;token=hidden")],
        ] {
            let error = connection(&secret(entries)).unwrap_err();
            assert!(error.hint_text().is_some_and(|hint| hint == OLD));
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
