use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::session::testing::{UID, server, session};

fn connection(user: &str) -> Connection {
    let user = json!({"user": user});
    let session = session(user, json!({}));
    let server = server(json!({}), json!({}));
    Connection::new(&server, "demo-0", &session_ref(&session).unwrap())
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
fn the_url_names_the_replica_and_the_session_and_no_token() {
    let url = connection("team-a/nb").url();
    let expected =
        format!("sc://demo-0.demo.team-a.svc:15002/;user_id=team-a%2Fnb;session_id={UID}");
    assert_eq!(url, expected);
}

proptest! {
    #[test]
    fn any_user_and_token_come_back(user in "\\PC{1,40}", token in "[!-~]{1,60}") {
        let connection = connection(&user);
        let (place, parameters) = parse(&connection.uri(&Token::new(&token)));
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

#[test]
fn what_the_spec_leaves_open_comes_from_the_resource() {
    let reference = session_ref(&session(json!({}), json!({}))).unwrap();
    assert_eq!(
        (
            reference.user.as_str(),
            reference.session_id.to_string().as_str()
        ),
        ("team-a/nb", UID)
    );
    let own = json!({"user": "anna", "sessionId": "00000000-0000-4000-8000-000000000001"});
    let reference = session_ref(&session(own, json!({}))).unwrap();
    assert_eq!(reference.user, "anna");
    assert_eq!(
        reference.session_id.to_string(),
        "00000000-0000-4000-8000-000000000001"
    );
    assert_eq!(
        session_ref(&session(json!({"sessionId": "mine"}), json!({}))),
        None
    );
}

#[test]
fn only_a_session_that_was_made_is_observed() {
    assert_eq!(observed_ref(&session(json!({}), json!({}))), None);
    let made = session(json!({}), json!({"serverSideSessionId": "made-1"}));
    assert_eq!(
        observed_ref(&made)
            .unwrap()
            .server_side_session_id
            .as_deref(),
        Some("made-1")
    );
}

#[test]
fn settings_are_sorted_after_the_applications_name() {
    let spec = json!({"appName": "etl", "sparkConf": {"b": "2", "a": "1"}});
    let settings = settings(&session(spec, json!({})));
    let settings: Vec<_> = settings
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        settings,
        [("spark.app.name", "etl"), ("a", "1"), ("b", "2")]
    );
}
