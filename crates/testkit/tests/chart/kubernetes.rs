//! What Kubernetes says of the chart's objects: each version by its schema, and the newest by a real API server, which admits them to
//! a namespace that enforces the restricted Pod Security Standard. Other projects' kinds are held to their own definitions. Runs `go`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::{Result, command, go_tools};

use crate::rendered::{RICH, documents, name, text};

/// The last patch of each version that the chart is for.
const VERSIONS: [&str; 5] = ["v0.31.14", "v0.32.13", "v0.33.13", "v0.34.13", "v0.35.10"];

/// Definitions of kinds that the chart makes for others: module, and the files in it.
const DEFINITIONS: [(&str, &[&str]); 3] = [
    (
        "sigs.k8s.io/gateway-api@v1.6.3",
        &[
            "config/crd/standard/gateway.networking.k8s.io_tlsroutes.yaml",
            "config/crd/standard/gateway.networking.k8s.io_grpcroutes.yaml",
            "config/crd/standard/gateway.networking.k8s.io_backendtlspolicies.yaml",
        ],
    ),
    (
        "github.com/cert-manager/cert-manager@v1.21.2",
        &["deploy/crds/cert-manager.io_certificates.yaml"],
    ),
    (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        &[
            "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ],
    ),
];

#[test]
fn every_version_of_kubernetes_knows_every_field() {
    let validate = go_tools::program("chart", "./validate", "validate");
    let validate = validate.unwrap_or_else(|error| panic!("{error}"));
    let folders = VERSIONS.map(|version| {
        let module = format!("k8s.io/client-go@{version}");
        let folder = go_tools::source("chart", &module);
        folder.unwrap_or_else(|error| panic!("{error}"))
    });
    for args in [
        &[][..],
        &["--values", RICH],
        &["--set=watchNamespaces={team-a,team-b},crds.keep=false"],
    ] {
        let rendered = text("spark-ops", args);
        let mut command = Command::new(&validate);
        let said = fed(command.args(&folders), &rendered);
        assert!(said.0, "{args:?}:\n{}", said.1);
        // Fields of kinds that it does not know are not looked at: these are few, and below.
        assert_eq!(said.1.lines().count(), VERSIONS.len(), "{}", said.1);
        assert!(!said.1.contains(": 0 of"), "{}", said.1);
    }
    let wrong = text("ns", &[]).replace("enableServiceLinks", "enableServiceLink");
    let said = fed(Command::new(&validate).args(&folders), &wrong);
    assert!(
        !said.0 && said.1.contains("enableServiceLink: field not declared"),
        "{}",
        said.1
    );
}

/// Whether a program ends well with `input`, and what it prints.
fn fed(command: &mut Command, input: &str) -> (bool, String) {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("its input was asked for");
    // All of its input is read before it prints.
    pipe.write_all(input.as_bytes()).expect("it reads");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn an_api_server_takes_every_object() {
    let server = ApiServer::start().unwrap_or_else(|error| panic!("{error}"));
    for (module, files) in DEFINITIONS {
        let folder = go_tools::source("chart", module).unwrap_or_else(|error| panic!("{error}"));
        for file in files {
            applied(&server, &folder.join(file));
        }
    }
    for namespace in ["spark-ops", "team"] {
        run(&server, &["create", "namespace", namespace]);
        let enforced = "pod-security.kubernetes.io/enforce=restricted";
        run(&server, &["label", "namespace", namespace, enforced]);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let monitoring =
        "--set=monitoring.prometheusRule.enabled=true,monitoring.dashboards.enabled=true";
    for args in [&[][..], &["--values", RICH, monitoring]] {
        let rendered = documents(&text("spark-ops", args));
        let (definitions, others): (Vec<_>, Vec<_>) = rendered
            .into_iter()
            .partition(|it| it["kind"] == "CustomResourceDefinition");
        for (file, objects) in [("definitions.yaml", &definitions), ("others.yaml", &others)] {
            let path = folder.path().join(file);
            std::fs::write(&path, written(objects)).expect("a file");
            applied(&server, &path);
        }
        assert_eq!(definitions.len(), 2);
        for deployment in others.iter().filter(|it| it["kind"] == "Deployment") {
            admitted(&server, folder.path(), deployment);
        }
    }
}

fn written(objects: &[Value]) -> String {
    let text = |object: &Value| serde_yaml::to_string(object).expect("plain values");
    objects.iter().map(text).collect::<Vec<_>>().join("---\n")
}

/// Applies a file, strictly; again while a definition of it is not served yet.
fn applied(server: &ApiServer, path: &Path) {
    let path = path.display().to_string();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
        "--filename",
        &path,
    ];
    let taken = wait_for(
        "the API server to take it",
        std::time::Duration::from_secs(60),
        || {
            Ok(match command::output(&mut server.kubectl(&apply)) {
                Ok(_) => Seen::Done(()),
                Err(error) if error.to_string().contains("no matches for kind") => {
                    Seen::NotYet(error.to_string())
                }
                Err(error) => return Err(error),
            })
        },
    );
    taken.unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// A Deployment is taken whatever its pods are: the pods themselves must be allowed.
fn admitted(server: &ApiServer, folder: &Path, deployment: &Value) {
    let template = &deployment["spec"]["template"];
    let mut pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": template["metadata"]});
    pod["metadata"]["name"] = "probe".into();
    pod["metadata"]["namespace"] = "spark-ops".into();
    // Priority classes belong to the cluster.
    pod["spec"]
        .as_object_mut()
        .expect("an object")
        .remove("priorityClassName");
    let path = folder.join("pod.yaml");
    std::fs::write(&path, written(&[pod])).expect("a file");
    let create = [
        "create",
        "--dry-run=server",
        "--filename",
        &path.display().to_string(),
    ];
    let created: Result<String> = command::output(&mut server.kubectl(&create));
    created.unwrap_or_else(|error| panic!("{}: {error}", name(deployment)));
}

fn run(server: &ApiServer, args: &[&str]) {
    command::output(&mut server.kubectl(args)).unwrap_or_else(|error| panic!("{error}"));
}
