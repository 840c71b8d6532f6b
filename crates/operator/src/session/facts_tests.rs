use serde_json::{Value, json};

use super::*;
use crate::session::testing::{placed, server, session};

fn pod(uid: &str, status: Value) -> Pod {
    let mut pod = json!({"metadata": {"name": "demo-0", "uid": uid}});
    pod["status"] = status;
    serde_json::from_value(pod).unwrap()
}

fn container(state: Value, last: Value) -> Value {
    let mut spark = json!({
        "name": "spark", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
    });
    spark["state"] = state;
    spark["lastState"] = last;
    json!({"containerStatuses": [spark.take()]})
}

fn running() -> Value {
    container(json!({"running": {}}), json!({}))
}

fn serving(application: Option<&str>) -> Seen {
    Seen {
        state: State::Serving,
        application_id: application.map(str::to_owned),
        ..Seen::nothing()
    }
}

fn status() -> SessionStatus {
    session(json!({}), placed("Ready")).status.unwrap()
}

#[test]
fn a_pod_that_is_another_one_or_none_is_gone() {
    let seen = || Some(serving(Some("app-1")));
    let gone = |pod: Option<&Pod>| match replica(&status(), pod, seen()) {
        Replica::Gone { what } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(gone(None), "was deleted");
    assert_eq!(
        gone(Some(&pod("r9", running()))),
        "was replaced by another pod"
    );
    assert_eq!(
        replica(&SessionStatus::default(), None, None),
        Replica::Unassigned
    );
}

#[test]
fn a_process_that_ended_took_its_sessions_along() {
    let ended = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let backing_off = container(
        json!({"waiting": {"reason": "CrashLoopBackOff"}}),
        ended.clone(),
    );
    let evicted = json!({"phase": "Failed", "reason": "Evicted"});
    for (status_of_pod, how) in [
        (
            container(ended, json!({})),
            "ended: OOMKilled, exit code 137",
        ),
        (backing_off, "ended: OOMKilled, exit code 137"),
        (evicted, "ended: Evicted"),
    ] {
        let found = replica(&status(), Some(&pod("r0", status_of_pod)), None);
        assert_eq!(
            found,
            Replica::Gone {
                what: how.to_owned()
            }
        );
    }
    let starting = container(
        json!({"waiting": {"reason": "ContainerCreating"}}),
        json!({}),
    );
    assert_eq!(
        replica(&status(), Some(&pod("r0", starting)), None),
        Replica::Unseen
    );
}

#[test]
fn a_restart_shows_in_the_application_where_both_are_known() {
    let see = |seen| replica(&status(), Some(&pod("r0", running())), Some(seen));
    assert_eq!(
        see(serving(Some("app-2"))),
        Replica::Gone {
            what: "was restarted".to_owned()
        }
    );
    for application in [Some("app-1"), None] {
        let application_id = application.map(str::to_owned);
        assert_eq!(
            see(serving(application)),
            Replica::Serving { application_id }
        );
    }
}

#[test]
fn a_replica_that_was_not_seen_yet_is_no_unreachable_one() {
    let see = |state| {
        let seen = Seen {
            state,
            ..Seen::nothing()
        };
        replica(&status(), Some(&pod("r0", running())), Some(seen))
    };
    let why = || "no answer".to_owned();
    assert_eq!(see(State::Unknown), Replica::Unseen);
    assert_eq!(see(State::Starting { why: why() }), Replica::Unseen);
    assert_eq!(see(State::Unreachable { why: why() }), Replica::Unreachable);
    assert_eq!(
        replica(&status(), Some(&pod("r0", running())), None),
        Replica::Unseen
    );
}

#[test]
fn a_stopped_server_is_told_apart_from_one_that_runs() {
    let of = |spec| super::server(Some(&server(spec, json!({}))));
    assert_eq!(super::server(None), Server::Missing);
    assert_eq!(of(json!({"suspend": true})), Server::Suspended);
    assert_eq!(of(json!({"replicas": 0})), Server::Suspended);
    assert!(matches!(of(json!({})), Server::Running { .. }));
    let mut going = server(json!({}), json!({}));
    going.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    assert_eq!(super::server(Some(&going)), Server::Deleting);
}

#[test]
fn what_a_session_waits_for_is_said_in_the_servers_words() {
    let condition = |type_: &str, status: &str, message: &str| {
        json!({"type": type_, "status": status, "reason": "R", "message": message,
               "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    let says = |conditions: Value| {
        let mut status = json!({});
        status["conditions"] = conditions;
        why_not(&server(json!({}), status))
    };
    let (reason, message) = says(json!([condition("Ready", "False", "driver starts")]));
    assert_eq!(
        (reason, message.as_str()),
        (Reason::NoReplicaReady, "server demo: driver starts")
    );
    let broken = json!([
        condition("Ready", "False", "no"),
        condition("Degraded", "True", "image cannot be pulled"),
    ]);
    let (reason, message) = says(broken);
    assert_eq!(
        (reason, message.as_str()),
        (
            Reason::ServerDegraded,
            "server demo: image cannot be pulled"
        )
    );
    for conditions in [
        json!([]),
        json!([condition("Ready", "True", "1 of 1 serve")]),
    ] {
        let (reason, message) = says(conditions);
        assert_eq!(reason, "NoReplicaReady");
        assert!(message.contains("takes sessions"), "{message}");
    }
}

#[test]
fn a_replica_on_its_way_out_takes_no_session() {
    let server = server(
        json!({}),
        json!({"servers": [
            {"name": "demo-0", "phase": "Draining", "sessions": 1},
            {"name": "demo-1", "phase": "Terminating", "sessions": 0},
            {"name": "demo-2", "phase": "Starting", "sessions": 0},
        ]}),
    );
    let out: Vec<bool> = ["demo-0", "demo-1", "demo-2", "demo-3"]
        .map(|pod| leaves(&server, pod))
        .into();
    assert_eq!(
        out,
        [true, true, false, false],
        "a status that is behind must not hide one that serves"
    );
}
