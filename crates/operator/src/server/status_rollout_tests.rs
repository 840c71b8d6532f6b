//! The status of a server while replicas of an earlier spec go.

use serde_json::json;
use sparkconnect_api::condition::find;

use super::tests::{plan, replica, says, server, told};
use super::*;

#[test]
fn draining_says_who_drains_and_how_many_sessions_are_in_the_way() {
    let mut old = replica(0, State::Serving);
    old.inputs_hash = Some("old".to_owned());
    old.sessions = 2;
    let since = Timestamp::from_second(50).unwrap();
    let draining = vec![("demo-0".to_owned(), since)];
    let plan = Plan {
        replicas: 1,
        draining,
        sessions_in_the_way: 2,
        ..Plan::default()
    };
    let status = told(&server(&json!({})), &[old], Some(&plan));
    assert_eq!((status.updated_replicas, status.ready_replicas), (0, 0));
    assert_eq!(status.servers[0].phase, ReplicaPhase::Draining);
    assert_eq!(status.servers[0].draining_since, Some(Time(since)));
    says(
        &status,
        condition::PROGRESSING,
        "True",
        "Draining",
        "demo-0 drain: 2 sessions in the way",
    );
    says(
        &status,
        condition::READY,
        "False",
        "Draining",
        "every replica drains",
    );
    assert_eq!(status.phase, Some(ServerPhase::Updating));
}

#[test]
fn what_goes_tells_nothing_of_the_present_spec() {
    let mut old = replica(0, State::Serving);
    old.seen.as_mut().unwrap().version = Some("4.2.1".to_owned());
    old.trouble = Some(Trouble {
        reason: "OOMKilled".to_owned(),
        message: "of old".to_owned(),
    });
    let plan = Plan {
        draining: vec![("demo-0".to_owned(), Timestamp::from_second(90).unwrap())],
        sessions_in_the_way: 1,
        ..plan(1)
    };
    let server = server(&json!({}));
    let present = told(&server, &[old.clone()], Some(&plan));
    says(
        &present,
        condition::VERSION_MATCHED,
        "False",
        "VersionDiffers",
        "4.2.1",
    );
    says(
        &present,
        condition::DEGRADED,
        "True",
        "OutOfMemory",
        "of old",
    );
    old.inputs_hash = Some("old".to_owned());
    let going = told(&server, &[old], Some(&plan));
    says(
        &going,
        condition::VERSION_MATCHED,
        "Unknown",
        "NotAnswered",
        "",
    );
    says(&going, condition::DEGRADED, "False", "AsExpected", "");
    says(&going, condition::RECONCILING, "True", "Draining", "drain");
    assert_eq!(find(&going.conditions, condition::STALLED), None);
}
