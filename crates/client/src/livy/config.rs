//! Where a Livy server is and how it is reached, checked before anything is sent. No I/O.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING,
};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use sparkconnect_spark::Token;

use crate::{Category, Error};

/// The header without which a Livy that guards against cross-site requests refuses whatever changes something. Any value will do.
const REQUESTED_BY: HeaderName = HeaderName::from_static("x-requested-by");
/// Headers that belong to the connection or to what is sent.
const NOT_GIVEN: [HeaderName; 5] = [
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
];

/// Where the server is and how it is reached.
#[derive(Clone, Debug)]
pub struct LivyConfig {
    /// `http://host:8998` or `https://…`, with a path where a proxy has put Livy below one.
    pub url: String,
    /// User and password of HTTP's basic authentication.
    pub basic_auth: Option<BasicAuth>,
    /// More headers of every request, such as those that a proxy demands.
    pub headers: BTreeMap<String, Token>,
    /// Certificates of the authorities to trust, PEM; absent: those of the system. For https only.
    pub ca: Option<String>,
    /// Longest time for one request, from the connection to the last byte.
    pub timeout: Duration,
    /// Whether a password, or an `authorization` header, may be sent without TLS to a host that is not this one. Who reads along has it then.
    pub allow_plaintext_password: bool,
}

/// User and password. `Debug` hides the password.
#[derive(Clone, Debug)]
pub struct BasicAuth {
    /// The user, without a colon.
    pub user: String,
    /// The password.
    pub password: Token,
}

impl LivyConfig {
    /// A server by its URL: 30 s a request, no authentication, a password only over TLS or to this host.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            basic_auth: None,
            headers: BTreeMap::new(),
            ca: None,
            timeout: Duration::from_secs(30),
            allow_plaintext_password: false,
        }
    }

    /// The URL without a slash at its end, when all that is given goes together.
    pub(super) fn base(&self) -> Result<Base, Error> {
        let base = Base::parse(&self.url)?;
        if self.ca.is_some() && !base.tls {
            return Err(invalid(
                "certificates (`ca`) are given, but `url` is not https",
            ));
        }
        let authorized = self.basic_auth.is_some() || self.authorization_header();
        if authorized && !(base.tls || base.is_this_host() || self.allow_plaintext_password) {
            let error = invalid(format!(
                "the password would go to {} in the clear",
                base.host
            ));
            return Err(error.hint(
                "use https, or allow it (`allow_plaintext_password`) where nobody can read along",
            ));
        }
        Ok(base)
    }

    /// The headers of every request, their values marked as secret.
    pub(super) fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(REQUESTED_BY, HeaderValue::from_static("sparkconnect"));
        for (name, value) in &self.headers {
            let known = HeaderName::try_from(name).ok();
            let known = known.filter(|known| !NOT_GIVEN.contains(known));
            let known = known
                .ok_or_else(|| invalid(format!("`headers` has `{name}`, which cannot be given")))?;
            headers.insert(known, secret(value.expose(), name)?);
        }
        if let Some(BasicAuth { user, password }) = &self.basic_auth {
            if self.authorization_header() {
                return Err(invalid(
                    "`basic_auth` and an `authorization` header are both given",
                ));
            }
            if user.contains(':') {
                return Err(invalid(
                    "the user of `basic_auth` has a colon, which no user can",
                ));
            }
            let both = STANDARD.encode(format!("{user}:{}", password.expose()));
            headers.insert(
                AUTHORIZATION,
                secret(&format!("Basic {both}"), "authorization")?,
            );
        }
        Ok(headers)
    }

    fn authorization_header(&self) -> bool {
        let mut names = self.headers.keys();
        names.any(|name| name.eq_ignore_ascii_case(AUTHORIZATION.as_str()))
    }
}

/// A URL that was taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// Without a slash at its end.
    pub(super) url: String,
    pub(super) tls: bool,
    host: String,
}

