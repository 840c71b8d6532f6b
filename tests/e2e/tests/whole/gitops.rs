//! What GitOps tools see: every state of both kinds as the operator writes it, judged by the tools' own code and held against the test data of the
//! health scripts; and the example repository, applied as a sync would.
//!
//! With `SPARKCONNECT_WRITE_TESTDATA` set, the test data is written anew.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, environment, server_local, session};
use sparkconnect_testkit::gitops::{Said, Verdict, drift, judge};
use sparkconnect_testkit::install::repository;

const WRITE: &str = "SPARKCONNECT_WRITE_TESTDATA";
const POOL: &str = "sparkconnectserver/pool";

#[test]
fn tools_see_a_pool_and_its_sessions_as_they_are() {
    let ns = Namespace::new("states");
    ns.apply(&session("early", "pool", &json!({})));
    let early = "sparksession/early";
    is(
        &ns,
        early,
        "pending",
        ("Assigned", "ServerNotFound"),
        "Progressing",
    );
    ns.apply(&server_local("pool", &json!({})));
    is(
        &ns,
        POOL,
        "starting",
        ("Reconciling", "Starting"),
        "Progressing",
    );
    is(&ns, POOL, "ready", ("Ready", "Serving"), "Healthy");
    is(&ns, early, "ready", ("Ready", "Created"), "Healthy");
    sessions_that_end(&ns);
    sessions_that_stall(&ns);
    everything_made_has_an_owner(&ns);

    // A change waits for the session that lives, and stopping the server does not.
    ns.patch(
        POOL,
        &json!({"spec": {"sparkConf": {"spark.team.owner": "ada"}}}),
    );
    is(
        &ns,
        POOL,
        "draining",
        ("Reconciling", "Draining"),
        "Progressing",
    );
    ns.patch(POOL, &json!({"spec": {"suspend": true}}));
    is(
        &ns,
        POOL,
        "suspended",
        ("Suspended", "Suspended"),
        "Healthy",
    );
    is(&ns, early, "lost", ("Ended", "ServerSuspended"), "Degraded");
}

fn sessions_that_end(ns: &Namespace) {
    ns.apply(&session("closed", "pool", &json!({})));
    ns.shell("closed")
        .run("(spark.range(7).count(), spark.stop())[0]");
    let closed = "sparksession/closed";
    is(
        ns,
        closed,
        "closed",
        ("Ended", "ReleasedByClient"),
        "Healthy",
    );
    ns.apply(&session("expired", "pool", &json!({"idleTimeout": "2s"})));
    let expired = "sparksession/expired";
    is(ns, expired, "expired", ("Ended", "Idle"), "Healthy");
    // A change that comes too late is not waited for.
    ns.patch(expired, &json!({"spec": {"idleTimeout": "1h"}}));
    is(ns, expired, "expired", ("Ended", "Idle"), "Healthy");
}

fn sessions_that_stall(ns: &Namespace) {
    let id = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
    for name in ["first", "failed"] {
        ns.apply(&session(
            name,
            "pool",
            &json!({"sessionId": id, "user": "ada"}),
        ));
        ns.until_object(&format!("sparksession/{name}"), "taken up", |found| {
            ["Ready", "Failed"]
                .map(Value::from)
                .contains(&found["status"]["phase"])
        });
    }
    let failed = "sparksession/failed";
    is(
        ns,
        failed,
        "failed",
        ("Ended", "SessionIdTaken"),
        "Degraded",
    );
    let conf = json!({"spec": {"sparkConf": {"spark.sql.shuffle.partitions": "many"}}});
    ns.patch("sparksession/first", &conf);
    let first = "sparksession/first";
    is(
        ns,
        first,
        "refused",
        ("Stalled", "ConfRejected"),
        "Degraded",
    );
}

/// Argo CD prunes nothing that has an owner, whatever labels it has.
fn everything_made_has_an_owner(ns: &Namespace) {
    let made = ns.everything().into_iter().filter(|object| {
        let labels = &object["metadata"]["labels"];
        // Kubernetes makes Endpoints, with the labels of their Service; Argo CD leaves them out.
        labels["app.kubernetes.io/managed-by"] == "sparkconnect" && object["kind"] != "Endpoints"
    });
    let made: Vec<Value> = made.collect();
    assert!(made.len() > 8, "{made:?}");
    for object in made {
        let owners = object["metadata"]["ownerReferences"].as_array();
        assert!(owners.is_some_and(|owners| !owners.is_empty()), "{object}");
    }
}

#[test]
fn tools_see_servers_in_trouble_as_they_are() {
    let ns = Namespace::new("troubles");
    let inject = json!({"secrets": [{"name": "absent", "as": "Env"}]});
    let absent = "localhost/sparkconnect/absent:1";
    let other = environment().spark_image("4.1.4");
    for (name, spec, (type_, reason), health) in [
        (
            "missing-input",
            json!({"inject": inject}),
            ("Reconciling", "SecretNotFound"),
            "Progressing",
        ),
        (
            "invalid",
            json!({"driver": {"template": {"spec": {"nodeSelectr": {"disk": "ssd"}}}}}),
            ("Stalled", "InvalidTemplate"),
            "Degraded",
        ),
        (
            "image-not-pulled",
            json!({"image": absent, "imagePullPolicy": "Never"}),
            ("Stalled", "ImageNotPulled"),
            "Degraded",
        ),
        (
            "other-version",
            json!({"image": other}),
            ("Stalled", "VersionDiffers"),
            "Degraded",
        ),
    ] {
        ns.apply(&server_local(name, &spec));
        let server = format!("sparkconnectserver/{name}");
        is(&ns, &server, name, (type_, reason), health);
        ns.delete(&server);
        ns.until_gone(&server);
    }
    let spec = json!({"hard": {"pods": "0"}});
    ns.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": spec,
    }));
    ns.until_object("resourcequota/full", "in force", |found| {
        found["status"]["hard"]["pods"] == "0"
    });
    ns.apply(&server_local("no-room", &json!({})));
    let server = "sparkconnectserver/no-room";
    is(
        &ns,
        server,
        "no-room",
        ("Reconciling", "PodsRefused"),
        "Progressing",
    );
}

