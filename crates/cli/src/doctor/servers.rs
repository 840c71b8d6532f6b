//! The servers of the namespace: those that are not ready, with the operator's reasons. Does I/O in [`look`].

use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkconnect_api::SparkConnectServer;
use sparkconnect_api::condition::{self, DEGRADED, INPUTS_RESOLVED, READY, VERSION_MATCHED};
use sparkconnect_api::server::{ServerPhase, ServerStatus};
use sparkconnect_client::Error;
use sparkconnect_client::kubernetes::{Cluster, named, told};

use super::report::Finding;

/// The servers, or the one that is asked for, and what is told of them.
pub(super) async fn look(
    cluster: &Cluster,
    only: Option<&str>,
) -> (Vec<Finding>, Vec<SparkConnectServer>) {
    match listed(cluster, only).await {
        Ok(servers) => (judge(&servers, &cluster.namespace), servers),
        Err(error) => (vec![Finding::unseen("servers", "them", &error)], Vec::new()),
    }
}

async fn listed(cluster: &Cluster, only: Option<&str>) -> Result<Vec<SparkConnectServer>, Error> {
    let servers: Api<SparkConnectServer> =
        Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let Some(name) = only else {
        let list = servers.list(&ListParams::default()).await;
        return Ok(list.map_err(|error| told(error, "listing servers"))?.items);
    };
    named("SparkConnectServer", name)?;
    let doing = format!("reading the SparkConnectServer {name}");
    let server = servers.get(name).await;
    Ok(vec![server.map_err(|error| told(error, &doing))?])
}

fn judge(servers: &[SparkConnectServer], namespace: &str) -> Vec<Finding> {
    if servers.is_empty() {
        let text = format!("namespace {namespace} has none");
        let finding = Finding::doubtful("servers", text);
        return vec![
            finding.cure("apply a SparkConnectServer, or choose another namespace with -n"),
        ];
    }
    servers.iter().map(judge_one).collect()
}

fn judge_one(server: &SparkConnectServer) -> Finding {
    let check = format!("server {}", server.name_any());
    let Some(status) = server.status.as_ref().filter(|it| it.phase.is_some()) else {
        return Finding::wrong(check, "no operator has seen it yet")
            .cure("see above whether an operator serves this namespace");
    };
    if status.phase == Some(ServerPhase::Suspended) {
        return Finding::doubtful(check, "it is stopped, by `suspend` or `replicas: 0`").cure(
            format!(
                "`kubectl sparkconnect server scale {} 1`, and `suspend: false`",
                server.name_any()
            ),
        );
    }
    if !condition::is_true(&status.conditions, READY) {
        return not_ready(server, status, check);
    }
    let troubled = trouble(status).map(|(what, _)| what);
    let behind = (status.observed_generation < server.metadata.generation)
        .then(|| "the operator has not seen its last change yet".to_owned());
    let version = status.spark_version.as_deref().unwrap_or("not known");
    match troubled.or(behind) {
        Some(what) => Finding::doubtful(check, format!("it is ready, but {what}")),
        None => Finding::well(
            check,
            format!(
                "it is ready, with {} of {} replicas; Spark {version}",
                status.ready_replicas, server.spec.replicas
            ),
        ),
    }
}

fn not_ready(server: &SparkConnectServer, status: &ServerStatus, check: String) -> Finding {
    let name = server.name_any();
    let ready = condition::find(&status.conditions, READY);
    let ready = ready.map_or_else(
        || "it is not ready".to_owned(),
        |ready| format!("{}: {}", ready.reason, ready.message),
    );
    match trouble(status) {
        Some((what, cure)) => {
            let message = what.split_once(": ").map_or(&*what, |(_, message)| message);
            let text = if ready.ends_with(message) {
                format!("it is not ready: {what}")
            } else {
                format!("it is not ready: {ready}; {what}")
            };
            Finding::wrong(check, text).cure(cure.replace("NAME", &name))
        }
        None if status.phase == Some(ServerPhase::Starting) => {
            Finding::doubtful(check, format!("it starts: {ready}"))
                .cure("wait; a first start also pulls the image")
        }
        None => Finding::wrong(check, format!("it is not ready: {ready}")).cure(format!(
            "`kubectl sparkconnect server get {name}` tells more"
        )),
    }
}

