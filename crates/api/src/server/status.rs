//! What the operator has observed of a server. Every value was seen, or is absent. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition;

/// Observed state of a SparkConnectServer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// Generation of the spec that this status speaks of; -1 until the operator has seen the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ServerPhase>,
    /// The state in one sentence: the message of the condition Stalled, Suspended or Ready, of the first that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Ready, Progressing, VersionMatched, InputsResolved, Degraded, Suspended, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::list")]
    pub conditions: Vec<Condition>,
    /// Driver pods that exist.
    #[serde(default)]
    pub replicas: i32,
    /// Replicas that answer the semantic probe and take sessions.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Replicas that run with the present inputs.
    #[serde(default)]
    pub updated_replicas: i32,
    /// Label selector of the driver pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Version that the replicas report; absent while none has answered or they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark_version: Option<String>,
    /// Spark Connect address inside the cluster, without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Spark's web interface inside the cluster, of the first replica; absent where it is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_url: Option<String>,
    /// How many sessions there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionCounts>,
    /// One entry a replica.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub servers: Vec<ReplicaStatus>,
}

/// The state of a server in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServerPhase {
    /// Nothing can be made yet: an input is missing or the spec cannot work.
    Pending,
    /// Replicas start; none serves yet.
    Starting,
    /// Every replica serves, with the present inputs.
    Ready,
    /// At least one replica serves, and a change is on its way.
    Updating,
    /// Something needs a person; see the condition Degraded.
    Degraded,
    /// Stopped by `suspend` or `replicas: 0`.
    Suspended,
}

/// Sessions of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionCounts {
    /// Sessions that live on a replica now.
    pub active: i32,
    /// SparkSession resources that name this server, finished ones included.
    pub total: i32,
}

/// Observed state of one replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Name of its driver pod.
    pub name: String,
    /// The replica's state.
    pub phase: ReplicaPhase,
    /// Spark version that it reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark_version: Option<String>,
    /// Spark's application id; another one after every start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// Sessions that live on it.
    pub sessions: i32,
    /// Executors registered with it; absent in mode Local and where it cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executors: Option<i32>,
    /// When its application started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// Since when it drains; absent while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining_since: Option<Time>,
}

/// The state of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplicaPhase {
    /// The pod is not running yet.
    Pending,
    /// The pod runs; Spark does not answer yet.
    Starting,
    /// It answers and takes sessions.
    Ready,
    /// It keeps its sessions and takes no new ones, until the last ends or the drain time-out passes.
    Draining,
    /// It answered before and does not now.
    Unreachable,
    /// The pod is being deleted.
    Terminating,
}
