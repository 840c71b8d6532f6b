use serde_json::json;
use sparkconnect_api::reason::Told;
use sparkconnect_spark::Existence;

use super::*;
use crate::gateway::Gateway;
use crate::session::identity::session_ref;
use crate::session::testing::{
    KEY, NOW, UID, at, candidate, facts, gateway, placed, seen, server, session,
};

fn shown(status: &SessionStatus) -> String {
    serde_yaml::to_string(status).unwrap()
}

/// The session with `status`, as the API server would give it back.
pub(super) fn with(session: &SparkSession, status: SessionStatus) -> SparkSession {
    SparkSession {
        status: Some(status),
        ..session.clone()
    }
}

pub(super) fn new_session() -> SparkSession {
    let spec = json!({
        "appName": "etl", "sparkConf": {"spark.sql.shuffle.partitions": "7"},
        "artifacts": [{"name": "pyfiles/a.py", "configMapKeyRef": {"name": "code", "key": "a.py"}}],
    });
    session(spec, json!({}))
}

fn connection(session: &SparkSession, gateway: Option<&Gateway>) -> Connection {
    let server = server(json!({}), json!({}));
    Connection::of(session, Some(&server), &KEY, gateway).unwrap()
}

fn made(session: &SparkSession, gateway: Option<&Gateway>) -> Made {
    Made {
        server_side_session_id: "made-1".to_owned(),
        spark_version: Some("4.1.4".to_owned()),
        connection: connection(session, gateway),
    }
}

/// From nothing to a session that lives, one second a step.
pub(super) fn living() -> (Vec<SessionStatus>, SparkSession) {
    let session = new_session();
    let reason = Reason::NoReplicaReady;
    let waits = waiting(&session, reason, "server demo: starts", at(1));
    let session = with(&session, waits.clone());
    let placed = assigned(
        &session,
        &session_ref(&session).unwrap(),
        &candidate(),
        at(2),
    );
    let session = with(&session, placed.clone());
    let lives = ready(&session, made(&session, None), at(3));
    let session = with(&session, lives.clone());
    (vec![waits, placed, lives], session)
}

#[test]
fn the_statuses_from_waiting_to_ready_are_as_their_snapshots() {
    let (statuses, _) = living();
    for (name, status) in ["waiting", "assigned", "ready"].into_iter().zip(&statuses) {
        insta::assert_snapshot!(format!("status_{name}"), shown(status));
    }
}

/// The hash stays: the gateway tells by it what became of the session.
#[test]
fn with_a_gateway_the_status_from_ready_to_the_end_is_as_its_snapshots() {
    let session = session(json!({"user": "ada"}), placed("Pending"));
    let gateway = gateway("gateway.example.com:443");
    let lives = ready(&session, made(&session, Some(&gateway)), at(3));
    insta::assert_snapshot!("status_ready_gateway", shown(&lives));
    let token = KEY.session_token(UID);
    assert_eq!(lives.token_hash, Some(token_hash(&token)));
    assert!(!shown(&lives).contains(token.expose()));
    let session = with(&session, lives);
    let ending = Ending::new(
        SessionPhase::Lost,
        Reason::ServerLost,
        "replica demo-0 ended",
    );
    let end = ended(&facts(&session), &ending, at(60));
    insta::assert_snapshot!("status_ended_gateway", shown(&end));
    let anew = recreating(&facts(&session), "replica demo-0 ended", at(60));
    assert_eq!(
        (anew.url, anew.token_hash),
        (None, Some(token_hash(&token)))
    );
}

#[test]
fn the_way_in_follows_the_operators_settings() {
    let session = session(json!({"user": "ada"}), placed("Pending"));
    let gateway = gateway("gateway.example.com:443");
    let direct = ready(&session, made(&session, None), at(3));
    let through = ready(&session, made(&session, Some(&gateway)), at(3));
    let way_in = |status: &SessionStatus| {
        let access = condition::find(&status.conditions, ACCESS_ENFORCED).unwrap();
        (
            status.url.clone().unwrap(),
            status.token_hash.clone(),
            access.status.clone(),
            access.reason.clone(),
            access.message.clone(),
        )
    };
    for (before, gateway, after) in [
        (&direct, Some(&gateway), &through),
        (&through, None, &direct),
    ] {
        assert_ne!(way_in(before), way_in(after));
        let session = with(&session, before.clone());
        let mut facts = facts(&session);
        facts.connection = Some(connection(&session, gateway));
        let kept = kept(&facts, Health::Well, at(10));
        assert_eq!(way_in(&kept), way_in(after));
        assert!(differs(before, &kept), "it is worth a write");
        facts.connection = None;
        let unknown = super::kept(&facts, Health::Well, at(10));
        assert_eq!(way_in(&unknown), way_in(before), "nothing tells better");
    }
}