/// What the operator says is wrong with it, and what helps.
fn trouble(status: &ServerStatus) -> Option<(String, &'static str)> {
    let bad = |type_: &str, bad: &str| {
        let found = condition::find(&status.conditions, type_)?;
        (found.status == bad).then(|| format!("{}: {}", found.reason, found.message))
    };
    let inputs = bad(INPUTS_RESOLVED, "False").map(|what| (what, "make or mend what it names"));
    let degraded = || {
        bad(DEGRADED, "True").map(|what| {
            (
                what,
                "`kubectl sparkconnect server logs NAME` has the driver's own words",
            )
        })
    };
    let version = || {
        bad(VERSION_MATCHED, "False")
            .map(|what| (what, "set `spec.version` to what the image holds"))
    };
    inputs.or_else(degraded).or_else(version)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::report::Verdict;
    use super::*;

    fn judged(status: &Value) -> Finding {
        let server = serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1",
            "kind": "SparkConnectServer",
            "metadata": {"name": "demo", "namespace": "team", "generation": 2},
            "spec": {"version": "4.3.0"},
            "status": status,
        }));
        judge_one(&server.unwrap())
    }

    fn is(type_: &str, status: &str, reason: &str) -> Value {
        json!({
            "type": type_, "status": status, "reason": reason, "message": format!("because of {reason}"),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    }

    #[test]
    fn a_ready_server_is_well_unless_something_is_the_matter() {
        let ready = is("Ready", "True", "Serving");
        let with = |generation: u32, more: Value| {
            judged(&json!({
                "phase": "Ready", "observedGeneration": generation, "readyReplicas": 1,
                "sparkVersion": "4.3.0", "conditions": [ready, more],
            }))
        };
        let fine = is("Degraded", "False", "Fine");
        let well = with(2, fine.clone());
        assert_eq!(well.verdict, Verdict::Well);
        assert_eq!(
            well.message,
            "it is ready, with 1 of 1 replicas; Spark 4.3.0"
        );
        assert_eq!(with(1, fine).verdict, Verdict::Doubtful);
        let degraded = with(2, is("Degraded", "True", "CrashLoop"));
        assert_eq!(degraded.verdict, Verdict::Doubtful);
        assert!(
            degraded.message.contains("because of CrashLoop"),
            "{degraded:?}"
        );
        let other = with(2, is("VersionMatched", "False", "OtherVersion"));
        assert_eq!(other.verdict, Verdict::Doubtful);
    }

    #[test]
    fn one_that_is_not_ready_tells_the_operators_reason() {
        let ready = is("Ready", "False", "NoReplica");
        let starts = judged(&json!({"phase": "Starting", "conditions": [ready.clone()]}));
        assert_eq!(starts.verdict, Verdict::Doubtful);
        let inputs = is("InputsResolved", "False", "SecretMissing");
        let pending = judged(&json!({"phase": "Pending", "conditions": [ready.clone(), inputs]}));
        assert_eq!(pending.verdict, Verdict::Wrong);
        assert_eq!(
            pending.message,
            "it is not ready: NoReplica: because of NoReplica; SecretMissing: because of SecretMissing"
        );
        let mut told = is("Ready", "False", "InputsMissing");
        let inputs = is("InputsResolved", "False", "SecretMissing");
        told["message"] = inputs["message"].clone();
        let once = judged(&json!({"phase": "Pending", "conditions": [told, inputs]}));
        assert_eq!(
            once.message,
            "it is not ready: SecretMissing: because of SecretMissing"
        );
        let degraded = is("Degraded", "True", "CrashLoop");
        let crashing = judged(&json!({"phase": "Degraded", "conditions": [ready, degraded]}));
        assert!(
            crashing
                .cure
                .is_some_and(|cure| cure.contains("server logs demo"))
        );
        let unseen = judged(&json!({"observedGeneration": -1}));
        assert_eq!(unseen.message, "no operator has seen it yet");
        let suspended = judged(&json!({"phase": "Suspended"}));
        assert_eq!(suspended.verdict, Verdict::Doubtful);
    }

    #[test]
    fn no_server_is_to_be_looked_at() {
        assert_eq!(judge(&[], "team")[0].verdict, Verdict::Doubtful);
    }
}
