//! `sc://host:port/;name=value;…`, as PySpark reads it. No I/O. No error shows a value: one may be a token.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use sparkconnect_spark::Token;

use crate::{Category, Error};

/// Port of a URL without one.
const PORT: u16 = 15002;

/// The parts of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectUrl {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    pub use_ssl: Option<bool>,
    pub token: Option<Token>,
    pub user_id: Option<String>,
    pub session_id: Option<String>,
    /// Everything else: headers of every call.
    pub metadata: BTreeMap<String, String>,
}

impl ConnectUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let rest = text
            .strip_prefix("sc://")
            .ok_or_else(|| wrong("it does not begin with sc://"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains(';') {
            return Err(wrong(
                "parameters stand behind a slash: sc://host:port/;name=value",
            ));
        }
        let (host, port) = authority_of(authority)?;
        let mut url = Self {
            host,
            port,
            ..Self::default()
        };
        let mut parameters = path.split(';');
        if parameters.next().is_some_and(|path| !path.is_empty()) {
            return Err(wrong("it has a path; Spark Connect has none"));
        }
        for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
            url.take(parameter)?;
        }
        Ok(url)
    }

    fn take(&mut self, parameter: &str) -> Result<(), Error> {
        let (name, value) = parameter
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| wrong("a parameter is not name=value"))?;
        let value = percent_decode_str(value).decode_utf8();
        let value = value
            .map_err(|_| wrong(format!("{name} is not UTF-8")))?
            .into_owned();
        match name {
            "use_ssl" => {
                self.use_ssl = Some(match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(wrong("use_ssl is neither true nor false")),
                });
            }
            "token" => self.token = Some(Token::new(value)),
            "user_id" => self.user_id = Some(value),
            "session_id" => self.session_id = Some(value),
            // A token is written so to go in the clear: PySpark takes `token` for a wish for TLS.
            "authorization" => {
                let token = value
                    .strip_prefix("Bearer ")
                    .ok_or_else(|| wrong("authorization is not of the form Bearer%20TOKEN"))?;
                self.token = Some(Token::new(token));
                self.use_ssl = self.use_ssl.or(Some(false));
            }
            // What PySpark calls itself, in its own words.
            "user_agent" => {}
            _ => {
                self.metadata.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }
}

fn authority_of(authority: &str) -> Result<(String, u16), Error> {
    let number = |text: &str| {
        text.parse()
            .map_err(|_| wrong(format!("`{text}` is not a port")))
    };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| wrong("a bracket is not closed"))?;
            let port = rest.strip_prefix(':').map_or(Ok(PORT), number)?;
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, number(port)?),
            None => (authority, PORT),
        },
    };
    if host.is_empty() || host.contains(char::is_whitespace) || host.contains('@') {
        return Err(wrong("it has no host"));
    }
    Ok((host.to_owned(), port))
}

fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new(
        Category::InvalidInput,
        format!("that is not a Spark Connect URL: {why}"),
    )
    .hint("write sc://HOST:PORT or sc://HOST:PORT/;name=value;name=value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read() {
        let url = ConnectUrl::parse(
            "sc://spark.example.com:443/;token=a%2Bb;user_id=ada;use_ssl=TRUE;session_id=6f1f0d4e;x-key=1;user_agent=me",
        )
        .unwrap();
        let expected = ConnectUrl {
            host: "spark.example.com".to_owned(),
            port: 443,
            use_ssl: Some(true),
            token: Some(Token::new("a+b")),
            user_id: Some("ada".to_owned()),
            session_id: Some("6f1f0d4e".to_owned()),
            metadata: BTreeMap::from([("x-key".to_owned(), "1".to_owned())]),
        };
        assert_eq!(url, expected);
        let url = ConnectUrl::parse("sc://a/;authorization=Bearer%20abc").unwrap();
        assert_eq!(
            (url.token, url.use_ssl),
            (Some(Token::new("abc")), Some(false))
        );
        assert!(url.metadata.is_empty());
    }

    #[test]
    fn hosts_come_in_every_form() {
        for (text, host, port) in [
            ("sc://a", "a", 15002),
            ("sc://a/", "a", 15002),
            ("sc://a:1/;", "a", 1),
            ("sc://[::1]:2", "::1", 2),
            ("sc://[::1]", "::1", 15002),
        ] {
            let url = ConnectUrl::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_without_showing_it() {
        for text in [
            "http://a",
            "sc://",
            "sc://:1",
            "sc://a:b",
            "sc://a/path;token=hidden",
            "sc://a;token=hidden",
            "sc://a/;hidden",
            "sc://a/;=hidden",
            "sc://a/;use_ssl=hidden",
            "sc://a/;authorization=hidden",
            "sc://hidden@a",
        ] {
            let error = ConnectUrl::parse(text).unwrap_err();
            assert_eq!(error.category(), Category::InvalidInput, "{text}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
