//! Every label, annotation, finalizer and field manager that sparkconnect writes or reads. No I/O.

/// Kubernetes' recommended label: what an object is an instance of.
pub const NAME: &str = "app.kubernetes.io/name";
/// Kubernetes' recommended label: the server that an object belongs to.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Kubernetes' recommended label: `driver`, `executor` or `connection`.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Kubernetes' recommended label: always [`MANAGER`] on what the operator makes.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`MANAGED_BY`], and the one field manager of everything that the operator applies.
pub const MANAGER: &str = "sparkconnect";
/// Value of [`NAME`] on a server's objects.
pub const APP: &str = "spark-connect";
/// Value of [`NAME`] on the operator's own pods.
pub const OPERATOR_APP: &str = "sparkconnect-operator";
/// Value of [`NAME`] on the gateway's pods.
pub const GATEWAY_APP: &str = "sparkconnect-gateway";
/// Value of [`COMPONENT`] on a driver pod.
pub const DRIVER: &str = "driver";
/// Value of [`COMPONENT`] on an executor pod.
pub const EXECUTOR: &str = "executor";
/// Value of [`COMPONENT`] on a session's connection Secret.
pub const CONNECTION: &str = "connection";

/// On driver and executor pods and on a session's Secret: the name of the SparkConnectServer.
pub const SERVER: &str = "sparkconnect.dev/server";
/// On a session's Secret: the name of the SparkSession.
pub const SESSION: &str = "sparkconnect.dev/session";

/// On a SparkSession that the gateway made for somebody who called; its value is `true`.
pub const AD_HOC: &str = "sparkconnect.dev/ad-hoc";

/// Annotation on a SparkSession: id of the call that it was made for, as the logs of gateway and operator have it.
pub const REQUEST_ID: &str = "sparkconnect.dev/request-id";
/// Annotation on a SparkSession: the trace, in the form of W3C's header of that name, that making it on its server belongs to.
pub const TRACEPARENT: &str = "sparkconnect.dev/traceparent";

/// On a SparkSession that is a clone of another one: the name of that one.
pub const CLONED_FROM: &str = "sparkconnect.dev/cloned-from";
/// Annotation beside [`CLONED_FROM`]: UID of the replica (its driver pod) that has the clone. It can live nowhere else.
pub const CLONED_ON: &str = "sparkconnect.dev/cloned-on";

/// On a Secret or ConfigMap: the server to inject it into, or [`INJECT_INTO_ALL`].
pub const INJECT_INTO: &str = "sparkconnect.dev/inject-into";
/// Value of [`INJECT_INTO`] that means every server of the namespace.
pub const INJECT_INTO_ALL: &str = "all";
/// Annotation beside [`INJECT_INTO`]: `Files` (the default), `Env`, `SparkConf` or `HadoopConf`.
pub const INJECT_AS: &str = "sparkconnect.dev/inject-as";
/// Annotation beside [`INJECT_INTO`]: where the files are mounted.
pub const INJECT_MOUNT_PATH: &str = "sparkconnect.dev/mount-path";

/// Annotation on a driver pod: hash of everything that the replica was started with.
pub const INPUTS_HASH: &str = "sparkconnect.dev/inputs-hash";
/// Annotation on a SparkConnectServer: a change of its value restarts every replica, drained.
pub const RESTARTED_AT: &str = "sparkconnect.dev/restarted-at";

/// Label that Spark puts on executor pods: the application id.
pub const SPARK_APP_SELECTOR: &str = "spark-app-selector";
/// Label that Spark puts on its pods: `driver` or `executor`.
pub const SPARK_ROLE: &str = "spark-role";

/// Finalizer of a SparkSession: its session on the server is released first.
pub const SESSION_FINALIZER: &str = "sparkconnect.dev/release-session";
