//! Who may see the UI: whoever comes with the token of the address that was printed, and then with the cookie that it was exchanged for.
//! Pure but for the two random secrets.
//!
//! Every user of a machine reaches its loopback address, and so does every page in a browser. So a name that was made to lead here (DNS
//! rebinding) is refused by the `Host` header, and another page's request by the `Origin` header and the cookie's `SameSite`.

use http::header::{COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Guards one port of this machine. Not `Debug`: it holds the secrets.
pub(super) struct Door {
    port: u16,
    token: String,
    cookie: String,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It has the cookie.
    Pass,
    /// It has the token: it is given this `Set-Cookie`.
    Welcome(String),
    /// It has neither, or comes from elsewhere: why.
    Refused(&'static str),
}

impl Door {
    /// With secrets of its own.
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            token: secret(),
            cookie: secret(),
        }
    }

    /// The address that lets a browser in.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token)
    }

    /// Judges a request by its head.
    pub(super) fn judge(&self, request: &Parts) -> Entry {
        let authority = format!("127.0.0.1:{}", self.port);
        if only(&request.headers, HOST.as_str()) != Some(&authority) {
            return Entry::Refused("it is served at 127.0.0.1 alone");
        }
        if request.headers.contains_key(ORIGIN)
            && only(&request.headers, ORIGIN.as_str()) != Some(&format!("http://{authority}"))
        {
            return Entry::Refused("pages of other addresses may not use it");
        }
        if self.has_cookie(&request.headers) {
            return Entry::Pass;
        }
        let query = request.uri.query().unwrap_or_default();
        let mut given = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("token="));
        let welcome = given.any(|given| same(given, &self.token));
        if welcome && request.method == Method::GET && request.uri.path() == "/" {
            let (name, cookie) = (self.cookie_name(), &self.cookie);
            return Entry::Welcome(format!(
                "{name}={cookie}; Path=/; HttpOnly; SameSite=Strict"
            ));
        }
        Entry::Refused("open the address that `kubectl sparkconnect server ui` printed")
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let values = headers.get_all(COOKIE).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(given, value)| given == name && same(value, &self.cookie))
    }

    /// Cookies are the same for every port of a host; this one's is not.
    fn cookie_name(&self) -> String {
        format!("sparkconnect-ui-{}", self.port)
    }
}

/// The header's value, where there is just one.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Takes as long whatever is given.
fn same(given: &str, secret: &str) -> bool {
    given.as_bytes().ct_eq(secret.as_bytes()).into()
}

/// 244 random bits.
fn secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn door() -> Door {
        Door {
            port: 4040,
            token: "letmein".to_owned(),
            cookie: "known".to_owned(),
        }
    }

    fn judged(method: &str, path: &str, headers: &[(&str, &str)]) -> Entry {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        door().judge(&parts)
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:4040");
    const COOKIE: (&str, &str) = ("cookie", "a=b; sparkconnect-ui-4040=known");

    #[test]
    fn the_token_is_exchanged_for_a_cookie_that_lets_in() {
        assert_eq!(door().url(), "http://127.0.0.1:4040/?token=letmein");
        let welcome = judged("GET", "/?token=letmein", &[HERE]);
        let cookie = "sparkconnect-ui-4040=known; Path=/; HttpOnly; SameSite=Strict";
        assert_eq!(welcome, Entry::Welcome(cookie.to_owned()));
        assert_eq!(judged("GET", "/jobs/", &[HERE, COOKIE]), Entry::Pass);
        let own = ("origin", "http://127.0.0.1:4040");
        assert_eq!(
            judged("POST", "/jobs/job/kill", &[HERE, COOKIE, own]),
            Entry::Pass
        );
    }

    #[test]
    fn nobody_else_is_let_in() {
        let refused = |method: &str, path: &str, headers: &[(&str, &str)]| {
            let entry = judged(method, path, headers);
            assert!(
                matches!(entry, Entry::Refused(_)),
                "{method} {path} {headers:?}"
            );
        };
        refused("GET", "/", &[HERE]);
        refused("GET", "/?token=", &[HERE]);
        refused("GET", "/?token=letmeinn", &[HERE]);
        refused("POST", "/?token=letmein", &[HERE]);
        refused("GET", "/jobs/?token=letmein", &[HERE]);
        refused(
            "GET",
            "/",
            &[HERE, ("cookie", "sparkconnect-ui-4040=known2")],
        );
        refused(
            "GET",
            "/",
            &[HERE, ("cookie", "sparkconnect-ui-4041=known")],
        );
        // The token is not the cookie.
        refused(
            "GET",
            "/",
            &[HERE, ("cookie", "sparkconnect-ui-4040=letmein")],
        );
    }

    #[test]
    fn other_hosts_and_other_pages_are_refused_with_the_cookie_too() {
        for headers in [
            &[COOKIE][..],
            &[("host", "evil.example:4040"), COOKIE],
            &[("host", "127.0.0.1"), COOKIE],
            &[HERE, ("host", "evil.example"), COOKIE],
            &[HERE, COOKIE, ("origin", "http://127.0.0.1:9999")],
            &[HERE, COOKIE, ("origin", "null")],
        ] {
            let entry = judged("GET", "/", headers);
            assert!(matches!(entry, Entry::Refused(_)), "{headers:?}");
        }
    }

    #[test]
    fn secrets_differ() {
        let (one, other) = (Door::new(1), Door::new(1));
        assert_ne!(one.token, other.token);
        assert_ne!(one.token, one.cookie);
        assert_eq!(one.token.len(), 64);
    }
}
