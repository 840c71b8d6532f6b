//! Every manifest of `examples/`, as the API server takes it when nothing unknown is let pass. Reads `examples/`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::fixture::{kubectl, kubectl_with};

/// Its manifests are of other projects' kinds, and tested with those.
const ELSEWHERE: &str = "gitops";

/// Every YAML file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        if path.ends_with(ELSEWHERE) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("it can be read");
    let documents = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
    let read = documents.map(|it| it.unwrap_or_else(|error| panic!("{file:?}: {error}")));
    read.collect()
}

#[test]
fn the_api_server_takes_every_manifest_of_the_examples() {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"));
    let (kustomizations, manifests): (Vec<_>, Vec<_>) = files
        .iter()
        .partition(|file| file.ends_with("kustomization.yaml"));
    // Dry runs ask for their namespace.
    let all = manifests.iter().flat_map(|file| documents(file));
    for namespace in all.filter(|document| document["kind"] == "Namespace") {
        kubectl_with(&["apply", "--server-side"], &namespace.to_string()).unwrap();
    }
    let strict = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
    ];
    let taken = |option: &str, path: &Path| {
        let path = path.display().to_string();
        let taken = kubectl(&[&strict[..], &[option, &path]].concat());
        taken.map_or_else(|error| format!("{path}: {error}\n"), |_| String::new())
    };
    let refused: String = manifests
        .iter()
        .map(|file| taken("--filename", file))
        .chain(
            kustomizations
                .iter()
                .map(|file| taken("--kustomize", file.parent().expect("a file is in a folder"))),
        )
        .collect();
    assert!(
        manifests.len() > 10 && kustomizations.len() > 5,
        "{files:?}"
    );
    assert_eq!(refused, "");
}
