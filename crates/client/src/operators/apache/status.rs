//! The status of Apache's SparkApplication. Its final states say that nothing follows, and not how it ended: that is in the history. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Application, ApplicationState};

/// The part of it that this client tells of. The history is keyed by numbers, which in JSON are texts: here `10` comes after `9`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Status {
    current_state: State,
    state_transition_history: BTreeMap<u64, State>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    current_state_summary: Option<String>,
    last_transition_time: Option<String>,
    message: Option<String>,
}

/// What the status tells.
pub(in super::super) fn application(untold: Application, status: Status) -> Application {
    let current = status.current_state;
    let peer_state = current.current_state_summary.clone();
    let (state, ended_with) = match peer_state.as_deref() {
        Some("ResourceReleased" | "TerminatedWithoutReleaseResources") => {
            let history = status.state_transition_history;
            match outcome(history.into_values()) {
                Some((state, outcome)) => (state, Some(outcome)),
                // Its resources were released before it came to an end of its own.
                None => (ApplicationState::Cancelled, Some(current.clone())),
            }
        }
        summary => (meaning(summary), None),
    };
    let ended = ended_with.as_ref().and_then(|state| {
        let time = state.last_transition_time.as_deref();
        time?.parse().ok()
    });
    let message = ended_with.map_or(current.message, |state| state.message);
    Application {
        state,
        peer_state,
        message: message.filter(|message| !message.is_empty()),
        ended,
        ..untold
    }
}

/// How the last attempt ended, of all states from the first to the last.
fn outcome(states: impl DoubleEndedIterator<Item = State>) -> Option<(ApplicationState, State)> {
    for state in states.rev() {
        match state.current_state_summary.as_deref() {
            Some("Succeeded") => return Some((ApplicationState::Succeeded, state)),
            Some(
                "Failed"
                | "SchedulingFailure"
                | "DriverEvicted"
                | "DriverStartTimedOut"
                | "DriverReadyTimedOut"
                | "ExecutorsStartTimedOut",
            ) => return Some((ApplicationState::Failed, state)),
            // What is before it is of an earlier attempt.
            Some("ScheduledToRestart") => return None,
            _ => {}
        }
    }
    None
}

/// A state that is not final: even after `Failed` the operator may start the application again.
fn meaning(summary: Option<&str>) -> ApplicationState {
    match summary {
        None
        | Some(
            "Submitted"
            | "ScheduledToRestart"
            | "DriverRequested"
            | "DriverStartTimedOut"
            | "SchedulingFailure",
        ) => ApplicationState::Submitted,
        Some(
            "DriverStarted"
            | "DriverReady"
            | "DriverReadyTimedOut"
            | "InitializedBelowThresholdExecutors"
            | "ExecutorsStartTimedOut"
            | "RunningHealthy"
            | "RunningWithPartialCapacity"
            | "RunningWithBelowThresholdExecutors"
            | "DriverEvicted"
            | "Succeeded"
            | "Failed",
        ) => ApplicationState::Running,
        Some(_) => ApplicationState::Unknown,
    }
}
