use serde_json::json;
use sparkconnect_spark::Token;

use super::*;
use crate::session::testing::{KEY, gateway, placed, server, session};

fn secret(session: &SparkSession) -> Secret {
    let server = server(json!({}), json!({}));
    let mut connection = Connection::of(session, Some(&server), &KEY, None).unwrap();
    connection.token = Token::new("the-token/1=");
    connection_secret(session, &connection)
}

/// As YAML, with the entries as text.
fn readable(secret: &Secret) -> String {
    let mut value = serde_json::to_value(secret).unwrap();
    let data = secret.data.iter().flatten();
    let data = data.map(|(key, value)| (key.clone(), String::from_utf8(value.0.clone()).unwrap()));
    value["data"] = data.collect::<BTreeMap<_, _>>().into_iter().collect();
    serde_yaml::to_string(&value).unwrap()
}

#[test]
fn the_connection_secret_is_as_its_snapshot() {
    let session = session(json!({"user": "anna@example.org"}), placed("Ready"));
    insta::assert_snapshot!("connection_secret", readable(&secret(&session)));
}

#[test]
fn the_connection_secret_with_a_gateway_is_as_its_snapshot() {
    let session = session(json!({"user": "anna@example.org"}), placed("Ready"));
    let (server, gateway) = (
        server(json!({}), json!({})),
        gateway("gateway.example.com:443"),
    );
    let secret = || {
        let connection = Connection::of(&session, Some(&server), &KEY, Some(&gateway));
        readable(&connection_secret(&session, &connection.unwrap()))
    };
    insta::assert_snapshot!("connection_secret_gateway", secret());
    assert!(!secret().contains("ca.crt"), "its authority is not known");
    gateway.authority.set(Some("the authority".to_owned()));
    assert!(secret().contains("ca.crt: the authority"));
    let servers = KEY.server_token("server-uid");
    assert!(
        !secret().contains(servers.expose()),
        "the server's token is nobody's to have"
    );
}

#[test]
fn a_secret_belongs_to_the_session_that_owns_it() {
    let session = session(json!({}), placed("Ready"));
    let secret = secret(&session);
    assert!(belongs_to(&secret, &session));
    let mut namesake = session;
    namesake.metadata.uid = Some("another".to_owned());
    assert!(!belongs_to(&secret, &namesake));
}
