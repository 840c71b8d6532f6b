//! What Prometheus is shown of servers and sessions.

use serde_json::json;
use sparkconnect_api::session::SessionMetrics;
use sparkconnect_spark::Existence;

use super::*;
use crate::session::testing::{NOW, at, placed, server, session};

/// The text that Prometheus gets of what `fill` fills in.
fn text(fill: impl Fn(&State) + Send + Sync + 'static) -> String {
    let registry = Registry::new();
    register(&registry, fill).unwrap();
    registry.text().unwrap()
}

fn seen() -> SessionSeen {
    SessionSeen {
        existence: Some(Existence::Alive {
            server_side_session_id: "made-1".to_owned(),
        }),
        observed: true,
        last_activity: Some(at(NOW - 60)),
        metrics: SessionMetrics {
            queries_executed: Some(7),
            execution_time_ms: Some(2500),
            ..SessionMetrics::default()
        },
        ..SessionSeen::default()
    }
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        let line = format!("\nsparkconnect_{line}\n");
        assert!(text.contains(&line), "{line}in{text}");
    }
}

#[test]
fn a_server_is_shown_as_its_status_tells() {
    let condition = |type_: &str, status: &str, reason: &str| {
        let at = at(NOW);
        json!({"type": type_, "status": status, "reason": reason, "message": "m", "lastTransitionTime": at})
    };
    let conditions = [
        condition("Ready", "True", "Serving"),
        condition("Degraded", "True", "DriverFails"),
        condition("Progressing", "False", "Settled"),
        condition("VersionMatched", "Unknown", "NotAnswered"),
    ];
    let status = json!({"phase": "Degraded", "readyReplicas": 1, "conditions": conditions});
    let spec = json!({"replicas": 3, "mode": "Local"});
    let text = text(move |state| state.server(&server(spec.clone(), status.clone())));
    let of = r#"namespace="team-a""#;
    has(
        &text,
        &[
            &format!(
                r#"server_info{{mode="Local",{of},phase="Degraded",server="demo",version="4.1.4"}} 1"#
            ),
            &format!(r#"server_wanted_replicas{{{of},server="demo"}} 3"#),
            &format!(r#"server_ready_replicas{{{of},server="demo"}} 1"#),
            &format!(
                r#"server_condition{{condition="Degraded",{of},reason="DriverFails",server="demo"}} 1"#
            ),
            &format!(
                r#"server_condition{{condition="Progressing",{of},reason="Settled",server="demo"}} 0"#
            ),
        ],
    );
    assert!(!text.contains("VersionMatched"), "it is not known: {text}");
}

#[test]
fn a_live_session_is_shown_with_what_it_did_and_when_it_will_end() {
    let spec = json!({"user": "ada@example.com", "idleTimeout": "2h", "ttl": "8h"});
    let text = text(move |state| {
        state.session(&session(spec.clone(), placed("Ready")), None, Some(&seen()));
    });
    let of = r#"namespace="team-a",server="demo",session="nb",user="ada@example.com""#;
    let info = r#"session_info{namespace="team-a",phase="Ready",reason="",replica="demo-0",server="demo",session="nb",user="ada@example.com"} 1"#;
    let (idle_end, ttl_end) = (NOW - 60 + 2 * 3600, NOW + 7 * 3600);
    has(
        &text,
        &[
            info,
            &format!("session_queries_executed_total{{{of}}} 7"),
            &format!("session_execution_seconds_total{{{of}}} 2.5"),
            &format!("session_idle_end_timestamp_seconds{{{of}}} {idle_end}"),
            &format!("session_ttl_end_timestamp_seconds{{{of}}} {ttl_end}"),
        ],
    );
    assert!(
        !text.contains("session_queries_failed_total"),
        "the server does not tell: {text}"
    );
}

#[test]
fn work_that_runs_keeps_a_session_from_being_about_to_end() {
    let running = SessionSeen {
        running: true,
        ..seen()
    };
    let spec = json!({"idleTimeout": "2h"});
    let text = text(move |state| {
        state.session(
            &session(spec.clone(), placed("Ready")),
            None,
            Some(&running),
        );
    });
    assert!(!text.contains("session_idle_end"), "{text}");
}

#[test]
fn a_session_that_has_ended_is_shown_no_more_and_one_not_looked_at_without_numbers() {
    let over = text(|state| {
        state.session(&session(json!({}), placed("Expired")), None, Some(&seen()));
    });
    assert!(!over.contains("session"), "{over}");
    let unseen = text(|state| state.session(&session(json!({}), placed("Ready")), None, None));
    assert!(unseen.contains("session_info{"), "{unseen}");
    assert!(!unseen.contains("session_queries"), "{unseen}");
}
