use serde_json::json;
use sparkconnect_api::SparkSession;

use super::tests::{fresh, gone, ready, step};
use super::*;
use crate::session::facts::Done;
use crate::session::testing::{candidate, deleted, placed, session, without_finalizer};

#[test]
fn an_ended_session_loses_its_secret_then_its_place_then_its_guard() {
    for (phase, released) in [
        ("Expired", false),
        ("Failed", false),
        ("Closed", true),
        ("Lost", true),
    ] {
        let ended = session(json!({}), placed(phase));
        assert_eq!(step(&ended, |_| {}), Step::DeleteSecret, "{phase}");
        let deleted = Done {
            secret_deleted: true,
            ..Done::default()
        };
        let next = step(&ended, |facts| facts.done = deleted);
        let unguard = Step::Unguard { unreleased: false };
        if released {
            assert_eq!(next, unguard, "{phase}: nothing is left on the replica");
        } else {
            assert_eq!(
                next,
                Step::Release {
                    left: Duration::from_secs(50)
                },
                "{phase}"
            );
            let done = Done {
                released: true,
                ..deleted
            };
            assert_eq!(step(&ended, |facts| facts.done = done), unguard);
        }
        let over = without_finalizer(ended);
        assert_eq!(
            step(&over, |facts| facts.secret = Binding::Absent),
            Step::Rest(None)
        );
    }
}

#[test]
fn nothing_revives_an_ended_session() {
    let mut over = without_finalizer(session(json!({}), placed("Closed")));
    over.metadata.generation = Some(7);
    over.status.as_mut().unwrap().observed_generation = Some(7);
    let rests = step(&over, |facts| {
        facts.secret = Binding::Absent;
        facts.candidates = vec![candidate()];
        facts.limits.on_server_loss = OnServerLoss::Recreate;
        facts.replica = gone();
    });
    assert_eq!(rests, Step::Rest(None));
}

#[test]
fn the_resource_of_an_ended_session_stays_for_its_retention() {
    let over = |retention| {
        let spec = json!({"retention": retention});
        let session = without_finalizer(session(spec, placed("Closed")));
        step(&session, |facts| facts.secret = Binding::Absent)
    };
    assert_eq!(over("15s"), Step::Rest(Some(Duration::from_secs(5))));
    assert_eq!(over("10s"), Step::Delete);
    assert_eq!(over("0s"), Step::Delete);
}

#[test]
fn a_change_of_an_ended_session_is_recorded_once() {
    let mut changed = without_finalizer(session(json!({}), placed("Closed")));
    let next = |session: &SparkSession| step(session, |facts| facts.secret = Binding::Absent);
    changed.metadata.generation = Some(2);
    assert_eq!(next(&changed), Step::Acknowledge);
    changed.status.as_mut().unwrap().observed_generation = Some(2);
    assert_eq!(next(&changed), Step::Rest(None));
    let mut former = placed("Closed");
    former["conditions"] = json!([{
        "type": "Ready", "status": "False", "reason": "ReleasedByClient", "message": "released",
        "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]);
    let former = without_finalizer(session(json!({}), former));
    assert_eq!(next(&former), Step::Acknowledge, "by a former version");
}

#[test]
fn deletion_releases_first_and_then_lets_go() {
    for phase in ["Pending", "Ready", "Expired", "Failed"] {
        let going = deleted(session(json!({}), placed(phase)), 20);
        assert_eq!(
            step(&going, |_| {}),
            Step::Release {
                left: Duration::from_secs(40)
            },
            "{phase}"
        );
        let released = step(&going, |facts| facts.done.released = true);
        assert_eq!(released, Step::Unguard { unreleased: false }, "{phase}");
        assert_eq!(
            step(&without_finalizer(going), |_| {}),
            Step::Forget,
            "{phase}"
        );
    }
}

#[test]
fn deletion_asks_nothing_of_a_replica_that_is_gone_or_never_was() {
    let let_go = Step::Unguard { unreleased: false };
    let going = deleted(ready(), 1);
    assert_eq!(step(&going, |facts| facts.replica = gone()), let_go);
    assert_eq!(step(&deleted(fresh(), 1), |_| {}), let_go);
    for phase in ["Closed", "Lost"] {
        let going = deleted(session(json!({}), placed(phase)), 1);
        assert_eq!(step(&going, |_| {}), let_go, "{phase}");
    }
}

#[test]
fn deletion_waits_for_an_unreachable_replica_only_so_long() {
    for replica in [Replica::Unreachable, Replica::Unseen] {
        let after = |seconds| {
            step(&deleted(ready(), seconds), |facts| {
                facts.replica = replica.clone();
            })
        };
        assert_eq!(after(20), Step::Rest(Some(SOON)));
        assert_eq!(after(59), Step::Rest(Some(Duration::from_secs(1))));
        assert_eq!(after(60), Step::Unguard { unreleased: true });
    }
}
