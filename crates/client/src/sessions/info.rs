//! A SparkSession resource in the words of this client. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{SparkSession, session};

use crate::{Counted, SessionInfo, SessionMetrics, SessionState, Source};

/// What the resource tells.
pub(super) fn info(session: &SparkSession) -> SessionInfo {
    let status = session.status.clone().unwrap_or_default();
    SessionInfo {
        session_id: status.session_id.or_else(|| session.id_on_server()),
        name: Some(session.name_any()),
        namespace: session.namespace(),
        app_name: session.spec.app_name.clone(),
        user: status.user.or_else(|| Some(session.user_on_server())),
        server: Some(session.spec.server.clone()),
        state: state(session, status.phase),
        peer_state: status.phase.map(|phase| format!("{phase:?}")),
        message: status.message,
        spark_version: status.spark_version,
        url: status.url,
        ui_url: None,
        start_time: status.start_time.as_ref().map(instant),
        last_activity_time: status.last_activity_time.as_ref().map(instant),
        end_time: status.end_time.as_ref().map(instant),
    }
}

/// What its status counts.
pub(super) fn metrics(session: &SparkSession) -> SessionMetrics {
    let told = session.status.as_ref();
    let told = told.and_then(|status| status.metrics.clone());
    let session::SessionMetrics {
        queries_executed,
        active_queries,
        failed_queries,
        artifacts_uploaded,
        data_read_bytes,
        data_written_bytes,
        execution_time_ms,
    } = told.unwrap_or_default();
    let counted = |number: Option<i64>| {
        number.map(|value| Counted {
            value,
            source: Source::Status,
        })
    };
    SessionMetrics {
        queries_executed: counted(queries_executed),
        active_queries: counted(active_queries),
        failed_queries: counted(failed_queries),
        artifacts_uploaded: counted(artifacts_uploaded),
        data_read_bytes: counted(data_read_bytes),
        data_written_bytes: counted(data_written_bytes),
        execution_time_ms: counted(execution_time_ms),
    }
}

fn state(session: &SparkSession, phase: Option<SessionPhase>) -> SessionState {
    match phase {
        // Without a phase it is one that no operator has seen yet.
        None | Some(SessionPhase::Pending) => SessionState::Pending,
        // What is being deleted takes no more queries for long.
        Some(SessionPhase::Ready) if session.metadata.deletion_timestamp.is_some() => {
            SessionState::Closed
        }
        Some(SessionPhase::Ready) => SessionState::Ready,
        Some(SessionPhase::Closed) => SessionState::Closed,
        Some(SessionPhase::Expired) => SessionState::Expired,
        Some(SessionPhase::Lost) => SessionState::Lost,
        Some(SessionPhase::Failed) => SessionState::Failed,
    }
}

fn instant(time: &Time) -> jiff::Timestamp {
    time.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(status: &serde_json::Value) -> SparkSession {
        serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1",
            "kind": "SparkSession",
            "metadata": {"name": "ada", "namespace": "team", "uid": "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10"},
            "spec": {"server": "demo", "appName": "notebook"},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_new_one_is_pending_and_has_its_id_already() {
        let info = info(&session(&json!(null)));
        assert_eq!(info.state, SessionState::Pending);
        assert_eq!(
            info.session_id.as_deref(),
            Some("6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10")
        );
        assert_eq!(info.user.as_deref(), Some("team/ada"));
        assert_eq!(info.peer_state, None);
    }

    #[test]
    fn every_phase_has_its_state_with_the_reason_of_the_operator() {
        for (phase, state) in [
            ("Pending", SessionState::Pending),
            ("Ready", SessionState::Ready),
            ("Closed", SessionState::Closed),
            ("Expired", SessionState::Expired),
            ("Lost", SessionState::Lost),
            ("Failed", SessionState::Failed),
        ] {
            let info = info(&session(&json!({"phase": phase, "message": "because"})));
            assert_eq!(info.state, state);
            assert_eq!(info.peer_state.as_deref(), Some(phase));
            assert_eq!(info.message.as_deref(), Some("because"));
        }
    }

    #[test]
    fn numbers_are_the_status_own_or_absent() {
        let none = metrics(&session(&json!({"phase": "Ready"})));
        assert_eq!(none, SessionMetrics::default());
        let some = metrics(&session(&json!({"metrics": {"queriesExecuted": 3}})));
        let three = Counted {
            value: 3,
            source: Source::Status,
        };
        assert_eq!(some.queries_executed, Some(three));
        assert_eq!(some.data_read_bytes, None);
    }
}
