//! References to Secrets and ConfigMaps: settings whose values are kept apart, and what is injected whole. No I/O.

pub use crate::rules::reserved;

use crate::rules;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One key of a Secret or ConfigMap in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap.
    #[schemars(schema_with = "rules::object_name")]
    pub name: String,
    /// Key in its data.
    #[schemars(schema_with = "rules::data_key")]
    pub key: String,
}

/// Where a value comes from: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretKeyRef) != has(self.configMapKeyRef)")
    .message("give exactly one of secretKeyRef and configMapKeyRef"))]
pub struct ValueSource {
    /// A key of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,
    /// A key of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// A Spark setting whose value is kept in a Secret or ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfFrom {
    /// Name of the Spark setting.
    #[schemars(schema_with = "rules::setting_name")]
    pub name: String,
    /// Where its value comes from.
    pub value_from: ValueSource,
}

/// How a Secret or ConfigMap reaches the pods of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InjectAs {
    /// Each key is a file in `mountPath`, in driver and executors.
    #[default]
    Files,
    /// Each key is an environment variable of driver and executors.
    Env,
    /// Each key is a Spark setting.
    SparkConf,
    /// Each key is a Hadoop setting.
    HadoopConf,
}

impl InjectAs {
    /// Reads the annotation's form; `None` for any other word.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(text.into()).ok()
    }
}

/// One Secret or ConfigMap to inject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.mountPath) || self.as == 'Files'")
    .message("mountPath is for `as: Files` only: remove it"))]
pub struct Injection {
    /// Name of the Secret or ConfigMap, in the server's namespace.
    #[schemars(schema_with = "rules::object_name")]
    pub name: String,
    /// How it is injected.
    #[serde(default, rename = "as")]
    pub inject_as: InjectAs,
    /// Folder of the files; absent means `/etc/sparkconnect/secrets/<name>` or `/etc/sparkconnect/configmaps/<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new("self.matches('^/[^:]+$')").message("mountPath must be an absolute path without `:`"))]
    pub mount_path: Option<String>,
}

/// Secrets and ConfigMaps to inject into every pod of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inject {
    /// Secrets to inject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub secrets: Vec<Injection>,
    /// ConfigMaps to inject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub config_maps: Vec<Injection>,
}
