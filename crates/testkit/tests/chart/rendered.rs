//! The chart's objects as values. Runs Helm.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use sparkconnect_testkit::helm::Helm;

/// Helm without a cluster.
pub(crate) static HELM: LazyLock<Helm> =
    LazyLock::new(|| Helm::new().unwrap_or_else(|error| panic!("{error}")));

/// A file of many values.
pub(crate) const RICH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chart/rich.yaml");

/// What the chart comes to in `namespace` with `args`.
pub(crate) fn text(namespace: &str, args: &[&str]) -> String {
    let text = HELM.template(namespace, args);
    text.unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

/// The documents of a text.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let read = |document| Value::deserialize(document).expect("Helm prints YAML");
    documents.map(read).filter(|it| !it.is_null()).collect()
}

/// The objects in `namespace` with `args`.
pub(crate) fn objects(namespace: &str, args: &[&str]) -> Vec<Value> {
    documents(&text(namespace, args))
}

/// Kind and name, as in `Deployment/sparkconnect-operator`.
pub(crate) fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}

/// The one of that kind and name.
pub(crate) fn find<'a>(objects: &'a [Value], wanted: &str) -> &'a Value {
    let found = objects.iter().find(|object| name(object) == wanted);
    let names = || objects.iter().map(name).collect::<Vec<_>>().join("\n");
    found.unwrap_or_else(|| panic!("{wanted} is not among\n{}", names()))
}
