//! [`SparkSession`]: one person's or program's session on a server. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inputs::KeyRef;
use crate::server::OnServerLoss;
use crate::{Period, condition};

/// One session on a server, with an identity of its own: its URL works in plain PySpark.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sparkconnect.dev",
    version = "v1alpha1",
    kind = "SparkSession",
    doc = "One session on a Spark Connect server.",
    namespaced,
    shortname = "sps",
    category = "spark",
    status = "SessionStatus",
    derive = "PartialEq",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Server", type_ = "string", json_path = ".spec.server"),
    printcolumn(name = "Queries", type_ = "integer", json_path = ".status.metrics.queriesExecuted"),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.metrics.activeQueries"),
    printcolumn(name = "Failed", type_ = "integer", json_path = ".status.metrics.failedQueries"),
    printcolumn(name = "Read", type_ = "integer", json_path = ".status.metrics.dataReadBytes"),
    printcolumn(name = "Written", type_ = "integer", json_path = ".status.metrics.dataWrittenBytes"),
    printcolumn(name = "Last-Activity", type_ = "date", json_path = ".status.lastActivityTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Replica", type_ = "string", json_path = ".status.server", priority = 1),
    printcolumn(name = "User", type_ = "string", json_path = ".status.user", priority = 1),
    printcolumn(name = "Url", type_ = "string", json_path = ".status.url", priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 63")
        .message("the name must be at most 63 characters, so that labels can hold it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.user) == has(oldSelf.user) && (!has(self.user) || self.user == oldSelf.user)")
        .message("user cannot be changed: make a new SparkSession"),
    validation = Rule::new("has(self.sessionId) == has(oldSelf.sessionId) && (!has(self.sessionId) || self.sessionId == oldSelf.sessionId)")
        .message("sessionId cannot be changed: make a new SparkSession"),
    validation = Rule::new("has(self.appName) == has(oldSelf.appName) && (!has(self.appName) || self.appName == oldSelf.appName)")
        .message("appName cannot be changed: make a new SparkSession"),
    validation = Rule::new("has(self.artifacts) == has(oldSelf.artifacts) && (!has(self.artifacts) || self.artifacts == oldSelf.artifacts)")
        .message("artifacts are uploaded when the session is made and cannot be changed: make a new SparkSession")
)]
pub struct SparkSessionSpec {
    /// Name of the SparkConnectServer, in the same namespace.
    #[schemars(length(max = 40))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
            .message("server must be the name of a SparkConnectServer: lower-case letters, digits and `-`"),
        validation = Rule::new("self == oldSelf").message("server cannot be changed: make a new SparkSession")
    )]
    pub server: String,

    /// Identity on the server. Absent: `<namespace>/<name>` of this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[^,[:space:]]+$')")
        .message("user must not be empty or have a space or a comma"))]
    pub user: Option<String>,

    /// The session's id on the server, a UUID. Absent: this resource's UID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')")
        .message("sessionId must be a UUID in lower case, such as 6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10"))]
    pub session_id: Option<String>,

    /// Name of the application, as the session's `spark.app.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub app_name: Option<String>,

    /// Settings of the session. They can be changed while it lives; a setting that is removed goes back to its default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub spark_conf: BTreeMap<String, String>,

    /// What is uploaded to the session when it is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub artifacts: Vec<Artifact>,

    /// The session expires without activity for this long. Absent: the server's `sessions.idleTimeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("idleTimeout must be longer than 0s"))]
    pub idle_timeout: Option<Period>,

    /// The session expires at this age. Absent: the server's `sessions.ttl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("ttl must be longer than 0s"))]
    pub ttl: Option<Period>,

    /// What becomes of the session when its replica is gone. Absent: the server's `sessions.onServerLoss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_server_loss: Option<OnServerLoss>,

    /// How long this resource stays after the session has ended. Absent: until it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Period>,
}

