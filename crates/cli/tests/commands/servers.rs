//! `server`.

use serde_json::json;

use crate::fixture::{Space, ada, demo, event, pending};

fn with_a_server(name: &'static str) -> Space {
    let space = Space::new(name);
    let (object, status) = demo();
    space.create(&object, &status);
    space
}

#[test]
fn a_list_has_its_forms() {
    let space = with_a_server("server-list");
    for (name, args) in [
        ("table", &[][..]),
        ("wide", &["-o", "wide"]),
        ("no-headers", &["--no-headers"]),
        ("json", &["-o", "json"]),
        ("yaml", &["-o", "yaml"]),
        ("name", &["-o", "name"]),
    ] {
        let told = space.run(&[&["server", "ls"], args].concat());
        insta::assert_snapshot!(format!("server-ls-{name}"), without_versions(&told));
    }
    let empty = Space::new("server-none");
    insta::assert_snapshot!("server-ls-none", empty.run(&["servers", "list"]));
}

/// Without the lines that count changes.
pub(crate) fn without_versions(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.contains("resourceVersion"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_namespace_is_listed_where_that_is_asked_for() {
    let (one, other) = (with_a_server("server-all-1"), with_a_server("server-all-2"));
    let program = ["server", "ls", "-A", "-o", "name"];
    let mut program =
        crate::program::Program::new(&program).with(crate::fixture::server().kubeconfig());
    let names = program.told();
    assert!(
        names
            .matches("sparkconnectserver.sparkconnect.dev/demo")
            .count()
            >= 2,
        "{names}"
    );
    let program = ["server", "ls", "--all-namespaces"];
    let mut program =
        crate::program::Program::new(&program).with(crate::fixture::server().kubeconfig());
    let table = program.told();
    for space in [one, other] {
        assert!(
            table.contains(&format!("\n{}  demo  Updating", space.0)),
            "{table}"
        );
    }
}

#[test]
fn one_is_described() {
    let space = with_a_server("server-get");
    let (session, status) = ada();
    space.create(&session, &status);
    space.create(&pending("bob"), &serde_json::Value::Null);
    let started = event(
        &space,
        "scs/demo",
        "ReplicaStarting",
        "replica demo-1 starts",
    );
    space.create(&started, &serde_json::Value::Null);
    insta::assert_snapshot!("server-get", space.run(&["server", "get", "demo"]));
    insta::assert_snapshot!(
        "server-get-name",
        space.run(&["server", "get", "scs/demo", "-o", "name"])
    );
    let json = space.run(&["server", "get", "demo", "-o", "json"]);
    assert!(
        json.contains("\"selfLink\"") || json.contains("\"uid\""),
        "{json}"
    );
    assert!(!json.contains("managedFields"), "{json}");
}

#[test]
fn one_is_scaled_by_its_subresource() {
    let space = with_a_server("server-scale");
    insta::assert_snapshot!("server-scale", space.run(&["server", "scale", "demo", "3"]));
    let replicas = space.kubectl(&["get", "scs/demo", "--output=jsonpath={.spec.replicas}"]);
    assert_eq!(replicas, "3");
    insta::assert_snapshot!(
        "server-scale-much",
        space.run(&["server", "scale", "demo", "1000"])
    );
}

#[test]
fn a_restart_is_an_annotation_that_changes() {
    let space = with_a_server("server-restart");
    let annotation = || {
        let path = r"--output=jsonpath={.metadata.annotations.sparkconnect\.dev/restarted-at}";
        space.kubectl(&["get", "scs/demo", path])
    };
    insta::assert_snapshot!("server-restart", space.run(&["server", "restart", "demo"]));
    let first = annotation();
    assert!(first.ends_with('Z') && first.contains('T'), "{first}");
    space.run(&["server", "restart", "demo"]);
    assert_ne!(annotation(), first);
}

#[test]
fn a_log_is_looked_for_where_it_is() {
    let space = with_a_server("server-logs");
    let pod = |name: &str, labels: serde_json::Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "spark", "image": "none"}]},
        })
    };
    let nothing = serde_json::Value::Null;
    insta::assert_snapshot!(
        "server-logs-none",
        space.run(&["server", "logs", "demo", "--replica", "7"])
    );
    insta::assert_snapshot!(
        "server-logs-executor-none",
        space.run(&["server", "logs", "demo", "--executor", "2"])
    );
    space.create(&pod("demo-0", json!({})), &nothing);
    let labels =
        json!({"spark-app-selector": "spark-1", "spark-role": "executor", "spark-exec-id": "2"});
    space.create(&pod("some-executor", labels), &nothing);
    insta::assert_snapshot!("server-logs", space.run(&["server", "logs", "demo"]));
    insta::assert_snapshot!(
        "server-logs-executor",
        space.run(&["server", "logs", "demo", "--executor", "2"])
    );
    insta::assert_snapshot!(
        "server-logs-untold",
        space.run(&[
            "server",
            "logs",
            "demo",
            "--replica",
            "1",
            "--executor",
            "2"
        ])
    );
}
