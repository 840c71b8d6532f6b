//! `doctor`: on a whole installation all is well, and what it says that a user needs is what a user needs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, server_local};
use sparkconnect_testkit::install::NAMESPACE as SYSTEM;

use super::{Program, shown};

/// What doctor found, each check's verdict by its name.
fn findings(program: &Program<'_>) -> (BTreeMap<String, String>, String) {
    let output = program.run(&["doctor", "--output", "json"], "");
    assert!(output.status.success(), "{}", shown(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let findings = report["findings"].as_array().expect("it has findings");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdict = |finding: &Value| (text(&finding["check"]), text(&finding["verdict"]));
    (findings.iter().map(verdict).collect(), shown(&output))
}

#[test]
fn doctor_finds_a_whole_installation_well() {
    let namespace = Namespace::new("doctor");
    namespace.apply(&server_local("demo", &json!({})));
    namespace.until_ready("sparkconnectserver/demo");
    let (mut verdicts, shown) = findings(&Program::new(&namespace));
    // Whether this machine can look up names of the cluster is its own matter.
    let name = verdicts.remove("gateway name");
    assert!(name.is_some_and(|verdict| verdict != "wrong"), "{shown}");
    assert!(
        verdicts.values().all(|verdict| verdict == "well"),
        "{shown}"
    );
    let checks: Vec<_> = verdicts.keys().map(String::as_str).collect();
    let expected = [
        "API server",
        "Kubernetes",
        "PySpark",
        "definition SparkConnectServer",
        "definition SparkSession",
        "gateway",
        "gateway address",
        "gateway answer",
        "gateway port",
        "operator",
        "right to connect",
        "rights",
        "server demo",
    ];
    assert_eq!(checks, expected, "{shown}");
}

/// What somebody who uses sessions from outside is granted, in the two namespaces that it takes.
fn grants(namespace: &str) -> [Value; 2] {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let sessions = json!([
        rule(
            "sparkconnect.dev",
            &["sparksessions"],
            &["create", "get", "list", "watch", "delete"]
        ),
        rule(
            "sparkconnect.dev",
            &["sparkconnectservers"],
            &["get", "list"]
        ),
        rule("", &["secrets"], &["get"]),
    ]);
    let forward = json!([
        rule("", &["services"], &["get"]),
        rule("discovery.k8s.io", &["endpointslices"], &["list"]),
        rule("", &["pods/portforward"], &["get", "create"]),
    ]);
    let granted = |place: &str, rules: Value| {
        let metadata = json!({"name": format!("ada-of-{namespace}"), "namespace": place});
        let (api, group) = ("rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io");
        let role = json!({"apiGroup": group, "kind": "Role", "name": metadata["name"]});
        let ada = json!({"kind": "ServiceAccount", "name": "ada", "namespace": namespace});
        json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": rules},
            {"apiVersion": api, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [ada]},
        ]})
    };
    [granted(namespace, sessions), granted(SYSTEM, forward)]
}

#[test]
fn what_doctor_says_that_a_user_needs_is_enough() {
    let namespace = Namespace::new("rights");
    namespace.apply(&server_local("demo", &json!({})));
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ada"}});
    namespace.apply(&account);
    let kubectl = &namespace.environment().kubectl;
    for grant in grants(&namespace.name) {
        kubectl
            .apply(&grant.to_string())
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::copy(namespace.environment().cluster.kubeconfig(), &kubeconfig).expect("a copy");
    let token = namespace.kubectl(&["create", "token", "ada"]);
    let option = format!("--kubeconfig={}", kubeconfig.display());
    for change in [
        &["set-credentials", "ada", &format!("--token={token}")][..],
        &["set-context", "--current", "--user=ada"],
    ] {
        namespace.kubectl(&[&[&option, "config"], change].concat());
    }
    namespace.until_ready("sparkconnectserver/demo");
    let program = Program::new(&namespace).with(kubeconfig);
    // What lets her in also tells her where the gateway is.
    let created = program.run(&["session", "create", "demo", "--name", "ada"], "");
    assert!(created.status.success(), "{}", shown(&created));
    let (verdicts, shown) = findings(&program);
    for check in [
        "rights",
        "gateway address",
        "gateway port",
        "gateway answer",
        "server demo",
    ] {
        assert_eq!(verdicts[check], "well", "{check}: {shown}");
    }
    assert_eq!(verdicts["operator"], "skipped", "{shown}");
    assert_eq!(verdicts["right to connect"], "doubtful", "{shown}");
    let output = program.run(
        &["session", "shell", "ada"],
        "print(spark.range(9).count())",
    );
    assert_eq!(output.stdout, b"9\n", "{}", self::shown(&output));
    for kind in ["role", "rolebinding"] {
        let name = format!("ada-of-{}", namespace.name);
        let deleted = kubectl.run(&["-n", SYSTEM, "delete", kind, &name]);
        deleted.unwrap_or_else(|error| panic!("{error}"));
    }
}
