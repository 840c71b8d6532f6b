//! Conditions of both resources: their types, when each is true, and how a list of them changes. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::reason::Reason;

macro_rules! types {
    ($($(#[doc = $meaning:literal])+ $name:ident = $word:literal;)*) => {
        $($(#[doc = $meaning])+ pub const $name: &str = $word;)*

        /// Every type, with when it is what.
        pub const TYPES: &[(&str, &str)] = &[$(($word, concat!($($meaning),+)),)*];
    };
}

types! {
    /// Server: True while at least one replica answers the semantic probe and takes sessions; absent while Suspended is there
    /// instead. Session: True while the session exists on its replica, which answers, and its connection Secret is written;
    /// absent once Ended is there instead. So Ready is False only where it is yet to become True.
    READY = "Ready";
    /// True while the operator changes something: replicas start, drain, restart or stop. The message says which.
    PROGRESSING = "Progressing";
    /// True when every answering replica reports `spec.version`; False names the version found, or says that the version is
    /// not supported and why; Unknown until a replica has answered.
    VERSION_MATCHED = "VersionMatched";
    /// True when every Secret and ConfigMap that the spec names exists and is usable; False names those that are not.
    INPUTS_RESOLVED = "InputsResolved";
    /// True when something is wrong that needs a person: a crash loop, an image that cannot be pulled, a refused pod. The
    /// message quotes the cause.
    DEGRADED = "Degraded";
    /// True once a session has a replica.
    ASSIGNED = "Assigned";
    /// True while every setting of the session's `sparkConf` is in force; False names the one that Spark refused, or says why they
    /// could not be set. Absent while the session never had any.
    CONF_APPLIED = "ConfApplied";
    /// True where sessions' URLs point at the gateway, which lets each token into its own session only; False where they point at
    /// the server itself, whose one token all its sessions share.
    ACCESS_ENFORCED = "AccessEnforced";
    /// True once a session has ended, in whichever way; the reason says how. Absent before.
    ENDED = "Ended";
    /// True while a server is stopped on purpose, by `suspend` or `replicas: 0`, and no replica takes sessions any more. Absent
    /// otherwise.
    SUSPENDED = "Suspended";
    /// True while a server is not as its spec says and will be by itself: replicas start, drain, restart or stop, or it waits for
    /// an input that is not there yet, or for room for its pods. Absent otherwise. A word of kstatus, which Flux and others wait by.
    RECONCILING = "Reconciling";
    /// True when waiting does not help, and a person must change the resource or what stands in its way: a spec that cannot work, an
    /// image that cannot be pulled, a driver that fails, another version than asked for (server); settings that Spark refuses, a
    /// Secret of somebody else's, an end that was not meant (session). Absent otherwise, and never together with Reconciling. A word
    /// of kstatus too.
    STALLED = "Stalled";
}

/// Longest message of a condition: the API server's own bound is 32,768 characters; a person reads far less.
const MESSAGE_LIMIT: usize = 1024;

/// What a condition is to be, before it is merged into a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// One of this module's types.
    pub type_: &'static str,
    /// True, False, or `None` for Unknown.
    pub status: Option<bool>,
    /// Why, as a word that programs can match on.
    pub reason: Reason,
    /// A sentence for people.
    pub message: String,
}

impl Observation {
    /// A condition with the status True.
    pub fn yes(type_: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(type_, Some(true), reason, message.into())
    }

    /// A condition with the status False.
    pub fn no(type_: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(type_, Some(false), reason, message.into())
    }

    /// A condition with the status Unknown.
    pub fn unknown(type_: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(type_, None, reason, message.into())
    }

    fn new(type_: &'static str, status: Option<bool>, reason: Reason, message: String) -> Self {
        let observation = Self {
            type_,
            status,
            reason,
            message,
        };
        let place = (type_, observation.status_text());
        debug_assert!(
            reason.places().contains(&place),
            "{place:?} for {reason:?} is not documented"
        );
        observation
    }

    fn status_text(&self) -> &'static str {
        match self.status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        }
    }
}

/// Puts `observation` in the place of its type in `conditions`; `lastTransitionTime` moves only when the status changes.
pub fn set(
    conditions: &mut Vec<Condition>,
    observation: &Observation,
    generation: Option<i64>,
    now: Timestamp,
) {
    let status = observation.status_text();
    let old = conditions
        .iter()
        .position(|condition| condition.type_ == observation.type_);
    let since = old
        .map(|index| &conditions[index])
        .filter(|condition| condition.status == status)
        .map_or(Time(now), |condition| {
            condition.last_transition_time.clone()
        });
    let condition = Condition {
        type_: observation.type_.to_owned(),
        status: status.to_owned(),
        reason: observation.reason.name().to_owned(),
        message: observation.message.chars().take(MESSAGE_LIMIT).collect(),
        observed_generation: generation,
        last_transition_time: since,
    };
    match old {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

/// Takes the condition of a type out of `conditions`, where it is true no more and says so by its absence.
pub fn remove(conditions: &mut Vec<Condition>, type_: &str) {
    conditions.retain(|condition| condition.type_ != type_);
}

/// The sentence for `status.message`: what is wrong for good, else what was meant, else whether it can be used.
pub fn headline(conditions: &[Condition]) -> Option<String> {
    let told = [STALLED, ENDED, SUSPENDED, READY];
    let first = told.iter().find_map(|type_| find(conditions, type_))?;
    Some(first.message.clone())
}

/// The schema of a list of conditions, as strict as the type's own documentation: a list that a program may read by type.
pub(crate) fn list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "description": "One aspect of the state.",
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "description": "Which aspect.",
                    "type": "string",
                    "maxLength": 316,
                    "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$",
                },
                "status": {
                    "description": "Whether it holds.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Why, as a word for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "description": "Why, as a sentence for people.",
                    "type": "string",
                    "maxLength": 32768,
                },
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string",
                    "format": "date-time",
                },
                "observedGeneration": {
                    "description": "Generation of the spec that this speaks of.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
            },
        },
    })
}

/// The condition of a type, if the list has it.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the list has the condition with the status True.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut list = Vec::new();
        set(
            &mut list,
            &Observation::no(READY, Reason::Starting, "starts"),
            Some(1),
            at(10),
        );
        set(
            &mut list,
            &Observation::no(READY, Reason::Draining, "drains"),
            Some(2),
            at(20),
        );
        assert_eq!(list[0].last_transition_time, Time(at(10)));
        assert_eq!(
            (list[0].reason.as_str(), list[0].observed_generation),
            ("Draining", Some(2))
        );
        set(
            &mut list,
            &Observation::yes(READY, Reason::Serving, "serves"),
            Some(2),
            at(30),
        );
        assert_eq!(list[0].last_transition_time, Time(at(30)));
        assert_eq!(list.len(), 1);
        assert!(is_true(&list, READY) && !is_true(&list, DEGRADED));
    }

    #[test]
    fn a_long_message_is_cut() {
        let mut list = Vec::new();
        set(
            &mut list,
            &Observation::unknown(VERSION_MATCHED, Reason::NotAnswered, "é".repeat(5000)),
            None,
            at(1),
        );
        assert_eq!(list[0].message.chars().count(), MESSAGE_LIMIT);
        assert_eq!(list[0].status, "Unknown");
    }
}
