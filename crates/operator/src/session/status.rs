//! The status of a session after each step. Pure: the clock is handed in.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use sparkconnect_api::condition::{
    self, ACCESS_ENFORCED, ASSIGNED, CONF_APPLIED, ENDED, Observation, READY, STALLED,
};
use sparkconnect_api::session::{Binding, SessionMetrics, SessionPhase};
use sparkconnect_api::{Reason, SessionStatus, SparkSession};
use sparkconnect_spark::SessionRef;
use sparkconnect_spark::key::token_hash;

use super::conditions::{conf_applied, enforced, stalled, unenforced, unreachable, well};
use super::connection::{Connection, Way};
use super::decide::{Ending, Health};
use super::facts::{Candidate, Facts};
use super::secret;
use crate::events::{Note, transitions};
use crate::live::SessionSeen;

/// There is no replica, and why.
pub fn waiting(
    session: &SparkSession,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> SessionStatus {
    let mut status = unassigned(session);
    status.phase = Some(SessionPhase::Pending);
    observe(
        &mut status,
        session,
        &Observation::no(ASSIGNED, reason, message),
        now,
    );
    observe(
        &mut status,
        session,
        &Observation::no(READY, reason, message),
        now,
    );
    status
}

/// The session has a replica; nothing is made yet.
pub fn assigned(
    session: &SparkSession,
    reference: &SessionRef,
    replica: &Candidate,
    now: Timestamp,
) -> SessionStatus {
    let mut status = unassigned(session);
    status.phase = Some(SessionPhase::Pending);
    status.server = Some(replica.name.clone());
    status.replica_uid = Some(replica.uid.clone());
    status.application_id = replica.application_id.clone();
    status.session_id = Some(reference.session_id.to_string());
    status.user = Some(reference.user.clone());
    let message = format!("has replica {}", replica.name);
    observe(
        &mut status,
        session,
        &Observation::yes(ASSIGNED, Reason::Assigned, message),
        now,
    );
    let message = format!("is being made on replica {}", replica.name);
    observe(
        &mut status,
        session,
        &Observation::no(READY, Reason::Creating, message),
        now,
    );
    status
}

/// Something keeps the session from being made, or its connection Secret from being written.
pub fn troubled(
    session: &SparkSession,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> SessionStatus {
    let mut status = session.status.clone().unwrap_or_default();
    if status.phase != Some(SessionPhase::Ready) {
        // While a session lives, its generation is the one whose settings are in force.
        status.observed_generation = session.metadata.generation;
        status.phase = Some(SessionPhase::Pending);
    }
    observe(
        &mut status,
        session,
        &Observation::no(READY, reason, message),
        now,
    );
    status
}

/// How long a session has not been ready, since it was first seen or lost its replica.
pub fn waited(session: &SparkSession, now: Timestamp) -> Duration {
    let conditions = session.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.into_iter().find(|it| it.type_ == READY);
    let since = ready.map_or(now, |ready| ready.last_transition_time.0);
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Spark's id of this making.
    pub server_side_session_id: String,
    /// Version of Spark, where it is known.
    pub spark_version: Option<String>,
    /// How it is reached.
    pub connection: Connection,
}

/// The session lives.
pub fn ready(session: &SparkSession, made: Made, now: Timestamp) -> SessionStatus {
    let mut status = of_generation(session);
    status.phase = Some(SessionPhase::Ready);
    status.server_side_session_id = Some(made.server_side_session_id);
    status.spark_version = made.spark_version;
    status.binding = Some(Binding {
        name: secret::name(&session.name_any()),
    });
    status.start_time = Some(Time(now));
    status.applied_conf = session.spec.spark_conf.keys().cloned().collect();
    let metrics = status.metrics.unwrap_or_default();
    status.metrics = Some(SessionMetrics {
        // One that is made anew has them again.
        artifacts_uploaded: metrics.artifacts_uploaded.max(Some(artifacts(session))),
        ..metrics
    });
    observe(&mut status, session, &well(session), now);
    if !session.spec.spark_conf.is_empty() {
        observe(&mut status, session, &conf_applied(), now);
    }
    tell_way_in(&mut status, session, &made.connection, now);
    status
}

/// The settings of the present spec are in force.
pub fn configured(session: &SparkSession, now: Timestamp) -> SessionStatus {
    let mut status = of_generation(session);
    let had_any = condition::find(&status.conditions, CONF_APPLIED).is_some();
    status.applied_conf = session.spec.spark_conf.keys().cloned().collect();
    if had_any || !session.spec.spark_conf.is_empty() {
        observe(&mut status, session, &conf_applied(), now);
    }
    status
}

/// Spark refused the setting `key` of the present spec. What it had before stays in force, and others may be in force.
pub fn unconfigured(
    session: &SparkSession,
    key: Option<&str>,
    message: &str,
    now: Timestamp,
) -> SessionStatus {
    let mut status = of_generation(session);
    let was_in_force = |name: &String| status.applied_conf.contains(name);
    let names = session.spec.spark_conf.keys();
    let may_be = names.filter(|name| was_in_force(name) || key != Some(name.as_str()));
    status.applied_conf = may_be.cloned().collect();
    let refused = Observation::no(CONF_APPLIED, Reason::ConfRejected, message);
    observe(&mut status, session, &refused, now);
    status
}

/// The settings of the present spec could not be set. The generation stays the one that is in force, so that they are tried
/// again.
pub fn not_configured_yet(session: &SparkSession, message: &str, now: Timestamp) -> SessionStatus {
    let mut status = session.status.clone().unwrap_or_default();
    observe(
        &mut status,
        session,
        &Observation::no(CONF_APPLIED, Reason::ServerFailed, message),
        now,
    );
    status
}

/// What the live watch has seen of a session that lives.
pub fn kept(facts: &Facts, health: Health, now: Timestamp) -> SessionStatus {
    let session = facts.session;
    let mut status = facts.status.clone();
    take_up(&mut status, session, facts.seen.as_ref());
    match health {
        Health::Well => {
            if let super::facts::Replica::Serving { application_id } = &facts.replica {
                status.application_id = status.application_id.or_else(|| application_id.clone());
            }
            observe(&mut status, session, &well(session), now);
            if let Some(connection) = &facts.connection {
                tell_way_in(&mut status, session, connection, now);
            }
        }
        Health::Unreachable => observe(&mut status, session, &unreachable(session), now),
        Health::Unknown => {}
    }
    status
}

/// The replica is gone and the session begins anew; what it has counted stays.
pub fn recreating(facts: &Facts, message: &str, now: Timestamp) -> SessionStatus {
    let mut status = unassigned(facts.session);
    take_up(&mut status, facts.session, facts.seen.as_ref());
    status.phase = Some(SessionPhase::Pending);
    for type_ in [ASSIGNED, READY] {
        observe(
            &mut status,
            facts.session,
            &Observation::no(type_, Reason::Recreating, message),
            now,
        );
    }
    status
}

/// The session has ended. Its token's hash stays, so that the gateway can tell whoever comes with the token.
pub fn ended(facts: &Facts, ending: &Ending, now: Timestamp) -> SessionStatus {
    let mut status = said_no_more(of_generation(facts.session));
    take_up(&mut status, facts.session, facts.seen.as_ref());
    status.phase = Some(ending.phase);
    status.end_time = Some(Time(now));
    status.binding = None;
    status.url = None;
    condition::remove(&mut status.conditions, READY);
    let ended = Observation::yes(ENDED, ending.reason, ending.message.clone());
    observe(&mut status, facts.session, &ended, now);
    status
}

/// The spec of a session that has ended was changed, which changes nothing; and what a former version of the operator told is told in
/// today's words.
pub fn acknowledged(session: &SparkSession, now: Timestamp) -> SessionStatus {
    let mut status = of_generation(session);
    if let Some(told) = formerly_told(&status) {
        if told.type_ == ENDED {
            condition::remove(&mut status.conditions, READY);
        }
        let since = status.end_time.as_ref().map_or(now, |time| time.0);
        observe(&mut status, session, &told, since);
    }
    status
}

/// What a status of a former version says that nothing else would bring up to date: before there was `status.message`, an end was a reason
/// of Ready, and nothing was Stalled.
pub fn formerly_told(status: &SessionStatus) -> Option<Observation> {
    let ready = condition::find(&status.conditions, READY).filter(|_| status.message.is_none())?;
    let (reason, message) = (Reason::of(&ready.reason)?, ready.message.clone());
    Some(match status.phase {
        Some(phase) if phase.is_final() => Observation::yes(ENDED, reason, message),
        _ => Observation::no(READY, reason, message),
    })
}

/// What the live watch goes on counting from: of artifacts, those that came through gateways.
pub fn counted(session: &SparkSession) -> SessionMetrics {
    let status = session.status.as_ref();
    let metrics = status.and_then(|status| status.metrics.clone());
    let metrics = metrics.unwrap_or_default();
    let uploaded = metrics.artifacts_uploaded;
    SessionMetrics {
        artifacts_uploaded: uploaded.map(|all| all.saturating_sub(artifacts(session)).max(0)),
        ..metrics
    }
}

/// Whether `new` tells something that `old` does not: a later time alone is not worth a write.
pub fn differs(old: &SessionStatus, new: &SessionStatus) -> bool {
    let timeless = |status: &SessionStatus| SessionStatus {
        last_activity_time: None,
        metrics_cursor: None,
        ..status.clone()
    };
    timeless(old) != timeless(new)
}

/// What to tell of a change: why a session waits, lives or has ended, and settings that are refused.
pub fn notes(before: &[Condition], after: &[Condition]) -> Vec<Note> {
    let told = [(READY, None), (ENDED, None), (CONF_APPLIED, Some("False"))];
    let mut notes = transitions(before, after, &told);
    // Settings that came with the session are in force with it: only a later change is news.
    let had_settings = condition::find(before, CONF_APPLIED).is_some();
    notes.retain(|note| had_settings || note.reason != Reason::Applied);
    notes
}

/// The last status, said of the present spec.
fn of_generation(session: &SparkSession) -> SessionStatus {
    SessionStatus {
        observed_generation: session.metadata.generation,
        ..session.status.clone().unwrap_or_default()
    }
}

/// The last status without anything that a replica gave. The token's hash is none of that: it is the same on the next one.
fn unassigned(session: &SparkSession) -> SessionStatus {
    SessionStatus {
        server: None,
        replica_uid: None,
        application_id: None,
        server_side_session_id: None,
        spark_version: None,
        url: None,
        binding: None,
        start_time: None,
        last_activity_time: None,
        ..said_no_more(of_generation(session))
    }
}

/// The status without what is only true of a session that lives.
fn said_no_more(mut status: SessionStatus) -> SessionStatus {
    status
        .conditions
        .retain(|it| ![CONF_APPLIED, ACCESS_ENFORCED].contains(&it.type_.as_str()));
    status.applied_conf.clear();
    status
}

fn take_up(status: &mut SessionStatus, session: &SparkSession, seen: Option<&SessionSeen>) {
    let Some(seen) = seen.filter(|seen| seen.existence.is_some()) else {
        return;
    };
    let through_gateways = seen.metrics.artifacts_uploaded.unwrap_or(0);
    status.metrics = Some(SessionMetrics {
        artifacts_uploaded: Some(artifacts(session).saturating_add(through_gateways)),
        ..seen.metrics.clone()
    });
    status.metrics_cursor = seen.cursor.clone();
    let times = status
        .last_activity_time
        .iter()
        .map(|time| time.0)
        .chain(seen.last_activity);
    status.last_activity_time = times.max().map(Time);
}

/// Takes up `what`, and what follows from it: whether waiting still helps, and the sentence that tells most.
fn observe(status: &mut SessionStatus, session: &SparkSession, what: &Observation, now: Timestamp) {
    let generation = session.metadata.generation;
    condition::set(&mut status.conditions, what, generation, now);
    match stalled(status) {
        Some(stalled) => condition::set(&mut status.conditions, &stalled, generation, now),
        None => condition::remove(&mut status.conditions, STALLED),
    }
    status.message = condition::headline(&status.conditions);
}

/// How the session is reached. It may change while the session lives, with the operator's settings; its Secret comes first.
fn tell_way_in(
    status: &mut SessionStatus,
    session: &SparkSession,
    connection: &Connection,
    now: Timestamp,
) {
    let (hash, access) = match connection.way {
        Way::Direct => (None, unenforced()),
        Way::Gateway { .. } => (Some(token_hash(&connection.token)), enforced()),
    };
    status.url = Some(connection.url());
    status.token_hash = hash;
    observe(status, session, &access, now);
}

fn artifacts(session: &SparkSession) -> i64 {
    i64::try_from(session.spec.artifacts.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "status_end_tests.rs"]
mod end_tests;
#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
