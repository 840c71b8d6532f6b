use super::*;

fn session(name: &str, server: &str, token: Option<&str>, ended: bool) -> Session {
    let why = "Idle".to_owned();
    Session {
        name: Name::new("ns", name),
        uid: name.to_owned(),
        server: server.to_owned(),
        id: "id-1".to_owned(),
        user: "ada".to_owned(),
        token_hash: token.map(hash),
        ad_hoc: true,
        cloned_from: None,
        state: if ended {
            State::Ended { why }
        } else {
            State::Pending { why }
        },
        suffixes: Suffixes::default(),
    }
}

#[test]
fn a_token_is_one_sessions_and_a_session_answers_for_itself_alone() {
    let directory = Directory::default();
    directory.put(session("ada", "demo", Some("secret"), true));
    let unknown = |token| directory.by_token(token).err() == Some(Refusal::UnknownToken);
    assert!(unknown("other"));
    let found = directory.by_token("secret").unwrap();
    let refused = |id| found.replica(id).unwrap_err();
    assert!(matches!(refused("id-2"), Refusal::NotYourSession { .. }));
    assert!(matches!(refused("id-1"), Refusal::Ended { .. }));
    directory.put(session("ada", "demo", Some("anew"), true));
    assert!(unknown("secret"), "it has another token now");
    assert!(!unknown("anew"));
    directory.remove(&found.name);
    assert!(unknown("anew"));
}

#[test]
fn a_users_session_is_found_by_its_id_and_rather_one_that_lives() {
    let directory = Directory::default();
    let found = |server: Option<&str>| {
        let server = server.map(|server| Name::new("ns", server));
        let found = directory.of_user("ada", "id-1", server.as_ref());
        found.map(|session| session.name.name.clone())
    };
    directory.put(session("old", "demo", None, true));
    assert_eq!(found(None).as_deref(), Some("old"));
    directory.put(session("new", "demo", None, false));
    directory.put(session("else", "other", None, false));
    assert_eq!(found(None).as_deref(), Some("new"));
    assert_eq!(found(Some("other")).as_deref(), Some("else"));
    assert_eq!(found(Some("third")), None);
    assert!(directory.of_user("eve", "id-1", None).is_none());
    assert_eq!(
        directory.ad_hoc("ada").len(),
        1,
        "one id, though on two servers"
    );
    assert!(directory.ad_hoc("eve").is_empty());
    for name in ["old", "new", "else"] {
        directory.remove(&Name::new("ns", name));
    }
    assert_eq!(found(None), None);
    assert!(directory.read().identities.is_empty(), "nothing is kept");
}

#[tokio::test]
async fn whoever_waits_hears_of_a_change() {
    let directory = Directory::default();
    let mut changes = directory.changes();
    directory.put_server(Name::new("ns", "demo"));
    changes.changed().await.unwrap();
    assert!(directory.has_server(&Name::new("ns", "demo")));
    directory.remove_server(&Name::new("ns", "demo"));
    changes.changed().await.unwrap();
    assert!(!directory.has_server(&Name::new("ns", "demo")));
}

#[test]
fn a_replica_is_shown_without_its_token() {
    let replica = Replica {
        name: "demo-0".to_owned(),
        uid: "r0".to_owned(),
        address: Authority::from_static("demo-0.demo.ns.svc:15002"),
        authorization: HeaderValue::from_static("Bearer sesame"),
        observed: None,
    };
    assert!(!format!("{replica:?}").contains("sesame"));
}
