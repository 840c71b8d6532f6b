//! The address of the gateway, and the URLs that lead to a session, against other readers. No I/O.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use http::Uri;
use sparkconnect_operator::gateway::Address;
use sparkconnect_operator::session::connection::{Connection, Way};
use sparkconnect_spark::Token;
use uuid::Uuid;

/// Lines: an address, a user, a token, and bytes of a session's id. An address that is taken is written so that it is read as the
/// same again; and every URL that leads to a session says what it was made from to whoever else reads it, with the token in
/// one of the two alone.
pub fn address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let address = match line().parse::<Address>() {
        Ok(address) => address,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(address.to_string().parse().as_ref(), Ok(&address));
    let (user, token) = (line(), line());
    let mut id = [0; 16];
    id.iter_mut()
        .zip(line().bytes())
        .for_each(|(to, byte)| *to = byte);
    for way in [Way::Direct, Way::Gateway { authority: None }] {
        check(&Connection {
            address: address.clone(),
            user: user.to_owned(),
            session_id: Uuid::from_bytes(id),
            token: Token::new(token),
            way,
        });
    }
}

/// Holds the URLs of a connection against what it was made from.
pub(crate) fn check(connection: &Connection) {
    let (token, id) = (connection.token.expose(), connection.session_id.to_string());
    let user = connection.user.as_str();
    let bearer = format!("Bearer {token}");
    let (open, whole) = match connection.way {
        Way::Direct => (
            vec![("user_id", user), ("session_id", &id)],
            vec![
                ("user_id", user),
                ("session_id", &id),
                ("authorization", &bearer),
            ],
        ),
        Way::Gateway { .. } => (
            vec![("session_id", id.as_str())],
            vec![("token", token), ("session_id", &id)],
        ),
    };
    for (url, expected) in [(connection.url(), open), (connection.uri(), whole)] {
        let parameters = read(&url, &connection.address);
        let found = parameters.iter().map(|(key, value)| (&key[..], &value[..]));
        assert_eq!(BTreeMap::from_iter(found), BTreeMap::from_iter(expected));
    }
    let without = Connection {
        token: Token::new(""),
        ..connection.clone()
    };
    let shown = format!("{connection:?}");
    assert!(
        token.is_empty() || shown == format!("{without:?}"),
        "it shows its token"
    );
}

/// The parameters of a URL that leads to `address`, as PySpark reads them: split at `;` and `=`, then percent-decoded.
fn read(text: &str, address: &Address) -> BTreeMap<String, String> {
    let url: Uri = text.parse().expect("a URL");
    assert_eq!(url.to_string(), text, "part of it was not read");
    assert_eq!((url.scheme_str(), url.query()), (Some("sc"), None));
    assert_eq!(url.port_u16(), Some(address.port));
    let host = url.host().expect("a URL with a host");
    match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(inner) => assert_eq!(inner.parse::<Ipv6Addr>(), address.host.parse()),
        None => assert_eq!(host, address.host),
    }
    let authority = url.authority().expect("a URL with a host");
    assert!(!authority.as_str().contains('@'), "{authority}");
    let parameters = url.path().strip_prefix("/;").expect("parameters");
    let mut all = BTreeMap::new();
    for parameter in parameters.split(';') {
        let parts: Vec<_> = parameter.split('=').collect();
        let [key, value] = parts[..] else {
            panic!("PySpark refuses a parameter with {} parts", parts.len());
        };
        let before = all.insert(key.to_owned(), decode(value));
        assert_eq!(before, None, "{key} is there twice");
    }
    all
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at(2);
        let digits = std::str::from_utf8(digits).expect("two digits");
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
        rest = after;
    }
    String::from_utf8(bytes).expect("text")
}