#[test]
fn the_end_takes_the_way_in_and_leaves_what_was_counted() {
    let (_, session) = living();
    let mut facts = facts(&session);
    facts.seen = Some(SessionSeen {
        metrics: SessionMetrics {
            queries_executed: Some(3),
            ..SessionMetrics::default()
        },
        last_activity: Some(at(50)),
        ..seen(Existence::Closed)
    });
    let ending = Ending::new(SessionPhase::Closed, Reason::ReleasedByClient, "released");
    insta::assert_snapshot!("status_ended", shown(&ended(&facts, &ending, at(60))));
}

#[test]
fn a_session_made_anew_keeps_what_it_counted_and_nothing_of_its_replica() {
    let (_, session) = living();
    let mut facts = facts(&session);
    facts.seen.as_mut().unwrap().metrics.queries_executed = Some(3);
    insta::assert_snapshot!(
        "status_recreating",
        shown(&recreating(&facts, "replica demo-1 is gone", at(60)))
    );
}

#[test]
fn a_time_alone_is_not_worth_a_write() {
    let (_, session) = living();
    let mut facts = facts(&session);
    facts.replica = crate::session::facts::Replica::Serving {
        application_id: None,
    };
    let first = kept(&facts, Health::Well, at(10));
    assert!(
        !differs(&facts.status, &first),
        "a session that is well stays as it is"
    );
    let seen = facts.seen.as_mut().unwrap();
    seen.last_activity = Some(at(20));
    seen.cursor = Some("further".to_owned());
    seen.running = true;
    let later = kept(&facts, Health::Well, at(30));
    assert_ne!(facts.status, later);
    assert!(!differs(&facts.status, &later));
    facts.seen.as_mut().unwrap().metrics.active_queries = Some(1);
    let counted = kept(&facts, Health::Well, at(40));
    assert!(differs(&facts.status, &counted));
    assert_eq!(
        counted.last_activity_time,
        Some(Time(at(20))),
        "it comes along"
    );
    assert_eq!(counted.metrics.unwrap().artifacts_uploaded, Some(1));
}

#[test]
fn artifacts_are_those_of_the_spec_and_those_that_came_through_gateways() {
    let (_, first) = living();
    assert_eq!(counted(&first).artifacts_uploaded, Some(0));
    let mut facts = facts(&first);
    facts.seen.as_mut().unwrap().metrics.artifacts_uploaded = Some(3);
    let told = with(&first, kept(&facts, Health::Well, at(20)));
    let uploaded = |session: &SparkSession| {
        let status = session.status.clone().unwrap_or_default();
        status
            .metrics
            .and_then(|metrics| metrics.artifacts_uploaded)
    };
    assert_eq!(uploaded(&told), Some(4));
    assert_eq!(counted(&told).artifacts_uploaded, Some(3));
    let anew = with(&first, ready(&told, made(&told, None), at(30)));
    assert_eq!(
        uploaded(&anew),
        Some(4),
        "made anew, it keeps what it has counted"
    );
}

#[test]
fn what_was_not_seen_changes_nothing() {
    let session = session(json!({}), placed("Ready"));
    let mut facts = facts(&session);
    for seen in [None, Some(SessionSeen::default())] {
        facts.seen = seen;
        assert_eq!(kept(&facts, Health::Unknown, at(NOW)), facts.status);
    }
}

#[test]
fn an_unreachable_replica_shows_in_ready_and_goes_again() {
    let (_, session) = living();
    let down = kept(&facts(&session), Health::Unreachable, at(10));
    let ready = condition::find(&down.conditions, READY).unwrap();
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("False", "ReplicaUnreachable")
    );
    assert_eq!(down.phase, Some(SessionPhase::Ready), "it is not lost");
    let session = with(&session, down);
    let up = kept(&facts(&session), Health::Well, at(20));
    assert!(condition::is_true(&up.conditions, READY));
}

