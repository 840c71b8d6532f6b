//! Events that a person sees in `kubectl describe`. Writes Events; a failure to write one is logged and changes nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use sparkconnect_api::condition;
use sparkconnect_api::reason::{Reason, Told};

use crate::refusal::said;

/// Longest note that the API server takes, in bytes.
const NOTE_LIMIT: usize = 1024;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Why, which says too whether a person should look.
    pub reason: Reason,
    /// A sentence.
    pub text: String,
}

impl Note {
    /// A sentence for a reason.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
        }
    }
}

/// Writes events under the operator's name.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Events of the operator named `instance`.
    pub fn new(client: Client, instance: &str) -> Self {
        let reporter = Reporter {
            controller: "sparkconnect".to_owned(),
            instance: Some(instance.to_owned()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// Writes `note` about `object`.
    pub async fn publish<K: Resource<DynamicType = ()>>(&self, object: &K, note: &Note) {
        let event = Event {
            type_: match note.reason.told() {
                Told::Warning => EventType::Warning,
                Told::Normal | Told::No => EventType::Normal,
            },
            reason: note.reason.name().to_owned(),
            note: Some(cut(&note.text)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        match self.recorder.publish(&event, &object.object_ref(&())).await {
            Err(error) if !is_namespace_ending(&error) => {
                tracing::warn!(
                    reason = note.reason.name(),
                    error = said(&error),
                    "event not written"
                );
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Whether a write was refused because the namespace is on its way out: then there is nobody to tell.
fn is_namespace_ending(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(NOTE_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// What to tell of a change of conditions: each one that is in `told`, when its status or reason changed and the reason is one
/// that is told. Beside it stands the status that a person should look at, if there is one: then only that it came or went
/// is told.
pub fn transitions(
    before: &[Condition],
    after: &[Condition],
    told: &[(&str, Option<&str>)],
) -> Vec<Note> {
    let changed = |now: &&Condition| {
        condition::find(before, &now.type_)
            .is_none_or(|old| old.status != now.status || old.reason != now.reason)
    };
    let bad = |now: &Condition| {
        let told = told.iter().find(|(type_, _)| *type_ == now.type_);
        told.map(|(_, bad)| *bad)
    };
    let was = |now: &Condition, status: &str| {
        condition::find(before, &now.type_).is_some_and(|old| old.status == status)
    };
    after
        .iter()
        .filter(changed)
        .filter_map(|now| {
            let bad = bad(now)?;
            let news = bad.is_none_or(|bad| now.status == bad || was(now, bad));
            let reason = Reason::of(&now.reason).filter(|reason| reason.told() != Told::No)?;
            news.then(|| Note::new(reason, now.message.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkconnect_api::condition::{DEGRADED, Observation, READY, set};

    #[test]
    fn a_change_of_status_or_reason_is_told_once() {
        let now = jiff::Timestamp::now();
        let mut before = Vec::new();
        set(
            &mut before,
            &Observation::no(READY, Reason::Starting, "starts"),
            None,
            now,
        );
        set(
            &mut before,
            &Observation::no(DEGRADED, Reason::AsExpected, "fine"),
            None,
            now,
        );
        let mut after = before.clone();
        set(
            &mut after,
            &Observation::no(READY, Reason::Starting, "starts slowly"),
            None,
            now,
        );
        let told = [(READY, None), (DEGRADED, Some("True"))];
        assert_eq!(transitions(&before, &after, &told), []);
        set(
            &mut after,
            &Observation::yes(READY, Reason::Serving, "serves"),
            None,
            now,
        );
        set(
            &mut after,
            &Observation::yes(DEGRADED, Reason::DriverFails, "crashes"),
            None,
            now,
        );
        let notes = transitions(&before, &after, &told);
        assert_eq!(
            notes,
            [
                Note::new(Reason::Serving, "serves"),
                Note::new(Reason::DriverFails, "crashes")
            ]
        );
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(NOTE_LIMIT)).len(), NOTE_LIMIT);
        assert_eq!(cut("a"), "a");
        assert!(cut(&format!("a{}", "é".repeat(NOTE_LIMIT))).len() < NOTE_LIMIT);
    }
}
