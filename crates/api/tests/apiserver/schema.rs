//! What the generated definitions say: their rules and their fields, by path. Reads `deploy/crds`.

use std::path::{Path, PathBuf};

use kube::api::{ApiResource, GroupVersionKind};
use serde::Deserialize;
use serde_json::Value;

/// Which resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Kind {
    SparkConnectServer,
    SparkSession,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::SparkConnectServer, Self::SparkSession];

    fn plural(self) -> &'static str {
        match self {
            Self::SparkConnectServer => "sparkconnectservers",
            Self::SparkSession => "sparksessions",
        }
    }

    /// What a client needs to know of it.
    pub(crate) fn resource(self) -> ApiResource {
        let kind = GroupVersionKind::gvk(sparkconnect_api::GROUP, "v1alpha1", &format!("{self:?}"));
        ApiResource::from_gvk_with_plural(&kind, self.plural())
    }

    /// The file of its definition.
    pub(crate) fn file(self) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
        folder.join(format!("{}.yaml", self.plural()))
    }

    /// The schema in that file.
    pub(crate) fn schema(self) -> Value {
        let path = self.file();
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask gen`", path.display()));
        let definition: Value = serde_yaml::from_str(&text).expect("the definition is YAML");
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
    }
}

/// Calls `visit` with the path and the schema of every node; a list's items and a map's values are `path[]`.
pub(crate) fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        walk(&format!("{path}{dot}{name}"), field, visit);
    }
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            walk(&format!("{path}[]"), &schema[below], visit);
        }
    }
}

/// Path and message of every rule.
pub(crate) fn rules(kind: Kind) -> Vec<(String, String)> {
    let mut rules = Vec::new();
    walk("", &kind.schema(), &mut |path, schema| {
        let list = schema["x-kubernetes-validations"].as_array();
        for rule in list.into_iter().flatten() {
            let message = rule["message"].as_str().expect("every rule has a message");
            rules.push((path.to_owned(), message.to_owned()));
        }
    });
    rules
}

/// The path of a cause, as [`walk`] writes it: without indices and keys, and empty for the whole object.
pub(crate) fn plain_path(field: &str) -> String {
    if field == "<nil>" {
        return String::new();
    }
    let mut parts = field.split('[');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        path.push_str("[]");
        path.push_str(part.split_once(']').map_or("", |(_, after)| after));
    }
    path
}

#[test]
fn a_path_loses_its_indices_and_keys() {
    for (field, path) in [
        ("spec.artifacts[0].name", "spec.artifacts[].name"),
        (
            "spec.driver.resources.limits[cpu]",
            "spec.driver.resources.limits[]",
        ),
        ("<nil>", ""),
    ] {
        assert_eq!(plain_path(field), path);
    }
}
