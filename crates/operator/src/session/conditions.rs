//! What the conditions of a session say, where that does not depend on the step. Pure.

use sparkconnect_api::condition::{
    self, ACCESS_ENFORCED, CONF_APPLIED, ENDED, Observation, READY, STALLED,
};
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{Reason, SessionStatus, SparkSession};

/// Where waiting does not help: after an end that was not meant, and while a person must mend a setting or clear the way.
pub(super) fn stalled(status: &SessionStatus) -> Option<Observation> {
    let failed = matches!(
        status.phase,
        Some(SessionPhase::Lost | SessionPhase::Failed)
    );
    let ended = condition::find(&status.conditions, ENDED).filter(|_| failed);
    let in_the_way = [READY, CONF_APPLIED].into_iter().find_map(|type_| {
        condition::find(&status.conditions, type_).filter(|it| {
            Reason::ConfRejected == it.reason.as_str()
                || Reason::SecretNameTaken == it.reason.as_str()
        })
    });
    let cause = ended.or(in_the_way)?;
    Some(Observation::yes(
        STALLED,
        Reason::of(&cause.reason)?,
        cause.message.clone(),
    ))
}

fn replica(session: &SparkSession) -> &str {
    session
        .status
        .as_ref()
        .and_then(|status| status.server.as_deref())
        .unwrap_or("?")
}

/// It lives, on a replica that answers.
pub(super) fn well(session: &SparkSession) -> Observation {
    Observation::yes(
        READY,
        Reason::Created,
        format!("lives on replica {}", replica(session)),
    )
}

/// It lives as far as is known.
pub(super) fn unreachable(session: &SparkSession) -> Observation {
    let message = format!("replica {} does not answer at the moment", replica(session));
    Observation::no(READY, Reason::ReplicaUnreachable, message)
}

/// Its settings are those of the spec.
pub(super) fn conf_applied() -> Observation {
    Observation::yes(
        CONF_APPLIED,
        Reason::Applied,
        "every setting of sparkConf is in force",
    )
}

/// Nothing keeps its users apart from those of other sessions.
pub(super) fn unenforced() -> Observation {
    let message = "the URL points at the server itself: whoever has the token in the connection Secret can use every session of this server";
    Observation::no(ACCESS_ENFORCED, Reason::NoGateway, message)
}

/// The gateway keeps its users apart from those of other sessions.
pub(super) fn enforced() -> Observation {
    let message =
        "the URL points at the gateway: the token in the connection Secret opens this session only";
    Observation::yes(ACCESS_ENFORCED, Reason::Gateway, message)
}
