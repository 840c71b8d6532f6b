//! The API server that the tests of this program share, with this project's definitions and kubeflow's.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::{command, kubeflow};

/// Far longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

// A static is not dropped; the server's guard ends it when this process ends.
static SERVER: LazyLock<ApiServer> = LazyLock::new(start);

/// The API server.
pub(crate) fn server() -> &'static ApiServer {
    &SERVER
}

fn start() -> ApiServer {
    let server = ApiServer::start().unwrap_or_else(|error| panic!("{error}"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
    let ours = ["sparkconnectservers.yaml", "sparksessions.yaml"].map(|file| here.join(file));
    let kubeflows = kubeflow::application_definition().unwrap_or_else(|error| panic!("{error}"));
    for path in ours.into_iter().chain([kubeflows]) {
        let path = path.display().to_string();
        kubectl_on(&server, &["apply", "--server-side", "--filename", &path]);
    }
    let kinds = ["sparkconnect.dev/v1alpha1", "sparkoperator.k8s.io/v1beta2"];
    for (group, kind) in kinds.iter().zip(["sparksessions", "sparkapplications"]) {
        let path = format!("/apis/{group}");
        let seen = wait_for("the kinds to be served", PATIENCE, || {
            let answer = command::output(&mut server.kubectl(&["get", "--raw", &path]));
            let list = answer.unwrap_or_else(|error| error.to_string());
            let served = list.contains(&format!("\"{kind}\""));
            Ok(if served {
                Seen::Done(())
            } else {
                Seen::NotYet(list)
            })
        });
        seen.unwrap_or_else(|error| panic!("{error}"));
    }
    server
}

fn kubectl_on(server: &ApiServer, args: &[&str]) -> String {
    command::output(&mut server.kubectl(args)).unwrap_or_else(|error| panic!("{error}"))
}

/// A namespace of a test's own.
pub(crate) struct Space(pub(crate) &'static str);

impl Space {
    /// Makes it.
    pub(crate) fn new(name: &'static str) -> Self {
        kubectl_on(server(), &["create", "namespace", name]);
        Self(name)
    }

    /// kubectl in it.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        kubectl_on(server(), &[&["--namespace", self.0], args].concat())
    }

    /// Creates an object, and has it tell this.
    pub(crate) fn create(&self, object: &Value, status: &Value) {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(&file, object.to_string()).expect("it can be written");
        let path = file.path().display().to_string();
        self.kubectl(&["create", "--filename", &path]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        if !status.is_null() {
            let name = text(&object["metadata"]["name"]);
            self.tell(&format!("{}/{name}", text(&object["kind"])), status);
        }
    }

    /// Has an object tell this, as its operator would.
    pub(crate) fn tell(&self, object: &str, status: &Value) {
        let patch = json!({ "status": status }).to_string();
        let args = [
            "patch",
            object,
            "--subresource=status",
            "--type=merge",
            "--patch",
            &patch,
        ];
        self.kubectl(&args);
    }

    /// The program in it.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        crate::program::run(server(), self.0, args)
    }

    /// The kubeconfig of somebody who may do nothing.
    pub(crate) fn nobody() -> PathBuf {
        let made = server().kubeconfig_for("nobody", &[]);
        made.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A condition.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2020-01-01T00:00:00Z",
    })
}

/// A server that has two replicas, one of them ready.
pub(crate) fn demo() -> (Value, Value) {
    let object = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer",
        "metadata": {"name": "demo"}, "spec": {"version": "4.3.0", "replicas": 2},
    });
    let ready = json!({
        "name": "demo-0", "phase": "Ready", "sparkVersion": "4.3.0", "applicationId": "spark-1",
        "sessions": 1, "executors": 2, "startTime": "2020-01-01T00:00:00Z",
    });
    let starting = json!({"name": "demo-1", "phase": "Starting", "sessions": 0});
    let status = json!({
        "observedGeneration": 1, "phase": "Updating", "message": "1 of 2 replicas serve",
        "conditions": [
            condition("Ready", "True", "ReplicasReady", "1 of 2 replicas serve"),
            condition("Progressing", "True", "Starting", "replica demo-1 starts"),
        ],
        "replicas": 2, "readyReplicas": 1, "updatedReplicas": 2, "sparkVersion": "4.3.0",
        "endpoint": "sc://demo.SPACE.svc:15002", "uiUrl": "http://demo-0.demo.SPACE.svc:4040",
        "sessions": {"active": 1, "total": 2}, "servers": [ready, starting],
    });
    (object, status)
}

/// A session on it that has done something.
pub(crate) fn ada() -> (Value, Value) {
    let object = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
        "metadata": {"name": "ada"},
        "spec": {
            "server": "demo", "user": "ada", "appName": "notebook", "idleTimeout": "2h",
            "sessionId": "11111111-6e0e-4f58-9d6e-2f6a3c1b7a10",
        },
    });
    let status = json!({
        "observedGeneration": 1, "phase": "Ready", "message": "the session is ready",
        "server": "demo-0", "applicationId": "spark-1",
        "conditions": [
            condition("Assigned", "True", "Assigned", "it lives on demo-0"),
            condition("Ready", "True", "SessionReady", "the session is ready"),
            condition("AccessEnforced", "True", "Gateway", "the gateway enforces access"),
        ],
        "sessionId": "11111111-6e0e-4f58-9d6e-2f6a3c1b7a10", "user": "ada", "sparkVersion": "4.3.0",
        "url": "sc://gateway.example:443/;session_id=11111111-6e0e-4f58-9d6e-2f6a3c1b7a10",
        "binding": {"name": "ada-connection"},
        "startTime": "2020-01-01T00:00:00Z", "lastActivityTime": "2020-01-02T00:00:00Z",
        "metrics": {
            "queriesExecuted": 42, "activeQueries": 1, "failedQueries": 2, "artifactsUploaded": 0,
            "dataReadBytes": 123_456_789, "dataWrittenBytes": 2048, "executionTimeMs": 4321,
        },
    });
    (object, status)
}

/// One that no operator has seen yet.
pub(crate) fn pending(name: &str) -> Value {
    json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
        "metadata": {"name": name}, "spec": {"server": "demo"},
    })
}

/// The connection Secret of `ada`.
pub(crate) fn secret() -> Value {
    let uri =
        "sc://gateway.example:443/;token=hidden;session_id=11111111-6e0e-4f58-9d6e-2f6a3c1b7a10";
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ada-connection"},
        "stringData": {"uri": uri, "ca.crt": "-----BEGIN CERTIFICATE-----\n", "userId": "ada"},
    })
}

/// An event of an object.
pub(crate) fn event(space: &Space, object: &str, reason: &str, message: &str) -> Value {
    let uid = space.kubectl(&["get", object, "--output=jsonpath={.metadata.uid}"]);
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": reason.to_lowercase()},
        "involvedObject": {"uid": uid, "namespace": space.0}, "type": "Normal",
        "reason": reason, "message": message, "lastTimestamp": "2020-01-01T00:00:00Z",
    })
}
