//! A batch as Livy tells of it, and as this client does. Pure.

use serde::Deserialize;

use super::log::{self, Section};
use crate::{Application, ApplicationState};

/// The part of it that this client tells of. Livy writes what it does not know as null, or leaves it out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    state: String,
    app_id: Option<String>,
    app_info: Option<AppInfo>,
    /// Its last lines.
    #[serde(default)]
    log: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppInfo {
    spark_ui_url: Option<String>,
}

/// One page of the list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) total: u64,
    pub(super) sessions: Vec<Batch>,
}

/// The state alone.
#[derive(Debug, Deserialize)]
pub(super) struct State {
    state: String,
}

impl Batch {
    /// Whether it is but an entry: Livy refused the request after it had entered it, and keeps it as `starting` for ever. What really starts
    /// has a log from the first moment, if only the log's headings.
    pub(super) fn is_refused(&self) -> bool {
        self.state == "starting" && self.app_id.is_none() && self.log.is_empty()
    }

    /// What it tells.
    pub(super) fn application(self) -> Application {
        Application {
            id: self.id.to_string(),
            name: self.name,
            namespace: None,
            state: meaning(&self.state),
            peer_state: Some(self.state),
            message: diagnostics(self.log),
            spark_application_id: self.app_id,
            ui_url: self.app_info.and_then(|info| info.spark_ui_url),
            submitted: None,
            ended: None,
            executors: None,
        }
    }
}

impl State {
    /// Whether it has ended.
    pub(super) fn is_final(&self) -> bool {
        meaning(&self.state).is_final()
    }
}

fn meaning(state: &str) -> ApplicationState {
    match state {
        "not_started" | "starting" | "recovering" => ApplicationState::Submitted,
        "running" | "idle" | "busy" | "shutting_down" => ApplicationState::Running,
        "success" => ApplicationState::Succeeded,
        "dead" | "error" => ApplicationState::Failed,
        "killed" => ApplicationState::Cancelled,
        _ => ApplicationState::Unknown,
    }
}

/// What the cluster manager says of it: Livy has that as one more part of the log.
fn diagnostics(log: Vec<String>) -> Option<String> {
    let parts = log::sections(log).into_iter();
    let told = parts.filter(Section::is_diagnostics);
    let lines: Vec<_> = told.flat_map(|part| part.lines).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_state_has_its_meaning() {
        for (state, meant) in [
            ("not_started", ApplicationState::Submitted),
            ("starting", ApplicationState::Submitted),
            ("recovering", ApplicationState::Submitted),
            ("running", ApplicationState::Running),
            ("busy", ApplicationState::Running),
            ("success", ApplicationState::Succeeded),
            ("dead", ApplicationState::Failed),
            ("error", ApplicationState::Failed),
            ("killed", ApplicationState::Cancelled),
            ("of a later version", ApplicationState::Unknown),
        ] {
            assert_eq!(meaning(state), meant, "{state}");
        }
    }

    #[test]
    fn what_yarn_says_is_the_message() {
        let batch = json!({
            "id": 3, "name": null, "state": "dead", "appId": "application_1_2",
            "appInfo": {"driverLogUrl": null, "sparkUiUrl": "http://yarn/proxy/application_1_2"},
            "log": ["stdout: ", "a", "\nstderr: ", "\nYARN Diagnostics: ", "no queue", "for it"]
        });
        let batch: Batch = serde_json::from_value(batch).unwrap();
        let application = batch.application();
        assert_eq!((application.id.as_str(), application.name), ("3", None));
        assert_eq!(application.message.as_deref(), Some("no queue\nfor it"));
        let url = application.ui_url.unwrap();
        assert_eq!(url, "http://yarn/proxy/application_1_2");
    }
}
