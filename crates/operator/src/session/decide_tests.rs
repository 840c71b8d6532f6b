use serde_json::json;
use sparkconnect_api::SparkSession;

use super::*;
use crate::session::testing::{
    NOW, alive, at, candidate, facts, placed, seen, server, session, without_finalizer,
};

/// The decision about `session` after `change` to what is known.
pub(super) fn step(session: &SparkSession, change: impl FnOnce(&mut Facts)) -> Step {
    let mut facts = facts(session);
    change(&mut facts);
    decide(&facts)
}

/// The reason of a wait or an end.
pub(super) fn reason(step: &Step) -> Reason {
    match step {
        Step::Wait { reason, .. } => *reason,
        Step::End(ending) => ending.reason,
        other => panic!("neither a wait nor an end: {other:?}"),
    }
}

pub(super) fn fresh() -> SparkSession {
    session(json!({}), json!({}))
}

pub(super) fn assigned() -> SparkSession {
    session(json!({}), placed("Pending"))
}

pub(super) fn ready() -> SparkSession {
    session(json!({}), placed("Ready"))
}

pub(super) fn gone() -> Replica {
    Replica::Gone {
        what: "was deleted".to_owned(),
    }
}

#[test]
fn a_clone_fails_without_the_replica_that_has_it() {
    for session in [fresh(), assigned()] {
        let step = step(&session, |facts| {
            facts.orphaned = true;
            facts.candidates = vec![candidate()];
        });
        assert_eq!(reason(&step), "CloneLost");
    }
}

#[test]
fn a_session_waits_for_its_server_and_a_replica() {
    let new = fresh();
    for (server, expected) in [
        (Server::Missing, "ServerNotFound"),
        (Server::Deleting, "ServerNotFound"),
        (Server::Suspended, "ServerSuspended"),
    ] {
        for session in [&new, &assigned()] {
            let step = step(session, |facts| {
                facts.server = server.clone();
                facts.candidates = vec![candidate()];
            });
            assert_eq!(reason(&step), expected, "{server:?}");
        }
    }
    let waits = step(&new, |_| {});
    assert_eq!(reason(&waits), "NoReplicaReady");
    assert!(matches!(waits, Step::Wait { message, .. } if message == "it starts"));
}

#[test]
fn the_finalizer_comes_before_the_replica_and_the_replica_before_the_making() {
    let free = |facts: &mut Facts| facts.candidates = vec![candidate()];
    assert_eq!(step(&without_finalizer(fresh()), free), Step::Guard);
    assert_eq!(step(&fresh(), free), Step::Assign);
    assert_eq!(step(&without_finalizer(assigned()), free), Step::Guard);
    assert_eq!(step(&assigned(), free), Step::Make);
}

#[test]
fn nothing_is_guarded_that_only_waits() {
    let waits = step(&without_finalizer(fresh()), |_| {});
    assert_eq!(reason(&waits), "NoReplicaReady");
}

#[test]
fn a_session_that_is_not_made_yet_leaves_a_replica_that_does_not_serve() {
    for replica in [gone(), Replica::Unreachable] {
        let moves = step(&assigned(), |facts| {
            facts.replica = replica.clone();
            facts.candidates = vec![candidate()];
        });
        assert_eq!(moves, Step::Assign, "{replica:?}");
        let waits = step(&assigned(), |facts| facts.replica = replica.clone());
        assert_eq!(reason(&waits), "NoReplicaReady", "{replica:?}");
    }
    let held = step(&assigned(), |facts| {
        facts.replica = Replica::Unseen;
        facts.candidates = vec![candidate()];
    });
    assert_eq!(
        held,
        Step::Rest(Some(SOON)),
        "it is not known yet whether it serves"
    );
}