impl SparkSession {
    /// Who the session belongs to on its server: `spec.user`, else `<namespace>/<name>` of this resource.
    pub fn user_on_server(&self) -> String {
        let own = || {
            let namespace = self.namespace().unwrap_or_default();
            format!("{namespace}/{}", self.name_any())
        };
        self.spec.user.clone().unwrap_or_else(own)
    }

    /// The session's id on its server: `spec.sessionId`, else the UID of this resource, if it has one already.
    pub fn id_on_server(&self) -> Option<String> {
        self.spec.session_id.clone().or_else(|| self.uid())
    }
}

/// One artifact to upload: its name on the server, and the key of a Secret or ConfigMap that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.secretKeyRef) != has(self.configMapKeyRef)")
        .message("give exactly one of secretKeyRef and configMapKeyRef"),
    validation = Rule::new("self.name.matches('^(jars|pyfiles|files|archives|classes)/[^/]') && !self.name.contains('..')")
        .message("name must start with jars/, pyfiles/, files/, archives/ or classes/ and have no `..`")
)]
pub struct Artifact {
    /// Name on the server: a prefix that says what it is, and a file name, as in `pyfiles/helpers.py`.
    #[schemars(length(max = 253))]
    pub name: String,
    /// A key of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,
    /// A key of a ConfigMap, of its `data` or `binaryData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// Observed state of a SparkSession.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Generation of the spec that this status speaks of; -1 until the operator has seen the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<SessionPhase>,
    /// The state in one sentence: the message of the condition Stalled, Ended or Ready, of the first that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Assigned, Ready, ConfApplied, AccessEnforced, Ended, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::list")]
    pub conditions: Vec<Condition>,
    /// Name of the replica (its driver pod) that the session lives on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// UID of that replica's pod; another one means that the pod was replaced, and what lived on it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_uid: Option<String>,
    /// Spark application of that replica; another one means that the replica was restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The session's id on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The id that the server gave the session; another one means another session under the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_session_id: Option<String>,
    /// Identity on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Version of Spark that the session runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark_version: Option<String>,
    /// Spark Connect URL without the token; the whole one is in the connection Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// SHA-256, in lower-case hexadecimal, of the token that the gateway knows the session by. It stays when the session ends,
    /// for the gateway to say so. Absent without a gateway, and before the session was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_hash: Option<String>,
    /// The connection Secret, as the Service Binding specification's Provisioned Service names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// When the session was made on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// The latest activity seen: an operation, a job or a SQL execution; a running one counts as activity now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity_time: Option<Time>,
    /// What the session has done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SessionMetrics>,
    /// How far `metrics` has counted, for the operator to go on from after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_cursor: Option<String>,
    /// Names of the settings of `sparkConf` that are in force, so that a removed one can be unset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied_conf: Vec<String>,
}

/// The state of a session in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionPhase {
    /// It waits for a replica, or is being made.
    Pending,
    /// It lives; its URL works.
    Ready,
    /// It was released by its client.
    Closed,
    /// It was ended for idleness or age.
    Expired,
    /// Its replica is gone.
    Lost,
    /// It could not be made.
    Failed,
}

impl SessionPhase {
    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Closed | Self::Expired | Self::Lost | Self::Failed
        )
    }
}

/// Reference to the connection Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// Name of the Secret, in the session's namespace.
    pub name: String,
}

/// What a session has done since it was made. Each value is counted from the server's own reports. Before Spark 4.3 a server does
/// not report queries: they are what the gateway saw, or absent without a gateway. What a gateway counted in the two seconds before
/// it was killed is lost; one that ends in good order is still asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionMetrics {
    /// Operations started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries_executed: Option<i64>,
    /// Operations running now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_queries: Option<i64>,
    /// Operations that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_queries: Option<i64>,
    /// Artifacts uploaded: for the spec, and through the gateway by clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts_uploaded: Option<i64>,
    /// Bytes read by finished jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_read_bytes: Option<i64>,
    /// Bytes written by finished jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_written_bytes: Option<i64>,
    /// Milliseconds of execution, summed over operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_time_ms: Option<i64>,
}
