//! The status of kubeflow's SparkApplication. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Application, ApplicationState};

/// The part of it that this client tells of. The operator writes what it does not know as an empty text or as null.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Status {
    spark_application_id: Option<String>,
    termination_time: Option<String>,
    driver_info: DriverInfo,
    application_state: State,
    executor_state: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DriverInfo {
    #[serde(rename = "podName")]
    pod_name: Option<String>,
    #[serde(rename = "webUIAddress")]
    address: Option<String>,
    #[serde(rename = "webUIIngressAddress")]
    ingress_address: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    state: Option<String>,
    error_message: Option<String>,
}

/// What the status tells.
pub(in super::super) fn application(untold: Application, status: Status) -> Application {
    let state = status.application_state;
    let peer_state = said(state.state);
    let info = status.driver_info;
    let ui = said(info.ingress_address).or(said(info.address));
    let executors = status.executor_state.map(|states| {
        let running = states.values().filter(|state| *state == "RUNNING");
        u32::try_from(running.count()).unwrap_or(u32::MAX)
    });
    let ended = said(status.termination_time);
    Application {
        state: meaning(peer_state.as_deref()),
        peer_state,
        message: said(state.error_message),
        spark_application_id: said(status.spark_application_id),
        ui_url: ui.map(url),
        ended: ended.and_then(|time| time.parse().ok()),
        executors,
        ..untold
    }
}

/// The driver's pod, once there is one.
pub(in super::super) fn driver(status: Status) -> Option<String> {
    said(status.driver_info.pod_name)
}

/// Only two states are the end: after every other one the operator may start the application again.
fn meaning(state: Option<&str>) -> ApplicationState {
    match state {
        None
        | Some("SUBMITTED" | "SUBMISSION_FAILED" | "PENDING_RERUN" | "INVALIDATING" | "RESUMING") => {
            ApplicationState::Submitted
        }
        Some("RUNNING" | "SUCCEEDING" | "FAILING" | "SUSPENDING") => ApplicationState::Running,
        Some("COMPLETED") => ApplicationState::Succeeded,
        Some("FAILED") => ApplicationState::Failed,
        Some("SUSPENDED") => ApplicationState::Suspended,
        // `UNKNOWN` among them: the operator has lost sight of the driver.
        Some(_) => ApplicationState::Unknown,
    }
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A Service's address comes without a scheme, an Ingress's with one.
fn url(address: String) -> String {
    if address.contains("://") {
        address
    } else {
        format!("http://{address}")
    }
}
