//! What the program tells of its calls: metrics, and the access log where it is wanted.

use sparkconnect_testkit::command;

use crate::{ID, KEY, Process, api_server, apply, demo, start, tell, until};
use sparkconnect_spark::InstallationKey;
use sparkconnect_testkit::apiserver::ApiServer;

/// Values of the metrics page, by name and labels.
fn metrics(process: &Process) -> Vec<(String, f64)> {
    let url = format!("http://{}/metrics", process.health.address());
    let page = command::output(std::process::Command::new("curl").args(["-sf", &url]));
    let page = page.expect("a page");
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

fn value(metrics: &[(String, f64)], name: &str) -> f64 {
    let name = format!("sparkconnect_gateway_{name}");
    let found = metrics.iter().find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {metrics:#?}"))
        .1
}

/// Has the program refuse calls of a session whose replica is not there; returns the session's token.
async fn some_calls(api: &ApiServer, process: &Process) -> String {
    let uid = ["get", "sparksession/ada", "-o=jsonpath={.metadata.uid}"];
    let uid = command::output(&mut api.kubectl(&uid)).expect("a UID");
    let token = InstallationKey::from_bytes(KEY).session_token(&uid);
    let token = token.expose().to_owned();
    let unreachable = |answer: &crate::Answered| answer.message.contains("does not answer");
    until(process, &token, "its replica", unreachable).await;
    until(process, "nobody", "a refusal", |answer| {
        answer.status == Some(16)
    })
    .await;
    token
}

/// What the calls come to, and nobody's name.
fn told_by_metrics(metrics: &[(String, f64)]) {
    assert_eq!(value(metrics, "sessions"), 1.0);
    let failed = value(metrics, "calls_total{code=\"UNAVAILABLE\",rpc=\"Config\"}");
    assert!(failed >= 1.0);
    assert_eq!(
        value(metrics, "refusals_total{reason=\"replica_unreachable\"}"),
        failed
    );
    assert_eq!(
        value(metrics, "call_duration_seconds_count{rpc=\"Config\"}"),
        {
            let codes = metrics
                .iter()
                .filter(|(name, _)| name.contains("calls_total{"));
            codes.map(|(_, value)| value).sum::<f64>()
        }
    );
    assert!(value(metrics, "received_bytes_total") > 0.0);
    for certificate in ["clients", "operator"] {
        let name = format!("certificate_expiry_timestamp_seconds{{certificate=\"{certificate}\"}}");
        assert!(value(metrics, &name) > 1.7e9, "{certificate}");
    }
    let labels = ["default", "ada", "demo"];
    let bounded = |(name, _): &(String, f64)| !labels.iter().any(|label| name.contains(label));
    assert!(metrics.iter().all(bounded), "{metrics:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_measured_and_logged_where_that_is_wanted() {
    let api = api_server();
    apply(&api, &demo());
    apply(
        &api,
        &serde_json::json!({
            "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
            "metadata": {"name": "ada", "namespace": "default"}, "spec": {"server": "demo", "user": "ada", "sessionId": ID},
        }),
    );
    tell(&api, "ada", "Ready", "serves");
    for wanted in [false, true] {
        let more: &[&str] = if wanted { &["--access-log"] } else { &[] };
        let process = start(&api, more);
        let token = some_calls(&api, &process).await;
        told_by_metrics(&metrics(&process));
        let log = process.log();
        let line = log.lines().find(|line| {
            [
                "rpc=\"Config\"",
                "session=default/ada",
                "user=\"ada\"",
                "code=\"UNAVAILABLE\"",
            ]
            .iter()
            .all(|part| line.contains(part))
        });
        assert_eq!(line.is_some(), wanted, "{log}");
        assert_eq!(
            log.contains("sparkconnect_gateway::access"),
            wanted,
            "{log}"
        );
        for reason in ["unknown_token", "replica_unreachable"] {
            let reason = format!("reason=\"{reason}\"");
            assert!(log.contains(&reason), "{reason}: {log}");
        }
        assert!(!log.contains(&token), "{log}");
    }
}
