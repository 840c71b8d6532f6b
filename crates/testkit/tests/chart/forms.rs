//! `deploy/` beyond what is generated: its overlays come to what the chart does with the same wish. Runs kubectl and Helm.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{command, toolchain};

use crate::rendered::{documents, find, name, objects};

/// What a copy of `deploy/` comes to with `kustomization` as that of its folder `folder`.
fn kustomize(folder: &str, kustomization: &str) -> Vec<Value> {
    let copy = tempfile::tempdir().expect("a temporary folder");
    let mut cp = Command::new("cp");
    cp.arg("-r").arg(repository().join("deploy"));
    command::output(cp.arg(copy.path())).unwrap_or_else(|error| panic!("{error}"));
    let folder = copy.path().join("deploy").join(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("kustomization.yaml"), kustomization).expect("a file");
    let kubectl = toolchain::kubernetes().expect("kubectl").kubectl();
    let text = command::output(Command::new(kubectl).arg("kustomize").arg(folder));
    documents(&text.unwrap_or_else(|error| panic!("{error}")))
}

fn assert_same(given: &BTreeMap<String, Value>, wanted: &BTreeMap<String, Value>) {
    assert_eq!(
        given.keys().collect::<Vec<_>>(),
        wanted.keys().collect::<Vec<_>>()
    );
    for (name, wanted) in wanted {
        assert_eq!(&given[name], wanted, "{name}");
    }
}

/// What both forms have in common: all but what is Helm's own. The policy belongs to no namespace, which kustomize does not know.
fn plain(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let strip = |mut object: Value| {
        if object["apiVersion"] == "admissionregistration.k8s.io/v1" {
            let metadata = object["metadata"].as_object_mut().expect("an object");
            metadata.remove("namespace");
        }
        let metadata = &mut object["metadata"];
        for labels in ["labels", "annotations"] {
            let Some(fields) = metadata[labels].as_object_mut() else {
                continue;
            };
            fields.retain(|name, value| {
                !name.starts_with("helm.sh/")
                    && value != "Helm"
                    && name != "app.kubernetes.io/instance"
            });
            if fields.is_empty() {
                metadata.as_object_mut().expect("an object").remove(labels);
            }
        }
        let namespace = metadata["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (format!("{namespace}/{}", name(&object)), object)
    };
    let kept = objects
        .into_iter()
        .filter(|it| it["kind"] != "Namespace" && it["kind"] != "CustomResourceDefinition");
    kept.map(strip).collect()
}

#[test]
fn the_manifests_of_a_namespace_follow_the_one_line_that_names_it() {
    let path = repository().join("deploy/namespaced/kustomization.yaml");
    let text = std::fs::read_to_string(path).expect("it is there");
    let text = text.replace("\nnamespace: default\n", "\nnamespace: team\n");
    let given = plain(kustomize("namespaced", &text));
    let wanted = plain(objects(
        "team",
        &["--skip-tests", "--set=watchNamespaces={team}"],
    ));
    assert_same(&given, &wanted);
}

#[test]
fn leaving_the_gateway_out_is_what_the_chart_makes_of_that() {
    let overlay = "resources: [../cluster-wide]\ncomponents: [../components/without-gateway]\n";
    let given = plain(kustomize("overlay", overlay));
    let args = ["--skip-tests", "--set=gateway.enabled=false"];
    let mut wanted = plain(objects("sparkconnect-system", &args));
    // The component leaves the operator its rights to Secrets that it then does not make.
    let own = "sparkconnect-system/Role/sparkconnect-operator-own";
    let all = objects("sparkconnect-system", &["--skip-tests"]);
    wanted.insert(own.to_owned(), plain(all)[own].clone());
    assert_same(&given, &wanted);
}

#[test]
fn the_namespace_of_the_manifests_enforces_the_restricted_standard() {
    let all = kustomize("overlay", "resources: [../cluster-wide]\n");
    let namespace = find(&all, "Namespace/sparkconnect-system");
    let label = "pod-security.kubernetes.io/enforce";
    assert_eq!(namespace["metadata"]["labels"][label], "restricted");
}
