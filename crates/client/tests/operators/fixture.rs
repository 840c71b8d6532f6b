//! API servers with the operators' definitions, and the client of a namespace of one. No operator runs: tests write what one would.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use sparkconnect_client::kubernetes::KubernetesConfig;
use sparkconnect_client::operators::{Flavour, OperatorBackend, OperatorConfig};
use sparkconnect_client::{ApplicationRequest, Error, SparkClient};
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::{command, kubeflow};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The group and version of each operator's kind.
const SERVED: [(Flavour, &str); 2] = [
    (Flavour::Kubeflow, "sparkoperator.k8s.io/v1beta2"),
    (Flavour::Apache, "spark.apache.org/v1"),
];

// Statics are not dropped; each server's guard ends it when this process ends.
static SHARED: LazyLock<ApiServer> = LazyLock::new(|| {
    let server = start();
    install(&server, Flavour::Kubeflow, &kubeflow_definition());
    install(&server, Flavour::Apache, &small_definition());
    server
});
static REAL: LazyLock<Option<ApiServer>> = LazyLock::new(|| {
    let definition = real_definition()?;
    let server = start();
    install(&server, Flavour::Apache, &definition);
    Some(server)
});

pub(crate) fn start() -> ApiServer {
    ApiServer::start().expect("the API server starts")
}

/// With both operators' definitions.
pub(crate) fn shared() -> &'static ApiServer {
    &SHARED
}

/// With Apache's: the small one of this folder, and the operator's own where this machine has it.
pub(crate) fn with_apaches() -> Vec<&'static ApiServer> {
    [Some(shared()), REAL.as_ref()]
        .into_iter()
        .flatten()
        .collect()
}

pub(crate) fn kubeflow_definition() -> PathBuf {
    kubeflow::application_definition().expect("the module can be had")
}

pub(crate) fn small_definition() -> PathBuf {
    here("tests/operators/apache-sparkapplications.yaml")
}

fn real_definition() -> Option<PathBuf> {
    let path = here("../../../shared/data/apache-sparkapplications-v1.yaml");
    path.is_file().then_some(path)
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Installs a definition and waits until its kind is served.
pub(crate) fn install(server: &ApiServer, flavour: Flavour, definition: &Path) {
    let path = definition.display().to_string();
    kubectl(server, &["apply", "--server-side", "--filename", &path]);
    let served = SERVED.iter().find(|(known, _)| *known == flavour);
    let path = format!("/apis/{}", served.expect("both are known").1);
    let seen = wait_for("the kind to be served", PATIENCE, || {
        let answer = command::output(&mut server.kubectl(&["get", "--raw", &path]));
        Ok(match answer {
            Ok(list) if list.contains("\"sparkapplications\"") => Seen::Done(()),
            Ok(list) => Seen::NotYet(list),
            Err(error) => Seen::NotYet(error.to_string()),
        })
    });
    seen.unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn kubectl(server: &ApiServer, args: &[&str]) -> String {
    command::output(&mut server.kubectl(args)).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn namespace(server: &ApiServer, name: &str) {
    kubectl(server, &["create", "namespace", name]);
}

pub(crate) async fn connect(
    kubeconfig: &Path,
    namespace: &str,
    flavour: Option<Flavour>,
) -> Result<OperatorBackend, Error> {
    let config = OperatorConfig {
        kubernetes: KubernetesConfig {
            kubeconfig: Some(kubeconfig.to_owned()),
            context: None,
            namespace: Some(namespace.to_owned()),
        },
        flavour,
    };
    OperatorBackend::connect(config).await
}

/// A client of a new namespace.
pub(crate) async fn client(server: &ApiServer, name: &str, flavour: Flavour) -> SparkClient {
    namespace(server, name);
    let backend = connect(server.kubeconfig(), name, Some(flavour)).await;
    SparkClient::new(backend.expect("a back end"))
}

/// Has a resource tell this, as its operator would.
pub(crate) fn tell(server: &ApiServer, namespace: &str, flavour: Flavour, status: &Value) {
    let (group, version) = match flavour {
        Flavour::Kubeflow => ("sparkoperator.k8s.io", "v1beta2"),
        Flavour::Apache => ("spark.apache.org", "v1"),
    };
    let kind = format!("sparkapplications.{version}.{group}");
    let patch = json!({ "status": status }).to_string();
    let args = ["patch", &kind, "pi", "--subresource=status", "--type=merge"];
    let rest = ["--namespace", namespace, "--patch", &patch];
    kubectl(server, &[&args[..], &rest].concat());
}

/// A pod that nothing runs.
pub(crate) fn pod(server: &ApiServer, namespace: &str, name: &str, labels: &Value) {
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    });
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(&file, manifest.to_string()).expect("it can be written");
    let path = file.path().display().to_string();
    kubectl(server, &["create", "--filename", &path]);
}

pub(crate) fn pi() -> ApplicationRequest {
    ApplicationRequest {
        name: "pi".to_owned(),
        main_file: "local:///opt/spark/examples/src/main/python/pi.py".to_owned(),
        spark_version: Some("4.1.4".to_owned()),
        image: Some("registry.example/spark:4.1.4".to_owned()),
        ..ApplicationRequest::default()
    }
}
