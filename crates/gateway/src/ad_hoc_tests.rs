use super::*;
use crate::directory::Suffixes;

const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

fn ad_hoc(per_user: usize) -> AdHoc {
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let limits = AdHocLimits {
        per_user,
        waiting: 1,
        ready: Duration::from_secs(1),
    };
    AdHoc::new(Arc::default(), Client::try_from(nowhere).unwrap(), limits)
}

fn session(name: &str, id: &str, user: &str, cloned_from: Option<&str>) -> Session {
    Session {
        name: Name::new("ns", name),
        uid: name.to_owned(),
        server: "demo".to_owned(),
        id: id.to_owned(),
        user: user.to_owned(),
        token_hash: None,
        ad_hoc: true,
        cloned_from: cloned_from.map(str::to_owned),
        state: State::Pending { why: String::new() },
        suffixes: Suffixes::default(),
    }
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_no_more_whether_they_are_seen_yet_or_not() {
    let ad_hoc = ad_hoc(2);
    let first = ad_hoc.making("ada", "1").unwrap();
    assert!(ad_hoc.making("ada", "1").is_ok(), "it is the same one");
    let second = ad_hoc.making("ada", "2").unwrap();
    let refused = |user| ad_hoc.making(user, "3").is_err();
    assert!(refused("ada"));
    assert!(!refused("eve"));
    drop(first);
    assert!(!refused("ada"));
    ad_hoc.directory.put(session("a", "1", "ada", None));
    assert!(refused("ada"), "it is there by now");
    drop(second);
    assert!(!refused("ada"));
    assert!(ad_hoc.making.lock().unwrap().is_empty(), "nothing is kept");
}

#[tokio::test]
async fn a_sessions_token_is_good_for_its_clones_and_for_nobody_elses() {
    let ad_hoc = ad_hoc(1);
    let own = Arc::new(session("ada", "1", "ada", None));
    let meant = |called: &str| ad_hoc.own(Arc::clone(&own), called).name.name.clone();
    for (name, id, user, from) in [
        ("clone", "2", "ada", Some("ada")),
        ("other", "3", "ada", None),
        ("theirs", "4", "eve", Some("ada")),
        ("of-another", "5", "ada", Some("bob")),
    ] {
        ad_hoc.directory.put(session(name, id, user, from));
    }
    assert_eq!(meant("1"), "ada");
    assert_eq!(meant("2"), "clone");
    for called in ["3", "4", "5", "6"] {
        // It is refused there for not being the one that is called.
        assert_eq!(meant(called), "ada", "{called}");
    }
}

#[test]
fn a_session_is_made_once_whoever_makes_it() {
    let server = Name::new("ns", "demo");
    let name = |user, id, server: &Name| resource(user, id, server).metadata.name.unwrap();
    assert_eq!(name("ada", ID, &server), name("ada", ID, &server));
    assert_ne!(name("ada", ID, &server), name("eve", ID, &server));
    assert_ne!(name("ada", ID, &server), name("ada", "other", &server));
    assert_ne!(
        name("ada", ID, &server),
        name("ada", ID, &Name::new("ns", "other"))
    );
    let made = resource("ada", ID, &server);
    assert_eq!(made.user_on_server(), "ada");
    assert_eq!(made.id_on_server().as_deref(), Some(ID));
    assert_eq!(made.labels()[labels::AD_HOC], "true");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_so_many_and_no_more_and_one_who_goes_makes_room() {
    let ad_hoc = ad_hoc(9);
    let (server, request) = (Name::new("ns", "demo"), RequestId::new());
    let wanted = Wanted {
        rpc: Rpc::Config,
        session: "1",
        server: Some(&server),
        request: &request,
    };
    let waits = ad_hoc.ready("ada", wanted);
    let mut waits = Box::pin(waits);
    assert!(futures::poll!(&mut waits).is_pending());
    let refused = ad_hoc.ready("ada", wanted).await.unwrap_err();
    assert!(matches!(refused, Refusal::TooMany { .. }), "{refused}");
    drop(waits);
    let late = ad_hoc.ready("ada", wanted).await.unwrap_err();
    assert!(matches!(late, Refusal::NotReady { .. }), "{late}");
    let mut waits = Box::pin(ad_hoc.ready("ada", wanted));
    assert!(futures::poll!(&mut waits).is_pending());
    ad_hoc.directory.put(session("a", "1", "ada", None));
    assert!(futures::poll!(&mut waits).is_pending(), "it is not ready");
    let mut ended = session("a", "1", "ada", None);
    ended.state = State::Ended { why: String::new() };
    ad_hoc.directory.put(ended);
    assert!(
        waits.await.is_ok(),
        "its end is told where the call goes on"
    );
}