#[test]
fn a_refused_setting_waits_for_another_spec() {
    let mut status = placed("Pending");
    status["conditions"] = json!([{
        "type": "Ready", "status": "False", "reason": "ConfRejected", "message": "no",
        "observedGeneration": 1, "lastTransitionTime": at(0),
    }]);
    let formerly = session(json!({}), status.clone());
    assert_eq!(step(&formerly, |_| {}), Step::Acknowledge, "it has no word");
    status["message"] = json!("no");
    let mut rejected = session(json!({}), status);
    assert_eq!(step(&rejected, |_| {}), Step::Rest(None));
    rejected.metadata.generation = Some(2);
    assert_eq!(step(&rejected, |_| {}), Step::Make);
}

#[test]
fn an_id_that_is_no_uuid_fails() {
    let odd = session(json!({"sessionId": "mine"}), json!({}));
    assert_eq!(reason(&step(&odd, |_| {})), "SessionIdInvalid");
}

#[test]
fn a_session_that_is_well_is_kept() {
    let kept = step(&ready(), |_| {});
    assert_eq!(
        kept,
        Step::Keep {
            health: Health::Well,
            again: Some(Duration::from_secs(3600))
        }
    );
    assert!(
        !kept.acts(),
        "a steady state reads nothing from the API server"
    );
}

#[test]
fn what_the_replica_says_of_a_session_ends_it() {
    let says = |existence| step(&ready(), |facts| facts.seen = Some(seen(existence)));
    let changed = Existence::Changed {
        server_side_session_id: "made-2".to_owned(),
    };
    for (existence, phase, expected) in [
        (
            Existence::Closed,
            SessionPhase::Closed,
            Reason::ReleasedByClient,
        ),
        (Existence::NotFound, SessionPhase::Lost, Reason::ServerLost),
        (changed, SessionPhase::Lost, Reason::ServerLost),
    ] {
        let Step::End(ending) = says(existence.clone()) else {
            panic!("{existence:?} is no end")
        };
        assert_eq!(
            (ending.phase, ending.reason),
            (phase, expected),
            "{existence:?}"
        );
    }
    assert!(matches!(says(alive()), Step::Keep { .. }));
}

#[test]
fn what_was_seen_on_a_replica_that_does_not_answer_ends_nothing() {
    for (replica, health) in [
        (Replica::Unreachable, Health::Unreachable),
        (Replica::Unseen, Health::Unknown),
    ] {
        let step = step(&ready(), |facts| {
            facts.replica = replica.clone();
            facts.seen = Some(seen(Existence::NotFound));
            facts.limits.idle_timeout = Some(Duration::from_secs(1));
            facts.secret = Binding::Absent;
        });
        assert!(
            matches!(step, Step::Keep { health: found, .. } if found == health),
            "{step:?}"
        );
    }
}

#[test]
fn the_loss_of_the_replica_is_told_with_its_cause() {
    for (server, expected) in [
        (
            Server::Running {
                why_not: (Reason::NoReplicaReady, String::new()),
            },
            "ServerLost",
        ),
        (Server::Suspended, "ServerSuspended"),
        (Server::Deleting, "ServerDeleted"),
        (Server::Missing, "ServerDeleted"),
    ] {
        let lost = step(&ready(), |facts| {
            facts.replica = gone();
            facts.server = server.clone();
        });
        assert_eq!(reason(&lost), expected);
        assert!(
            matches!(lost, Step::End(end) if end.message.ends_with("replica demo-0 was deleted"))
        );
    }
}

#[test]
fn a_lost_session_is_made_anew_where_that_is_wanted() {
    for existence in [alive(), Existence::NotFound] {
        let step = step(&ready(), |facts| {
            facts.limits.on_server_loss = OnServerLoss::Recreate;
            if existence == alive() {
                facts.replica = gone();
            }
            facts.seen = Some(seen(existence.clone()));
        });
        assert!(matches!(step, Step::Recreate { .. }), "{step:?}");
    }
    let closed = step(&ready(), |facts| {
        facts.limits.on_server_loss = OnServerLoss::Recreate;
        facts.seen = Some(seen(Existence::Closed));
    });
    assert_eq!(
        reason(&closed),
        "ReleasedByClient",
        "a client's release is no loss"
    );
}

