//! The status of a session that has ended, or that waits for a person.

use super::tests::{living, new_session, with};
use super::*;
use crate::session::testing::{at, facts};

#[test]
fn waiting_does_not_help_after_an_end_that_was_not_meant() {
    let (_, session) = living();
    let facts = facts(&session);
    for (phase, reason, stalls) in [
        (SessionPhase::Closed, Reason::ReleasedByClient, false),
        (SessionPhase::Expired, Reason::Idle, false),
        (SessionPhase::Lost, Reason::ServerLost, true),
        (SessionPhase::Failed, Reason::ArtifactRejected, true),
    ] {
        let end = ended(&facts, &Ending::new(phase, reason, "why"), at(60));
        let has = |type_| condition::is_true(&end.conditions, type_);
        assert_eq!((has(ENDED), has(STALLED)), (true, stalls), "{reason:?}");
        assert_eq!(condition::find(&end.conditions, READY), None);
        assert_eq!(end.message.as_deref(), Some("why"));
    }
}

#[test]
fn waiting_does_not_help_until_what_is_in_the_way_is_mended() {
    let (_, session) = living();
    let stalls = |status: &SessionStatus| condition::is_true(&status.conditions, STALLED);
    let refused = unconfigured(&session, Some("spark.b"), "spark.b: no", at(10));
    assert!(stalls(&refused) && condition::is_true(&refused.conditions, READY));
    assert_eq!(refused.message.as_deref(), Some("spark.b: no"));
    let refused = with(&session, refused);
    let seen = kept(&facts(&refused), Health::Well, at(20));
    assert!(stalls(&seen), "nothing was mended");
    let mended = configured(&refused, at(30));
    assert!(!stalls(&mended));
    assert_eq!(mended.message.as_deref(), Some("lives on replica demo-1"));
    for (reason, expected) in [
        (Reason::ConfRejected, true),
        (Reason::SecretNameTaken, true),
        (Reason::ArtifactNotFound, false),
        (Reason::SecretRefused, false),
    ] {
        let status = troubled(&new_session(), reason, "why", at(10));
        assert_eq!(stalls(&status), expected, "{reason:?}");
    }
}

#[test]
fn a_change_after_the_end_is_only_recorded() {
    let (_, session) = living();
    let ending = Ending::new(SessionPhase::Expired, Reason::Idle, "idle");
    let mut session = with(&session, ended(&facts(&session), &ending, at(60)));
    session.metadata.generation = Some(2);
    let acknowledged = acknowledged(&session, at(90));
    assert_eq!(acknowledged.observed_generation, Some(2));
    let before = session.status.unwrap();
    assert_eq!(acknowledged.conditions, before.conditions);
}

#[test]
fn what_a_former_version_told_is_told_in_todays_words() {
    let (_, session) = living();
    let ready = |reason: Reason, message: &str, generation| Condition {
        type_: READY.to_owned(),
        status: "False".to_owned(),
        reason: reason.name().to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
        last_transition_time: Time(at(60)),
    };
    for (phase, reason, stalls) in [
        (SessionPhase::Expired, Reason::Idle, false),
        (SessionPhase::Lost, Reason::ServerLost, true),
        (SessionPhase::Pending, Reason::ConfRejected, true),
    ] {
        let ending = Ending::new(SessionPhase::Expired, Reason::Idle, "idle");
        let mut former = with(&session, ended(&facts(&session), &ending, at(60)));
        let status = former.status.as_mut().unwrap();
        status.phase = Some(phase);
        status.message = None;
        status.conditions = vec![ready(reason, "why", Some(1))];
        let told = acknowledged(&former, at(90));
        let is_there = |type_| condition::find(&told.conditions, type_).is_some();
        assert_eq!(told.message.as_deref(), Some("why"), "{phase:?}");
        assert_eq!(is_there(STALLED), stalls, "{phase:?}");
        assert_eq!(is_there(ENDED), phase.is_final(), "{phase:?}");
        assert_eq!(is_there(READY), !phase.is_final(), "{phase:?}");
        if let Some(ended) = condition::find(&told.conditions, ENDED) {
            assert_eq!(ended.last_transition_time, Time(at(60)), "when it ended");
        }
        assert_eq!(formerly_told(&told), None, "it is told once");
    }
}
