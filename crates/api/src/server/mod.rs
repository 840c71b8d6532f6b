//! [`SparkConnectServer`]: a pool of Spark Connect servers. No I/O.

mod pods;
mod status;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::LocalObjectReference;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inputs::{ConfFrom, Inject};
use crate::{Period, rules};

pub use pods::{Autoscale, Driver, Executor, Resources};
pub use status::{ReplicaPhase, ReplicaStatus, ServerPhase, ServerStatus, SessionCounts};

/// A pool of Spark Connect servers: each replica is one Spark application, a driver that serves sessions and the executors
/// that it asks for.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sparkconnect.dev",
    version = "v1alpha1",
    kind = "SparkConnectServer",
    doc = "A pool of Spark Connect servers.",
    namespaced,
    shortname = "scs",
    category = "spark",
    status = "ServerStatus",
    derive = "PartialEq",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Sessions", type_ = "integer", json_path = ".status.sessions.active"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.sparkVersion"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint", priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 40")
        .message("the name must be at most 40 characters, so that the names of its pods fit"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("the name must start with a letter and have no dot, so that it can name a Service")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.mode != 'Local' || !has(self.executor)")
        .message("mode Local runs everything in the driver: remove executor, or use mode Cluster")
)]
pub struct SparkConnectServerSpec {
    /// Spark version, such as `4.1.4`. What the server reports is checked against it.
    #[schemars(length(max = 40))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+[.][0-9]+[.][0-9]+([-.][A-Za-z0-9.-]+)?$')")
        .message("version must be a full Spark version, such as 4.1.4"))]
    pub version: String,

    /// Image of driver and executors. Absent: the operator's default for the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[^[:space:]]+$')")
        .message("image must be a reference such as registry/name:tag, without a space"))]
    pub image: Option<String>,

    /// When the image is pulled. Absent: Kubernetes' own rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// Secrets to pull the image with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::pull_secrets")]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// Where executors run.
    #[serde(default)]
    pub mode: Mode,

    /// Number of replicas in the pool. Sessions are spread over them and stay where they are.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,

    /// Stops every replica and keeps the resource. Live sessions are lost.
    #[serde(default)]
    pub suspend: bool,

    /// Spark settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "rules::spark_conf")]
    pub spark_conf: BTreeMap<String, String>,

    /// Hadoop settings, under their own names; they reach Spark as `spark.hadoop.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "rules::hadoop_conf")]
    pub hadoop_conf: BTreeMap<String, String>,

    /// Spark settings whose values are kept in Secrets or ConfigMaps. They win over `sparkConf`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub spark_conf_from: Vec<ConfFrom>,

    /// Secrets and ConfigMaps that every pod gets, beside those labelled `sparkconnect.dev/inject-into`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<Inject>,

    /// Libraries and files that the server starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,

    /// Java options of driver and executors, added to those in `sparkConf` and to the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    #[x_kube(validation = Rule::new("!self.contains('-Xmx')")
        .message("the heap's size is driver.memory and executor.memory: remove -Xmx"))]
    pub java_options: Option<String>,

    /// IP family that Java prefers in driver and executors.
    #[serde(default)]
    pub ip_family: IpFamily,

    /// The driver pods.
    #[serde(default)]
    pub driver: Driver,

    /// The executor pods. Absent in mode Cluster: one executor with the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<Executor>,

    /// Defaults of this server's sessions.
    #[serde(default)]
    pub sessions: Sessions,

    /// How a change reaches replicas that have sessions.
    #[serde(default)]
    pub rollout: Rollout,

    /// Spark's web interface and the REST API under it.
    #[serde(default)]
    pub ui: Ui,

    /// Service account of driver pods. Absent: one is made, with the few rights that a driver needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::object_name")]
    pub service_account_name: Option<String>,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// At every start.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Not at all: the node must have it.
    Never,
}

impl ImagePullPolicy {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// Where executors run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Executors are pods of their own.
    #[default]
    Cluster,
    /// Everything runs in the driver: `local[*]`.
    Local,
}

/// IP family that Java prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamily {
    /// `-Djava.net.preferIPv4Stack=true`.
    #[default]
    IPv4,
    /// `-Djava.net.preferIPv6Addresses=true`.
    IPv6,
}

/// Libraries and files that the server starts with, as Spark's options of the same names take them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependencies {
    /// Jars, as URLs or `local://` paths (`spark.jars`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::entries")]
    pub jars: Vec<String>,
    /// Maven coordinates, `group:artifact:version` (`spark.jars.packages`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::packages")]
    pub packages: Vec<String>,
    /// Maven repositories searched before the default ones (`spark.jars.repositories`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::entries")]
    pub repositories: Vec<String>,
    /// Files for every executor, in its folder `/var/spark-local`, whatever folder a session's functions run in (`spark.files`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::entries")]
    pub files: Vec<String>,
    /// Python files and zips for the Python path of every worker (`spark.submit.pyFiles`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::entries")]
    pub py_files: Vec<String>,
    /// Archives that every executor unpacks in `/var/spark-local`, each in a folder with its name, or with what follows a `#`
    /// (`spark.archives`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::entries")]
    pub archives: Vec<String>,
}

/// Defaults of a server's sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sessions {
    /// A session without activity for this long expires. A running query is activity.
    #[serde(default = "one_hour")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("idleTimeout must be longer than 0s"))]
    pub idle_timeout: Period,
    /// A session expires at this age, whatever it does. Absent: no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("ttl must be longer than 0s"))]
    pub ttl: Option<Period>,
    /// What becomes of a session whose replica is gone.
    #[serde(default)]
    pub on_server_loss: OnServerLoss,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle_timeout: one_hour(),
            ttl: None,
            on_server_loss: OnServerLoss::default(),
        }
    }
}

/// What becomes of a session whose replica is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnServerLoss {
    /// It ends as Lost.
    #[default]
    Fail,
    /// It is made anew, empty, on a serving replica.
    Recreate,
}

/// How a change reaches replicas that have sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// How long an outdated or superfluous replica is kept for its sessions.
    #[serde(default = "one_hour")]
    pub drain_timeout: Period,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            drain_timeout: one_hour(),
        }
    }
}

/// Spark's web interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ui {
    /// Whether it runs. Without it sessions have no metrics and idleness cannot be seen, so idleTimeout does not apply.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self { enabled: true }
    }
}

fn one() -> i32 {
    1
}

fn yes() -> bool {
    true
}

fn one_hour() -> Period {
    Period::from_secs(3600)
}
