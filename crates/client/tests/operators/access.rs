//! What operator a cluster has, and who may use it.

use std::path::PathBuf;

use serde_json::{Value, json};
use sparkconnect_client::operators::Flavour;
use sparkconnect_client::{Category, SparkClient};
use sparkconnect_testkit::apiserver::ApiServer;

use crate::fixture::{self, connect, pi, shared};

#[tokio::test]
async fn who_may_not_is_told_what_is_missing() {
    let server = shared();
    fixture::namespace(server, "forbidden");
    let kubeconfig = server.kubeconfig_for("ada", &[]).expect("a user");
    let backend = connect(&kubeconfig, "forbidden", Some(Flavour::Kubeflow)).await;
    let client = SparkClient::new(backend.expect("everybody may ask what there is"));
    let error = client.submit_application(pi()).await.unwrap_err();
    assert_eq!(error.category(), Category::PermissionDenied);
    for part in ["\"ada\"", "create", "sparkapplications", "\"forbidden\""] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(error.hint_text().is_some());
}

#[tokio::test]
async fn the_operator_is_found_out() {
    let server = fixture::start();
    let find = async |chosen| connect(server.kubeconfig(), "default", chosen).await;
    let none = find(None).await.unwrap_err();
    assert_eq!(none.category(), Category::NotFound);
    let hint = none.hint_text().unwrap();
    assert!(hint.contains("sparkoperator.k8s.io/v1beta2") && hint.contains("spark.apache.org/v1"));

    fixture::install(&server, Flavour::Apache, &fixture::small_definition());
    assert_eq!(find(None).await.unwrap().flavour(), Flavour::Apache);
    let other = find(Some(Flavour::Kubeflow)).await.unwrap_err();
    assert_eq!(other.category(), Category::NotFound);
    assert!(other.to_string().contains("kubeflow"), "{other}");

    fixture::install(&server, Flavour::Kubeflow, &fixture::kubeflow_definition());
    let both = find(None).await.unwrap_err();
    assert_eq!(both.category(), Category::InvalidInput);
    assert!(both.hint_text().unwrap().contains("flavour"));
    for flavour in Flavour::ALL {
        assert_eq!(find(Some(flavour)).await.unwrap().flavour(), flavour);
    }
}

/// A kubeconfig whose credentials are what a plug-in prints: this shell script, given a token.
fn with_plug_in(server: &ApiServer, folder: &tempfile::TempDir, script: &str) -> PathBuf {
    let text = std::fs::read_to_string(server.kubeconfig()).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("as JSON");
    let token = fixture::kubectl(server, &["create", "token", "robot"]);
    config["users"][0]["user"] = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", script], "env": [{"name": "TOKEN", "value": token}],
    }});
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, config.to_string()).expect("a file");
    path
}

#[tokio::test]
async fn a_kubeconfigs_plug_in_says_who_asks() {
    let (server, folder) = (shared(), tempfile::tempdir().expect("a folder"));
    fixture::kubectl(server, &["create", "serviceaccount", "robot"]);
    let flavour = Some(Flavour::Kubeflow);
    let script = r#"printf '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}' "$TOKEN""#;
    let kubeconfig = with_plug_in(server, &folder, script);
    let backend = connect(&kubeconfig, "default", flavour).await;
    let client = SparkClient::new(backend.expect("the plug-in is asked"));
    let error = client.list_applications().await.unwrap_err();
    assert_eq!(error.category(), Category::PermissionDenied);
    let who = "system:serviceaccount:default:robot";
    assert!(error.to_string().contains(who), "{error}");

    let kubeconfig = with_plug_in(server, &folder, "echo gone >&2; exit 3");
    let error = connect(&kubeconfig, "default", flavour).await.unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput);
    assert!(error.to_string().contains("gone"), "{error}");
}
