use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::session::testing::{KEY, UID, gateway, placed, server, session};

fn direct(user: &str) -> Connection {
    let session = session(json!({"user": user}), placed("Ready"));
    let server = server(json!({}), json!({}));
    Connection::of(&session, Some(&server), &KEY, None).unwrap()
}

fn through_gateway(address: &str) -> Connection {
    let session = session(json!({"user": "ada"}), placed("Ready"));
    Connection::of(&session, None, &KEY, Some(&gateway(address))).unwrap()
}

/// Reads a URL as PySpark does: split at `;` and `=`, then percent-decode.
fn parse(url: &str) -> (String, HashMap<String, String>) {
    let (place, parameters) = url.split_once("/;").unwrap();
    let parameters = parameters.split(';').map(|parameter| {
        let parts: Vec<&str> = parameter.split('=').collect();
        let [key, value] = parts[..] else {
            panic!("PySpark refuses `{parameter}`")
        };
        (key.to_owned(), percent_decode(value))
    });
    (place.to_owned(), parameters.collect())
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix('%') {
            bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
            rest = &after[2..];
        } else {
            assert!(first.is_ascii(), "{text} is not all ASCII");
            bytes.push(first as u8);
            rest = &rest[1..];
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn without_a_gateway_the_url_names_the_replica_and_the_session_and_no_token() {
    let connection = direct("team-a/nb");
    let expected =
        format!("sc://demo-0.demo.team-a.svc:15002/;user_id=team-a%2Fnb;session_id={UID}");
    assert_eq!(connection.url(), expected);
    assert_eq!(connection.token, KEY.server_token("server-uid"));
    assert_eq!(connection.way, Way::Direct);
}

#[test]
fn with_a_gateway_the_url_names_the_gateway_and_the_session_and_no_token() {
    for address in ["gateway.example.com:443", "[2001:db8::1]:8443"] {
        let connection = through_gateway(address);
        assert_eq!(
            connection.url(),
            format!("sc://{address}/;session_id={UID}")
        );
        let token = KEY.session_token(UID);
        let expected = format!("sc://{address}/;token={};session_id={UID}", token.expose());
        assert_eq!(connection.uri(), expected);
        assert_eq!(connection.token, token);
    }
}

#[test]
fn the_gateways_authority_comes_with_the_connection() {
    let session = session(json!({}), placed("Ready"));
    let gateway = gateway("gateway.example.com:443");
    let authority = || match Connection::of(&session, None, &KEY, Some(&gateway))
        .unwrap()
        .way
    {
        Way::Gateway { authority } => authority,
        Way::Direct => panic!("there is a gateway"),
    };
    assert_eq!(authority(), None);
    gateway.authority.set(Some("PEM".to_owned()));
    assert_eq!(authority().as_deref(), Some("PEM"));
}

#[test]
fn a_session_without_a_replica_or_a_known_server_has_no_connection() {
    let (waits, lives) = (
        session(json!({}), json!({})),
        session(json!({}), placed("Ready")),
    );
    let (server, gateway) = (server(json!({}), json!({})), gateway("gateway:1"));
    assert_eq!(Connection::of(&waits, Some(&server), &KEY, None), None);
    assert_eq!(
        Connection::of(&waits, Some(&server), &KEY, Some(&gateway)),
        None
    );
    assert_eq!(Connection::of(&lives, None, &KEY, None), None);
}

proptest! {
    #[test]
    fn any_user_and_token_come_back(user in "\\PC{1,40}", token in "[!-~]{1,60}") {
        let mut connection = direct(&user);
        connection.token = Token::new(&token);
        let (place, parameters) = parse(&connection.uri());
        prop_assert_eq!(place, "sc://demo-0.demo.team-a.svc:15002");
        prop_assert_eq!(&parameters["user_id"], &user);
        prop_assert_eq!(&parameters["session_id"], UID);
        prop_assert_eq!(&parameters["authorization"], &format!("Bearer {token}"));
        prop_assert_eq!(parameters.len(), 3);
        let (_, parameters) = parse(&connection.url());
        prop_assert_eq!(&parameters["user_id"], &user);
        prop_assert_eq!(parameters.len(), 2);
    }
}
