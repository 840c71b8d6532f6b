//! The health scripts as Argo CD's own ConfigMap takes them. No I/O.

use serde_json::json;

const SERVER: &str = include_str!(
    "../../../../deploy/argocd/resource_customizations/sparkconnect.dev/SparkConnectServer/health.lua"
);
const SESSION: &str = include_str!(
    "../../../../deploy/argocd/resource_customizations/sparkconnect.dev/SparkSession/health.lua"
);

/// What is to be merged into `argocd-cm`: one script a kind.
pub(crate) fn settings() -> String {
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"},
        "data": {
            "resource.customizations.health.sparkconnect.dev_SparkConnectServer": SERVER,
            "resource.customizations.health.sparkconnect.dev_SparkSession": SESSION,
        },
    });
    serde_yaml::to_string(&settings).expect("plain values can be written as YAML")
}
