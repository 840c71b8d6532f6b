//! Events that a person sees in `kubectl describe`. Writes Events; a failure to write one is logged and changes nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use sparkconnect_api::condition;

use crate::refusal::said;

/// Longest note that the API server takes, in bytes.
const NOTE_LIMIT: usize = 1024;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether a person should look.
    pub warning: bool,
    /// A CamelCase word.
    pub reason: String,
    /// A sentence.
    pub text: String,
}

impl Note {
    /// Something that went as it should.
    pub fn normal(reason: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason: reason.into(),
            text: text.into(),
        }
    }

    /// Something that a person should look at.
    pub fn warning(reason: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason: reason.into(),
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
            type_: if note.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: note.reason.clone(),
            note: Some(cut(&note.text)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        match self.recorder.publish(&event, &object.object_ref(&())).await {
            Err(error) if !is_namespace_ending(&error) => {
                tracing::warn!(
                    reason = note.reason,
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

/// What to tell of a change of conditions: each one that is in `told`, when its status or reason changed. Beside it stands
/// the status that a person should look at, if there is one: then only that it came or went is told.
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
            let warning = bad == Some(now.status.as_str());
            let news = warning || bad.is_none_or(|bad| was(now, bad));
            news.then(|| Note {
                warning,
                reason: now.reason.clone(),
                text: now.message.clone(),
            })
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
            &Observation::no(READY, "Starting", "starts"),
            None,
            now,
        );
        set(
            &mut before,
            &Observation::no(DEGRADED, "AsExpected", "fine"),
            None,
            now,
        );
        let mut after = before.clone();
        set(
            &mut after,
            &Observation::no(READY, "Starting", "starts slowly"),
            None,
            now,
        );
        let told = [(READY, None), (DEGRADED, Some("True"))];
        assert_eq!(transitions(&before, &after, &told), []);
        set(
            &mut after,
            &Observation::yes(READY, "Serving", "serves"),
            None,
            now,
        );
        set(
            &mut after,
            &Observation::yes(DEGRADED, "CrashLoop", "crashes"),
            None,
            now,
        );
        let notes = transitions(&before, &after, &told);
        assert_eq!(
            notes,
            [
                Note::normal("Serving", "serves"),
                Note::warning("CrashLoop", "crashes")
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