/// Waits until the object is in a state, which its test data shows and which both tools see as `health`.
fn is(ns: &Namespace, object: &str, state: &str, told: (&str, &str), health: &str) {
    let kind = match object.split_once('/') {
        Some(("sparkconnectserver", _)) => "SparkConnectServer",
        _ => "SparkSession",
    };
    let path = testdata(kind, state);
    let kept = || {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let kept: Value = serde_yaml::from_str(&text).expect("it is YAML");
        essence(&kept)
    };
    let kept = env::var_os(WRITE).is_none().then(kept);
    let what = format!("{state}, as in {path:?} (written anew with {WRITE}=1)");
    let found = ns.until_object(object, &what, |found| {
        let says = condition(found, told.0).is_some_and(|it| it["reason"] == told.1);
        let seen = found["status"]["observedGeneration"] == found["metadata"]["generation"];
        let settled = told.0 == "Reconciling" || condition(found, "Reconciling").is_none();
        says && seen && settled && kept.as_ref().is_none_or(|kept| essence(found) == *kept)
    });
    let verdict = judged(&found);
    let argo = verdict.argo.as_ref().map(|said| said.status.as_str());
    let kstatus = match health {
        "Healthy" => "Current",
        "Progressing" => "InProgress",
        _ => "Failed",
    };
    assert_eq!(
        (argo, verdict.kstatus.status.as_str()),
        (Some(health), kstatus),
        "{object} is {state}: {verdict:?}\n{found}"
    );
    if kept.is_none() {
        let shown = shown(&found, &ns.name);
        let text = serde_yaml::to_string(&shown).expect("plain values can be written as YAML");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
}

fn judged(object: &Value) -> Verdict {
    let verdicts = judge(std::slice::from_ref(object)).unwrap_or_else(|error| panic!("{error}"));
    verdicts
        .into_iter()
        .next()
        .expect("one object, one verdict")
}

fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|it| it["type"] == type_)
}

fn testdata(kind: &str, state: &str) -> PathBuf {
    let scripts = "deploy/argocd/resource_customizations/sparkconnect.dev";
    let file = format!("{scripts}/{kind}/testdata/{state}.yaml");
    repository().join(file)
}

/// The object without what belongs to this cluster and this run alone.
fn shown(object: &Value, namespace: &str) -> Value {
    let text = object.to_string().replace(namespace, "team");
    let mut shown: Value = serde_json::from_str(&text).expect("it still is JSON");
    let (name, generation) = (
        &object["metadata"]["name"],
        &object["metadata"]["generation"],
    );
    shown["metadata"] = json!({"name": name, "namespace": "team", "generation": generation});
    let status = shown["status"].as_object_mut().expect("it has a status");
    for own in [
        "lastActivityTime",
        "metrics",
        "metricsCursor",
        "replicaUid",
        "tokenHash",
        "url",
    ] {
        status.remove(own);
    }
    shown
}

/// What of a state is the same in every run: its phase, and its conditions with their reasons.
fn essence(object: &Value) -> Value {
    let status = &object["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let told = |it: &Value| json!([it["type"], it["status"], it["reason"]]);
    let conditions: Vec<Value> = conditions.map(told).collect();
    json!({"phase": status["phase"], "conditions": conditions})
}

/// What Argo CD would sync for a team is in sync once it is applied: what the API server fills in is no difference.
#[test]
fn the_example_repository_is_in_sync_once_it_is_applied() {
    for (team, waits) in [("analytics", "Ready"), ("science", "Suspended")] {
        let ns = Namespace::named(&format!("gitops-{team}"));
        let kubectl = &ns.environment().kubectl;
        let folder = repository().join("examples/gitops/teams").join(team);
        let applied = kubectl.kustomize(&folder).and_then(|manifests| {
            kubectl.apply(&manifests)?;
            Ok(manifests)
        });
        let manifests = applied.unwrap_or_else(|error| panic!("{error}"));
        let condition = format!("--for=condition={waits}");
        ns.kubectl(&["wait", &condition, "scs,sps", "--all", "--timeout=3m"]);
        let pairs: Vec<(Value, Value)> = manifests
            .split("\n---\n")
            .map(|it| serde_yaml::from_str(it).expect("kustomize writes YAML"))
            .map(|desired| live(&ns, desired))
            .collect();
        for found in drift(&pairs).unwrap_or_else(|error| panic!("{error}")) {
            assert!(!found.modified, "{found:?}");
        }
        for (_, live) in pairs {
            let (verdict, healthy) = (judged(&live), |it: &Said| it.status == "Healthy");
            // A namespace has no health.
            assert!(verdict.argo.as_ref().is_none_or(healthy), "{verdict:?}");
            assert_eq!(verdict.kstatus.status, "Current", "{verdict:?}");
        }
    }
}

/// A manifest and what the cluster has of it.
fn live(ns: &Namespace, desired: Value) -> (Value, Value) {
    let text = |value: &Value| value.as_str().expect("it has one").to_lowercase();
    let name = format!(
        "{}/{}",
        text(&desired["kind"]),
        text(&desired["metadata"]["name"])
    );
    let live = ns
        .get(&name)
        .unwrap_or_else(|| panic!("{name} is not there"));
    (desired, live)
}