#[test]
fn an_idle_session_is_looked_at_before_it_expires() {
    let idle = |facts: &mut Facts| facts.limits.idle_timeout = Some(Duration::from_secs(3600));
    assert_eq!(step(&ready(), idle), Step::Look);
    let looked = |facts: &mut Facts| {
        idle(facts);
        facts.done.looked = true;
    };
    assert_eq!(reason(&step(&ready(), looked)), "Idle");
    let busy = step(&ready(), |facts| {
        looked(facts);
        facts.seen.as_mut().unwrap().running = true;
    });
    assert!(
        matches!(busy, Step::Keep { .. }),
        "what runs is never idle: {busy:?}"
    );
    let woken = step(&ready(), |facts| {
        looked(facts);
        facts.seen.as_mut().unwrap().last_activity = Some(at(NOW - 5));
    });
    let again = Some(Duration::from_secs(3595));
    assert_eq!(
        woken,
        Step::Keep {
            health: Health::Well,
            again
        }
    );
}

#[test]
fn the_ttl_ends_a_session_whatever_it_does_and_wherever_it_is() {
    let old = |facts: &mut Facts| {
        facts.limits.ttl = Some(Duration::from_secs(3600));
        facts.seen.as_mut().unwrap().running = true;
    };
    assert_eq!(step(&ready(), old), Step::Look, "for its last numbers");
    let looked = step(&ready(), |facts| {
        old(facts);
        facts.done.looked = true;
    });
    assert_eq!(reason(&looked), "TtlPassed");
    let unreachable = step(&ready(), |facts| {
        old(facts);
        facts.replica = Replica::Unreachable;
    });
    assert_eq!(reason(&unreachable), "TtlPassed");
    let young = step(&ready(), |facts| {
        facts.limits.ttl = Some(Duration::from_secs(3610));
    });
    assert_eq!(
        young,
        Step::Keep {
            health: Health::Well,
            again: Some(Duration::from_secs(10))
        }
    );
}

#[test]
fn drift_and_a_changed_spec_are_mended_on_a_replica_that_serves() {
    for binding in [Binding::Absent, Binding::Wrong] {
        assert_eq!(step(&ready(), |facts| facts.secret = binding), Step::Repair);
    }
    let mut changed = ready();
    changed.metadata.generation = Some(2);
    assert_eq!(step(&changed, |_| {}), Step::Configure);
    let waits = step(&changed, |facts| facts.replica = Replica::Unreachable);
    assert!(matches!(waits, Step::Keep { .. }), "{waits:?}");
}

#[test]
fn sessions_of_a_server_that_goes_look_for_themselves() {
    for server in [Server::Missing, Server::Deleting, Server::Suspended] {
        let kept = step(&ready(), |facts| facts.server = server.clone());
        assert_eq!(
            kept,
            Step::Keep {
                health: Health::Well,
                again: Some(SOON)
            }
        );
    }
}

#[test]
fn steps_that_change_more_than_the_status_rest_on_a_fresh_read() {
    let ending = Ending::new(SessionPhase::Lost, Reason::ServerLost, "gone");
    let acting = [
        Step::Guard,
        Step::Assign,
        Step::Make,
        Step::Repair,
        Step::Configure,
        Step::Look,
        Step::Recreate {
            message: String::new(),
        },
        Step::End(ending),
        Step::DeleteSecret,
        Step::Release {
            left: Duration::ZERO,
        },
        Step::Unguard { unreleased: false },
        Step::Delete,
    ];
    assert!(acting.iter().all(Step::acts));
    let waits = Step::Wait {
        reason: Reason::NoReplicaReady,
        message: String::new(),
        again: SOON,
    };
    assert!(
        [Step::Rest(None), waits, Step::Forget]
            .iter()
            .all(|step| !step.acts())
    );
}

#[test]
fn the_limits_of_the_facts_are_the_sessions() {
    let server = server(json!({"sessions": {"ttl": "1h"}}), json!({}));
    let session = ready();
    let limits = crate::session::limits::Limits::of(&session, Some(&server));
    let old = step(&session, |facts| {
        facts.limits = limits;
        facts.done.looked = true;
    });
    assert_eq!(reason(&old), "TtlPassed");
}
