use serde_json::json;

use super::*;
use crate::session::identity::session_ref;
use crate::session::testing::{server, session};

fn secret(session: &SparkSession) -> Secret {
    let server = server(json!({}), json!({}));
    let connection = Connection::new(&server, "demo-0", &session_ref(session).unwrap());
    connection_secret(session, &connection, &Token::new("the-token/1="))
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
    let session = session(json!({"user": "anna@example.org"}), json!({}));
    insta::assert_snapshot!("connection_secret", readable(&secret(&session)));
}

#[test]
fn a_secret_belongs_to_the_session_that_owns_it() {
    let session = session(json!({}), json!({}));
    let secret = secret(&session);
    assert!(belongs_to(&secret, &session));
    let mut namesake = session;
    namesake.metadata.uid = Some("another".to_owned());
    assert!(!belongs_to(&secret, &namesake));
}
