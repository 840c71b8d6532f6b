use serde_json::json;

use super::*;
use crate::session::testing::{UID, session};

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