#[test]
fn settings_are_in_force_refused_or_still_to_come() {
    let (_, mut session) = living();
    session.metadata.generation = Some(2);
    session.spec.spark_conf = [("spark.b".to_owned(), "1".to_owned())].into();
    let state = |status: &SessionStatus| {
        let found = condition::find(&status.conditions, CONF_APPLIED).unwrap();
        (
            found.status.clone(),
            found.reason.clone(),
            status.observed_generation,
        )
    };
    let done = configured(&session, at(10));
    assert_eq!(
        state(&done),
        ("True".to_owned(), "Applied".to_owned(), Some(2))
    );
    assert_eq!(done.applied_conf, ["spark.b"]);
    let refused = unconfigured(&session, Some("spark.b"), "spark.b: no", at(10));
    assert_eq!(
        state(&refused),
        ("False".to_owned(), "ConfRejected".to_owned(), Some(2))
    );
    assert!(refused.applied_conf.is_empty(), "it never was in force");
    let kept = unconfigured(&with(&session, done), Some("spark.b"), "no", at(10));
    assert_eq!(kept.applied_conf, ["spark.b"], "its old value is in force");
    let later = not_configured_yet(&session, "no answer", at(10));
    assert_eq!(
        state(&later),
        ("False".to_owned(), "ServerFailed".to_owned(), Some(1)),
        "tried again"
    );
}

#[test]
fn a_session_that_never_had_settings_says_nothing_of_them() {
    let mut session = session(json!({}), placed("Ready"));
    session.metadata.generation = Some(2);
    let status = configured(&session, at(10));
    assert_eq!(condition::find(&status.conditions, CONF_APPLIED), None);
    assert_eq!(status.observed_generation, Some(2));
}

#[test]
fn trouble_with_a_living_session_does_not_skip_its_settings() {
    let (_, mut session) = living();
    session.metadata.generation = Some(2);
    let troubled_ = troubled(&session, Reason::SecretRefused, "no", at(10));
    assert_eq!(
        (troubled_.observed_generation, troubled_.phase),
        (Some(1), Some(SessionPhase::Ready))
    );
    let new = troubled(&new_session(), Reason::ArtifactNotFound, "no", at(10));
    assert_eq!(
        (new.observed_generation, new.phase),
        (Some(1), Some(SessionPhase::Pending))
    );
}

#[test]
fn a_person_is_told_of_what_matters_once() {
    let (statuses, session) = living();
    let told = |before: &SessionStatus, after: &SessionStatus| -> Vec<(bool, String)> {
        let notes = notes(&before.conditions, &after.conditions);
        notes
            .into_iter()
            .map(|note| {
                let warning = note.reason.told() == Told::Warning;
                (warning, note.reason.name().to_owned())
            })
            .collect()
    };
    let nothing = SessionStatus::default();
    assert_eq!(
        told(&nothing, &statuses[0]),
        [(false, "NoReplicaReady".to_owned())]
    );
    assert_eq!(
        told(&nothing, &statuses[1]),
        [],
        "the choice of a replica is no news"
    );
    assert_eq!(
        told(&statuses[1], &statuses[2]),
        [(false, "Created".to_owned())]
    );
    let facts = facts(&session);
    let end = |phase, reason| ended(&facts, &Ending::new(phase, reason, "m"), at(60));
    for (phase, reason, warning) in [
        (SessionPhase::Closed, Reason::ReleasedByClient, false),
        (SessionPhase::Expired, Reason::Idle, false),
        (SessionPhase::Lost, Reason::ServerLost, true),
        (SessionPhase::Failed, Reason::ArtifactRejected, true),
    ] {
        assert_eq!(
            told(&statuses[2], &end(phase, reason)),
            [(warning, reason.name().to_owned())]
        );
    }
    let refused = unconfigured(&session, None, "no", at(60));
    assert_eq!(
        told(&statuses[2], &refused),
        [(true, "ConfRejected".to_owned())]
    );
    let refused = with(&session, refused);
    let mended = configured(&refused, at(70));
    assert_eq!(
        told(refused.status.as_ref().unwrap(), &mended),
        [(false, "Applied".to_owned())]
    );
}
