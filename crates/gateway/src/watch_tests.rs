use serde_json::{Value, json};
use sparkconnect_spark::Token;
use sparkconnect_spark::key::token_hash as hash_of;

use super::*;
use crate::refusal::Refusal;

const TOKEN: &str = "of-ada";

fn session(name: &str, status: Value) -> Guarded<SparkSession> {
    let mut session = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1",
        "kind": "SparkSession",
        "metadata": {"name": name, "namespace": "ns", "uid": name},
        "spec": {"server": "demo", "user": "ada", "sessionId": "id-1"},
    });
    session["status"] = status;
    serde_json::from_value(session).expect("a session")
}

fn status(phase: &str) -> Value {
    json!({
        "phase": phase, "server": "demo-1", "replicaUid": "r",
        "serverSideSessionId": "made", "tokenHash": hash_of(&Token::new(TOKEN)),
        "message": "for a reason",
    })
}

fn server(uid: &str) -> Guarded<SparkConnectServer> {
    serde_json::from_value(json!({
        "apiVersion": "sparkconnect.dev/v1alpha1",
        "kind": "SparkConnectServer",
        "metadata": {"name": "demo", "namespace": "ns", "uid": uid},
        "spec": {"version": "4.3.0"},
    }))
    .expect("a server")
}

fn watch() -> Watch {
    let key = InstallationKey::from_bytes([7; 32]);
    Watch::new(Arc::default(), Ledger::default(), key)
}

/// What a call with the token comes to.
fn call(watch: &Watch) -> Result<Replica, Refusal> {
    let session = watch.directory.by_token(TOKEN)?;
    session.replica("id-1").cloned()
}

#[test]
fn a_session_is_where_its_status_and_its_server_say() {
    let mut watch = watch();
    watch.session(None, Event::Apply(session("ada", status("Ready"))));
    assert!(
        matches!(call(&watch), Err(Refusal::NotReady { .. })),
        "its server has no token yet"
    );
    watch.server(None, Event::Apply(server("u1")));
    let replica = call(&watch).unwrap();
    assert_eq!(replica.address, "demo-1.demo.ns.svc:15002");
    assert_eq!(replica.observed.as_deref(), Some("made"));
    let mut nowhere = status("Ready");
    nowhere["server"] = json!("not a name");
    watch.session(None, Event::Apply(session("ada", nowhere)));
    assert!(matches!(call(&watch), Err(Refusal::NotReady { .. })));
    watch.session(None, Event::Apply(session("ada", status("Ready"))));
    let token = |uid: &str| format!("Bearer {}", watch.key.server_token(uid).expose());
    assert_eq!(replica.authorization, token("u1"));
    let new = token("u2");
    watch.server(None, Event::Apply(server("u2")));
    assert_eq!(
        call(&watch).unwrap().authorization,
        new,
        "made anew under its name"
    );
}

#[test]
fn what_a_status_says_is_what_its_client_is_told() {
    let mut watch = watch();
    watch.server(None, Event::Apply(server("u")));
    for (phase, ended) in [
        ("Pending", false),
        ("Closed", true),
        ("Expired", true),
        ("Lost", true),
        ("Failed", true),
    ] {
        watch.session(None, Event::Apply(session("ada", status(phase))));
        let refused = call(&watch).unwrap_err();
        assert_eq!(matches!(refused, Refusal::Ended { .. }), ended, "{phase}");
        assert!(refused.to_string().contains("for a reason"), "{refused}");
    }
    watch.session(
        None,
        Event::Apply(session("ada", json!({"phase": "Ready"}))),
    );
    assert_eq!(
        call(&watch).unwrap_err(),
        Refusal::UnknownToken,
        "its token was taken back"
    );
}

#[test]
fn what_is_gone_is_forgotten_also_when_nobody_told() {
    let mut watch = watch();
    watch.server(None, Event::Apply(server("u")));
    watch.session(None, Event::Apply(session("ada", status("Ready"))));
    watch.session(None, Event::Delete(session("ada", status("Ready"))));
    assert_eq!(call(&watch).unwrap_err(), Refusal::UnknownToken);
    watch.session(None, Event::Apply(session("ada", status("Ready"))));
    for event in [Event::Init, Event::InitApply(session("bob", json!({})))] {
        assert!(!watch.session(None, event));
    }
    assert!(call(&watch).is_ok(), "the list is not complete yet");
    assert!(watch.session(None, Event::InitDone));
    assert_eq!(call(&watch).unwrap_err(), Refusal::UnknownToken);
}

#[test]
fn the_list_of_one_namespace_says_nothing_of_another() {
    let mut watch = watch();
    watch.server(Some("ns"), Event::Apply(server("u")));
    watch.session(Some("ns"), Event::Apply(session("ada", status("Ready"))));
    for event in [Event::Init, Event::InitDone] {
        watch.session(Some("elsewhere"), event);
    }
    for event in [Event::Init, Event::InitDone] {
        watch.server(Some("elsewhere"), event);
    }
    assert!(call(&watch).is_ok(), "nobody listed its namespace");
    // A list that begins while another is read takes nothing from it.
    watch.session(Some("ns"), Event::Init);
    watch.session(
        Some("ns"),
        Event::InitApply(session("ada", status("Ready"))),
    );
    watch.session(Some("elsewhere"), Event::Init);
    watch.session(Some("ns"), Event::InitDone);
    assert!(call(&watch).is_ok(), "it was listed");
    for event in [Event::Init, Event::InitDone] {
        watch.session(Some("ns"), event);
    }
    assert_eq!(call(&watch).unwrap_err(), Refusal::UnknownToken);
}

#[test]
fn a_namespace_that_cannot_be_listed_is_waited_for_and_not_for_ever() {
    let mut awaited = Awaited::of(2);
    awaited.servers = vec![false, false];
    assert!(!awaited.begins(), "nothing is listed in full");
    awaited.sessions = vec![false, true];
    assert!(
        awaited.begins() && !awaited.begins(),
        "once, with the first"
    );
    assert!(!awaited.enough(), "the second may come yet");
    awaited.long = true;
    assert!(awaited.enough());
    awaited.sessions = vec![true, true];
    assert!(!awaited.enough(), "nothing can be served");
    let mut alone = Awaited::of(1);
    alone.long = true;
    assert!(!alone.enough());
    (alone.servers[0], alone.sessions[0]) = (false, false);
    assert!(alone.enough());
}

#[test]
fn a_namespace_is_watched_once_and_none_means_all() {
    assert_eq!(places(&[]), [None]);
    let named = ["b", "a", "b"].map(str::to_owned);
    assert_eq!(places(&named), [Some("a"), Some("b")]);
}

#[test]
fn a_hash_is_64_hexadecimal_digits_or_nothing() {
    for hash in ["", "ab", &"é".repeat(32), &"g".repeat(64)] {
        let session = session("ada", json!({"tokenHash": hash})).0.unwrap();
        assert_eq!(token_hash(&session), None, "{hash}");
    }
}
