//! A program in a pod of the cluster: it is known by its pod's own credentials, and reaches the gateway by its name in the cluster.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, server_local};
use sparkconnect_testkit::program;

/// What docs/reference/python.md says that sessions need where no port is forwarded.
fn rights(ns: &Namespace) {
    ns.apply(
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "notebook"}}),
    );
    ns.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "notebook"},
        "rules": [
            {"apiGroups": ["sparkconnect.dev"], "resources": ["sparksessions"],
             "verbs": ["create", "get", "list", "watch", "delete"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        ],
    }));
    ns.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "notebook"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "notebook"},
        "subjects": [{"kind": "ServiceAccount", "name": "notebook"}],
    }));
}

/// Spark's image, which has PySpark: it runs the command line client as soon as that is there.
fn pod(image: &str) -> Value {
    let program = r#"until [ -e /client/whole ]; do sleep 0.2; done
        export PYTHONPATH="$(echo /opt/spark/python /opt/spark/python/lib/*.zip | tr ' ' :)"
        echo 'print("sum", spark.range(5).agg({"id": "sum"}).first()[0])' | /client/program session shell --server demo"#;
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "notebook"},
        "spec": {
            "serviceAccountName": "notebook", "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": true, "runAsUser": 185, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "notebook", "image": image, "command": ["sh", "-c", program],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "env": [{"name": "HOME", "value": "/client"}],
                "volumeMounts": [{"name": "client", "mountPath": "/client"}],
            }],
            "volumes": [{"name": "client", "emptyDir": {}}],
        },
    })
}

#[test]
fn a_pod_of_the_cluster_makes_its_session_by_its_own_credentials() {
    let ns = Namespace::new("inside");
    let client = program::built("sparkconnect-cli", "kubectl-sparkconnect");
    let client = client.unwrap_or_else(|error| panic!("{error}"));
    ns.apply(&server_local("demo", &json!({})));
    ns.until_ready("sparkconnectserver/demo");
    rights(&ns);
    let image = ns.environment().spark_image("4.3.0");
    ns.apply(&pod(&image));
    let running = |pod: &Value| pod["status"]["phase"] == "Running";
    ns.until_object("pod/notebook", "running", running);
    let client = client.display().to_string();
    ns.kubectl(&["cp", &client, "notebook:/client/program"]);
    ns.kubectl(&["exec", "notebook", "--", "touch", "/client/whole"]);
    let ended = |pod: &Value| {
        ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str().unwrap_or_default())
    };
    let pod = ns.until_object("pod/notebook", "at its end", ended);
    let log = ns.kubectl(&["logs", "notebook"]);
    assert_eq!(pod["status"]["phase"], "Succeeded", "{log}");
    assert!(log.contains("sum 10"), "{log}");
    ns.until("its session to be closed", || {
        let left = ns.list("sparksessions", "");
        left.is_empty().then_some(()).ok_or(format!("{left:?}"))
    });
}
