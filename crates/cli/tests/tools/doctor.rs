//! Reports of `doctor`.

use std::path::Path;

use serde_json::{Value, json};
use sparkconnect_testkit::apiserver::ApiServer;

use crate::fixture::{
    bare, condition, create, demo, installed, kubectl, namespace, nobody, program, python, tell,
    told,
};

const SYSTEM: &str = "sparkconnect-system";

/// What doctor prints of a namespace, on a machine without PySpark.
fn report(kubeconfig: &Path, namespace: &str, args: &[&str]) -> String {
    with_pyspark(None, kubeconfig, namespace, args)
}

fn with_pyspark(
    pyspark: Option<&str>,
    kubeconfig: &Path,
    namespace: &str,
    args: &[&str],
) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    python(folder.path(), pyspark);
    let mut program = program(kubeconfig, namespace, &[&["doctor"], args].concat());
    let path = std::env::var("PATH").unwrap_or_default();
    program.env("PATH", format!("{}:{path}", folder.path().display()));
    told(&program.output().expect("the program starts"))
}

/// Has the installation tell that it works; without a gateway, which no test of this kind can have.
fn run_operator(server: &ApiServer) {
    let variable = "SPARKCONNECT_GATEWAY_ADDRESS-";
    kubectl(
        server,
        &[
            "-n",
            SYSTEM,
            "set",
            "env",
            "deployment/sparkconnect-operator",
            variable,
        ],
    );
    let available = condition("Available", "True", "MinimumReplicasAvailable", "");
    let status = json!({"replicas": 2, "availableReplicas": 2, "readyReplicas": 2, "conditions": [available]});
    tell(server, SYSTEM, "deployment/sparkconnect-operator", &status);
}

#[test]
fn what_is_not_installed_is_told_with_how_to() {
    let server = bare();
    insta::assert_snapshot!(
        "nothing-installed",
        report(server.kubeconfig(), "default", &[])
    );
}

#[test]
fn a_namespace_where_all_is_well_as_far_as_it_can_be_here() {
    let server = bare();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cluster-wide");
    let folder = deploy.display().to_string();
    kubectl(&server, &["apply", "--server-side", "--kustomize", &folder]);
    kubectl(
        &server,
        &[
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=120s",
        ],
    );
    // The definitions are served a moment after they are established.
    run_operator(&server);
    create(&server, "default", &demo("4.3.0"), &ready("4.3.0"));
    let kubeconfig = server.kubeconfig();
    let well = with_pyspark(Some("4.3.1"), kubeconfig, "default", &[]);
    insta::assert_snapshot!("well", well);
    let skewed = with_pyspark(Some("4.1.4"), kubeconfig, "default", &["--server", "demo"]);
    assert!(
        skewed.contains("pip install 'pyspark[connect]==4.3.*'"),
        "{skewed}"
    );
    let absent = report(kubeconfig, "default", &["--server", "absent"]);
    assert!(absent.contains("FAIL servers: "), "{absent}");
    assert!(absent.contains("\"absent\" not found"), "{absent}");
    let json = report(kubeconfig, "default", &["-o", "json"]);
    insta::assert_snapshot!("json", json);
}

fn ready(version: &str) -> Value {
    json!({
        "observedGeneration": 1, "phase": "Ready", "replicas": 1, "readyReplicas": 1,
        "updatedReplicas": 1, "sparkVersion": version,
        "conditions": [condition("Ready", "True", "ReplicasReady", "it serves")],
    })
}

#[test]
fn a_server_that_is_not_ready_is_told_with_the_operators_reason() {
    let server = installed();
    namespace(server, "not-ready");
    // As the operator tells it, in both.
    let message = "Secret keys does not exist in namespace not-ready: create it, or remove it from inject.secrets";
    let of = |type_| condition(type_, "False", "SecretNotFound", message);
    let (missing, waits) = (of("InputsResolved"), of("Ready"));
    let status = json!({"observedGeneration": 1, "phase": "Pending", "replicas": 0,
        "readyReplicas": 0, "updatedReplicas": 0, "conditions": [waits, missing]});
    create(server, "not-ready", &demo("4.3.0"), &status);
    let told = report(server.kubeconfig(), "not-ready", &[]);
    insta::assert_snapshot!("server-not-ready", told);
}

#[test]
fn somebody_without_rights_learns_which_are_missing() {
    let server = installed();
    namespace(server, "no-rights");
    let told = report(&nobody(server), "no-rights", &[]);
    insta::assert_snapshot!("no-rights", told);
}

#[test]
fn without_a_cluster_the_rest_is_not_looked_at() {
    let told = report(Path::new("/nonexistent/kubeconfig"), "default", &[]);
    insta::assert_snapshot!("no-cluster", told);
}
