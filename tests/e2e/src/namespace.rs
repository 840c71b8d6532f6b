//! A namespace for one test, and what is in it. Does I/O through kubectl.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sparkconnect_testkit::{command, install};

use crate::environment::{Environment, Turn, environment};
use crate::shell::{Remote, Shell};

/// A namespace of its own under the restricted Pod Security Standard; deleted on drop.
#[derive(Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    environment: &'static Environment,
    volumes: Vec<String>,
    turn: Arc<Turn>,
}

impl Namespace {
    /// A namespace for the test `test`, beside those of other tests.
    ///
    /// # Panics
    /// As [`environment`].
    pub fn new(test: &str) -> Self {
        Self::with(test, Arc::new(Turn::shared()))
    }

    /// A namespace for a test that no other runs beside.
    ///
    /// # Panics
    /// As [`environment`].
    pub fn alone(test: &str) -> Self {
        Self::with(test, Arc::new(Turn::alone()))
    }

    /// Another namespace for the same test.
    ///
    /// # Panics
    /// As [`environment`].
    pub fn beside(&self, test: &str) -> Self {
        Self::with(test, Arc::clone(&self.turn))
    }

    /// The namespace `name`, which what the test applies makes; one that a run before has left is removed first.
    ///
    /// # Panics
    /// As [`environment`], and when what was left does not go.
    pub fn named(name: &str) -> Self {
        let (turn, environment) = (Arc::new(Turn::shared()), environment());
        let remove = ["delete", "namespace", name, "--ignore-not-found"];
        let removed = environment.kubectl.run(&remove);
        removed.unwrap_or_else(|error| panic!("{error}"));
        Self {
            name: name.to_owned(),
            environment,
            volumes: Vec::new(),
            turn,
        }
    }