impl Base {
    /// The text is not shown in an error: it may hold a password.
    fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            invalid(format!("`url` {what}")).hint("write it as in http://livy.example:8998")
        };
        let uri: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(wrong("is no http or https URL"));
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(wrong("is neither http nor https"));
        }
        if authority.as_str().contains('@') {
            return Err(wrong("has a user in it").hint("give user and password as `basic_auth`"));
        }
        if uri.query().is_some() {
            return Err(wrong("has a query"));
        }
        let path = uri.path().trim_end_matches('/');
        Ok(Self {
            url: format!("{scheme}://{authority}{path}"),
            tls: *scheme == Scheme::HTTPS,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
        })
    }

    fn is_this_host(&self) -> bool {
        let address: Result<IpAddr, _> = self.host.parse();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

fn secret(value: &str, name: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| invalid(format!("the value of the header `{name}` cannot be sent")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Category::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_password(url: &str) -> LivyConfig {
        LivyConfig {
            basic_auth: Some(BasicAuth {
                user: "ada".to_owned(),
                password: Token::new("hidden"),
            }),
            ..LivyConfig::new(url)
        }
    }

    fn with_header(name: &str, value: &str) -> LivyConfig {
        LivyConfig {
            headers: BTreeMap::from([(name.to_owned(), Token::new(value))]),
            ..LivyConfig::new("http://far.example")
        }
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (text, url, tls) in [
            ("http://livy:8998", "http://livy:8998", false),
            (
                "https://livy.example/a/b/",
                "https://livy.example/a/b",
                true,
            ),
            ("http://[::1]:1/", "http://[::1]:1", false),
        ] {
            let base = LivyConfig::new(text).base().expect(text);
            assert_eq!((base.url.as_str(), base.tls), (url, tls));
        }
        for bad in [
            "",
            "livy",
            "livy:8998",
            "ftp://livy",
            "http://a b",
            "http://livy?x=1",
        ] {
            let error = LivyConfig::new(bad).base().unwrap_err();
            assert_eq!(error.category(), Category::InvalidInput, "{bad}");
        }
        let error = LivyConfig::new("http://ada:hidden@livy")
            .base()
            .unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hidden"),
            "{error:?}"
        );
    }

    #[test]
    fn a_password_goes_in_the_clear_only_where_that_is_allowed() {
        for url in [
            "http://127.0.0.1:8998",
            "http://localhost",
            "http://[::1]",
            "https://far.example",
        ] {
            with_password(url).base().expect(url);
        }
        for far in [
            with_password("http://far.example"),
            with_header("Authorization", "hidden"),
        ] {
            let error = far.base().unwrap_err();
            assert!(error.to_string().contains("in the clear"), "{error}");
            let allowed = LivyConfig {
                allow_plaintext_password: true,
                ..far
            };
            allowed.base().expect("it is allowed");
        }
    }

    #[test]
    fn headers_are_sent_as_given_and_do_not_show() {
        let mut config = with_password("http://livy");
        config
            .headers
            .insert("X-Key".to_owned(), Token::new("hidden"));
        let headers = config.headers().unwrap();
        assert_eq!(headers["x-key"], "hidden");
        assert_eq!(headers["authorization"], "Basic YWRhOmhpZGRlbg==");
        assert!(headers.contains_key("x-requested-by"));
        let shown = format!("{config:?} {headers:?}");
        assert!(
            !shown.contains("hidden") && !shown.contains("YWRh"),
            "{shown}"
        );
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused() {
        let mut doubled = with_password("http://livy");
        doubled
            .headers
            .insert("authorization".to_owned(), Token::new("x"));
        let mut colon = with_password("http://livy");
        colon.basic_auth.as_mut().unwrap().user = "a:b".to_owned();
        for (config, what) in [
            (with_header("Host", "x"), "Host"),
            (with_header("a b", "x"), "a b"),
            (with_header("x-key", "a\nb"), "x-key"),
            (doubled, "basic_auth"),
            (colon, "colon"),
        ] {
            let error = config.headers().unwrap_err();
            assert_eq!(error.category(), Category::InvalidInput);
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn certificates_without_tls_are_a_mistake() {
        let config = LivyConfig {
            ca: Some("pem".to_owned()),
            ..LivyConfig::new("http://livy")
        };
        assert!(config.base().unwrap_err().to_string().contains("not https"));
    }
}
