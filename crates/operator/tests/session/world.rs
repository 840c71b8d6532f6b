//! What a test's operator works on: a namespace with one server, whose replicas are all the same Spark.

use std::fmt::Debug;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sparkconnect_api::{SparkConnectServer, SparkSession, labels};
use sparkconnect_operator::live::Target;
use sparkconnect_operator::watch::GuardedSession;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::spark::{Options, SparkServer};
use sparkconnect_testkit::{Result, command};

use crate::wire::Wire;

/// Far longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Name of every server.
pub(crate) const SERVER: &str = "demo";
const VERSION: &str = "4.1.4";

// Statics are not dropped: both end with this process.
static API: LazyLock<ApiServer> = LazyLock::new(|| start_api().expect("an API server"));
/// Takes any token, so that it can be a replica of every test's server.
pub(crate) static SPARK: LazyLock<SparkServer> =
    LazyLock::new(|| SparkServer::start(VERSION, Options::default()).expect("a Spark server"));

/// For programs of their own.
pub(crate) fn kubeconfig() -> &'static Path {
    API.kubeconfig()
}

fn start_api() -> Result<ApiServer> {
    let server = ApiServer::start()?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/crds/");
    for file in ["sparkconnectservers.yaml", "sparksessions.yaml"] {
        let path = format!("{folder}{file}");
        command::output(&mut server.kubectl(&["apply", "--server-side", "--filename", &path]))?;
    }
    let established = [
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=60s",
    ];
    command::output(&mut server.kubectl(&established))?;
    Ok(server)
}

/// One test's part of the API server.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) server: SparkConnectServer,
}

/// A driver pod of which only the object is there, and the wire to its Spark.
pub(crate) struct Replica {
    pub(crate) pod: Pod,
    pub(crate) wire: Option<Wire>,
    pub(crate) host: String,
}

impl World {
    /// A namespace of its own with a server whose spec has `sessions`.
    pub(crate) async fn new(sessions: Value) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let client = admin().await;
        let namespace = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let object: Namespace = from(json!({"metadata": {"name": namespace}}));
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &object)
            .await
            .expect("a namespace");
        let mut spec = json!({"version": VERSION, "mode": "Local"});
        spec["sessions"] = sessions;
        let server: SparkConnectServer = from(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer",
            "metadata": {"name": SERVER}, "spec": spec,
        }));
        let servers: Api<SparkConnectServer> = Api::namespaced(client.clone(), &namespace);
        let server = servers
            .create(&PostParams::default(), &server)
            .await
            .expect("a server");
        Self {
            client,
            namespace,
            server,
        }
    }

    /// A replica that serves.
    pub(crate) async fn replica(&self, ordinal: u32) -> Replica {
        let pod = self.create(json!({
            "metadata": {"name": format!("{SERVER}-{ordinal}"), "labels": {
                labels::SERVER: SERVER,
                labels::COMPONENT: labels::DRIVER,
                labels::MANAGED_BY: labels::MANAGER,
            }},
            "spec": {"containers": [{"name": "spark", "image": "localhost/none:1"}]},
        }));
        let wire = Wire::new(None, SPARK.grpc_port(), SPARK.ui_port()).await;
        Replica {
            pod: pod.await,
            host: wire.host.clone(),
            wire: Some(wire),
        }
    }

    /// The session `name` with `spec` beside its server.
    pub(crate) async fn session(&self, name: &str, mut spec: Value) -> SparkSession {
        spec["server"] = json!(SERVER);
        self.create(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
            "metadata": {"name": name}, "spec": spec.take(),
        }))
        .await
    }

    /// A ConfigMap with a Python module for sessions to upload.
    pub(crate) async fn module(&self, text: &str) -> ConfigMap {
        self.create(json!({"metadata": {"name": "code"}, "data": {"a.py": text}}))
            .await
    }

    pub(crate) async fn create<K: Kind>(&self, object: Value) -> K {
        let created = self
            .api::<K>()
            .create(&PostParams::default(), &from(object))
            .await;
        created.unwrap_or_else(|error| panic!("{} not created: {error}", K::kind(&())))
    }

    pub(crate) async fn find<K: Kind>(&self, name: &str) -> Option<K> {
        self.api().get_opt(name).await.expect("an answer")
    }

    /// The session's connection Secret.
    pub(crate) async fn secret(&self, session: &str) -> Option<Secret> {
        self.find(&format!("{session}-connection")).await
    }

    pub(crate) async fn merge<K: Kind>(&self, name: &str, patch: Value) -> K {
        let patched = self
            .api()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.expect("the patch is taken")
    }

    pub(crate) async fn delete<K: Kind>(&self, name: &str) {
        let deleted = self
            .api::<K>()
            .delete(name, &DeleteParams::default().grace_period(0))
            .await;
        deleted.expect("the deletion is taken");
    }

    /// Deletes a session, which may be gone.
    pub(crate) async fn delete_if_there(&self, session: &str) {
        if self.find::<SparkSession>(session).await.is_some() {
            self.delete::<SparkSession>(session).await;
        }
    }

    /// A client with the rights that a service account of this namespace has.
    pub(crate) async fn as_account(&self, name: &str) -> Client {
        let mut config = config().await;
        let account = format!("system:serviceaccount:{}:{name}", self.namespace);
        config.auth_info.impersonate = Some(account);
        Client::try_from(config).expect("it is usable")
    }

    /// As the operator's cache reads sessions.
    pub(crate) fn api_guarded(&self) -> Api<GuardedSession> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

impl Replica {
    pub(crate) fn uid(&self) -> String {
        self.pod.uid().expect("a created object has a UID")
    }

    /// What the live watch is told of it.
    pub(crate) fn target(&self) -> Target {
        Target {
            namespace: self.pod.namespace().unwrap_or_default(),
            server: SERVER.to_owned(),
            pod: self.pod.name_any(),
            uid: self.uid(),
            restarts: 0,
            host: self.host.clone(),
            ui: true,
            executors: false,
            count_reads: true,
        }
    }
}

/// A wire from `host` to the Spark.
pub(crate) async fn plug(host: &str) -> Wire {
    Wire::new(Some(host.to_owned()), SPARK.grpc_port(), SPARK.ui_port()).await
}

/// Kinds that a world holds.
pub(crate) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
{
}

async fn admin() -> Client {
    Client::try_from(config().await).expect("it is usable")
}

async fn config() -> Config {
    let kubeconfig = Kubeconfig::read_from(API.kubeconfig()).expect("the file is there");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.expect("the file is complete")
}

pub(crate) fn from<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("the object is of its kind")
}

/// Asks again until there is an answer; a failure shows the last thing seen.
pub(crate) async fn eventually<T, F>(mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = std::result::Result<T, String>>,
{
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if began.elapsed() > PATIENCE => panic!("after {PATIENCE:?}: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