    fn with(test: &str, turn: Arc<Turn>) -> Self {
        let environment = environment();
        let name = format!("e2e-{test}-{}", std::process::id());
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels},
        });
        let made = environment.kubectl.apply(&object.to_string());
        made.unwrap_or_else(|error| panic!("{error}"));
        Self {
            name,
            environment,
            volumes: Vec::new(),
            turn,
        }
    }

    /// The cluster with the product on it.
    pub fn environment(&self) -> &'static Environment {
        self.environment
    }

    /// Runs kubectl in this namespace and returns what it printed.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_kubectl(&self, args: &[&str]) -> Result<String, sparkconnect_testkit::Error> {
        self.environment
            .kubectl
            .run(&[&["-n", &self.name], args].concat())
    }

    /// Applies an object to this namespace.
    ///
    /// # Panics
    /// When it is refused.
    pub fn apply(&self, object: &Value) {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(self.name);
        let applied = self.environment.kubectl.apply(&object.to_string());
        applied.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Makes a Secret or ConfigMap (`kind`) of text values.
    ///
    /// # Panics
    /// When it is refused.
    pub fn data(&self, kind: &str, name: &str, data: &Value) {
        self.labelled_data(kind, name, data, &json!({}), &json!({}));
    }

    /// The same with labels and annotations.
    ///
    /// # Panics
    /// When it is refused.
    pub fn labelled_data(
        &self,
        kind: &str,
        name: &str,
        data: &Value,
        labels: &Value,
        annotations: &Value,
    ) {
        let field = if kind == "Secret" {
            "stringData"
        } else {
            "data"
        };
        let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
        self.apply(&json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, field: data}));
    }

    /// Merges `change` into an object named as in `sparksession/ada`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn patch(&self, object: &str, change: &Value) {
        self.kubectl(&["patch", object, "--type=merge", "-p", &change.to_string()]);
    }

    /// Deletes an object and does not wait for its end.
    ///
    /// # Panics
    /// When it is not there.
    pub fn delete(&self, object: &str) {
        self.kubectl(&["delete", object, "--wait=false"]);
    }

    /// An object, if it is there.
    ///
    /// # Panics
    /// When kubectl fails.
    pub fn get(&self, object: &str) -> Option<Value> {
        let text = self.kubectl(&["get", object, "-o=json", "--ignore-not-found"]);
        (!text.is_empty()).then(|| serde_json::from_str(&text).expect("kubectl writes JSON"))
    }

    /// Every object of the kinds with the labels; both as kubectl takes them.
    ///
    /// # Panics
    /// When kubectl fails.
    pub fn list(&self, kinds: &str, labels: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kinds, "-l", labels, "-o=json"]);
        let mut list: Value = serde_json::from_str(&text).expect("kubectl writes JSON");
        match list["items"].take() {
            Value::Array(items) => items,
            other => panic!("no list of {kinds}: {other}"),
        }
    }

    /// Names of the driver pods of a server.
    ///
    /// # Panics
    /// When kubectl fails.
    pub fn drivers(&self, server: &str) -> Vec<Value> {
        self.list(
            "pods",
            &format!("sparkconnect.dev/server={server},app.kubernetes.io/component=driver"),
        )
    }

    /// The executor pods of a server.
    ///
    /// # Panics
    /// When kubectl fails.
    pub fn executors(&self, server: &str) -> Vec<Value> {
        self.list(
            "pods",
            &format!("sparkconnect.dev/server={server},spark-role=executor"),
        )
    }

    /// Every object in the namespace, events too, of whatever kind.
    ///
    /// # Panics
    /// When kubectl fails.
    pub fn everything(&self) -> Vec<Value> {
        let kinds = ["api-resources", "--namespaced", "--verbs=list", "-o=name"];
        let kinds = self.kubectl(&kinds).lines().collect::<Vec<_>>().join(",");
        let text = self.kubectl(&["get", &kinds, "-o=json"]);
        let mut list: Value = serde_json::from_str(&text).expect("kubectl writes JSON");
        list["items"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// One entry of a Secret.
    ///
    /// # Panics
    /// When there is none.
    pub fn secret(&self, name: &str, key: &str) -> String {
        self.entry(name, key)
            .unwrap_or_else(|| panic!("Secret {name} has no {key}"))
    }

    /// One entry of a Secret, if it has it.
    fn entry(&self, name: &str, key: &str) -> Option<String> {
        let found = self.get(&format!("secret/{name}"));
        let found =
            found.unwrap_or_else(|| panic!("there is no Secret {name}\n{}", self.explain()));
        let encoded = found["data"][key].as_str()?;
        let bytes = STANDARD.decode(encoded).expect("a Secret's data is base64");
        Some(String::from_utf8(bytes).expect("it is text"))
    }

    /// How a program reaches a session: what its connection Secret holds.
    ///
    /// # Panics
    /// When the session has no connection Secret.
    pub fn remote(&self, session: &str) -> Remote {
        let name = format!("{session}-connection");
        Remote {
            uri: self.secret(&name, "uri"),
            authority: self.entry(&name, "ca.crt"),
        }
    }

    /// Address of a pod.
    ///
    /// # Panics
    /// When it has none.
    pub fn address(&self, pod: &str) -> String {
        let address = self.kubectl(&["get", "pod", pod, "-o=jsonpath={.status.podIP}"]);
        assert!(!address.is_empty(), "pod {pod} has no address");
        address
    }

    /// PySpark in a session, once that is ready.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn shell(&self, session: &str) -> Shell {
        let ready = self.until_ready(&format!("sparksession/{session}"));
        let version = ready["status"]["sparkVersion"].as_str().unwrap_or("4.3.0");
        Shell::start(version, &self.remote(session))
    }

    /// Makes a folder of this machine the volume of a claim that is made later, and returns the folder.
    ///
    /// # Panics
    /// When the volume is refused.
    pub fn storage(&mut self, claim: &str) -> std::path::PathBuf {
        let made = install::local_volume(&self.environment.kubectl, &self.name, claim);
        made.unwrap_or_else(|error| panic!("{error}"));
        self.volumes.push(claim.to_owned());
        self.folder(claim)
    }

    /// Makes a volume claim that is a folder of this machine, and returns the folder.
    ///
    /// # Panics
    /// When it is refused.
    pub fn volume(&mut self, claim: &str) -> std::path::PathBuf {
        let folder = self.storage(claim);
        let resources = json!({"requests": {"storage": "1Gi"}});
        let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": resources});
        self.apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": spec,
        }));
        folder
    }

    fn folder(&self, claim: &str) -> std::path::PathBuf {
        let root = sparkconnect_testkit::cache::root();
        root.join("cluster-data").join(&self.name).join(claim)
    }

    fn remove(&self) {
        let delete = [
            "delete",
            "namespace",
            &self.name,
            "--wait=false",
            "--ignore-not-found",
        ];
        let mut delete = self.environment.kubectl.command(&delete);
        if let Err(error) = command::output(&mut delete) {
            eprintln!("{error}");
        }
        for claim in &self.volumes {
            let volume = format!("{}-{claim}", self.name);
            let delete = ["delete", "persistentvolume", &volume, "--wait=false"];
            if let Err(error) = self.environment.kubectl.run(&delete) {
                eprintln!("{error}");
            }
            if let Err(error) = std::fs::remove_dir_all(self.folder(claim)) {
                eprintln!("removing a volume: {error}");
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.remove();
    }
}
