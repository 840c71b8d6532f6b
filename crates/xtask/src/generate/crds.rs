//! The CustomResourceDefinitions as files. No I/O.

use serde_json::{Number, Value};

/// The definition of SparkConnectServer.
pub(crate) fn server() -> String {
    let [server, _] = definitions();
    manifest(&yaml(&server))
}

/// The definition of SparkSession.
pub(crate) fn session() -> String {
    let [_, session] = definitions();
    manifest(&yaml(&session))
}

/// The definition of SparkConnectServer as the chart has it.
pub(crate) fn server_template() -> String {
    let [server, _] = definitions();
    template(&yaml(&server))
}

/// The definition of SparkSession as the chart has it.
pub(crate) fn session_template() -> String {
    let [_, session] = definitions();
    template(&yaml(&session))
}

/// A definition that Flux and Argo CD leave where it is when it leaves what they apply: with it would go every server and session.
fn manifest(definition: &str) -> String {
    let metadata = "\
metadata:
  annotations:
    argocd.argoproj.io/sync-options: Prune=false,Delete=false
    kustomize.toolkit.fluxcd.io/prune: disabled
";
    definition.replacen("metadata:\n", metadata, 1)
}

/// A definition that the chart installs, keeps and labels as its values say.
fn template(definition: &str) -> String {
    assert!(
        !definition.contains("{{"),
        "Helm would take that for its own"
    );
    let metadata = "\
metadata:
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include \"sparkconnect.labels\" (dict \"root\" . \"name\" \"sparkconnect\") | nindent 4 }}
";
    let text = definition.replacen("metadata:\n", metadata, 1);
    format!("{{{{- if .Values.crds.install }}}}\n{text}{{{{- end }}}}\n")
}

/// Both definitions, with bounds as whole numbers.
pub(crate) fn definitions() -> [Value; 2] {
    sparkconnect_api::definitions().map(|definition| {
        let mut value =
            serde_json::to_value(definition).expect("a definition is made of plain values");
        whole_numbers(&mut value);
        value
    })
}

fn yaml(definition: &Value) -> String {
    serde_yaml::to_string(definition).expect("plain values can be written as YAML")
}

/// The definition's type has bounds as floating-point numbers, `1.0` in the file; they are whole in every schema here.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn whole(number: &Number) -> Option<Number> {
    let text = number.as_f64()?.to_string();
    text.parse::<i64>().ok().map(Number::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kubectl apply` keeps the whole object in an annotation; annotations are 256 KiB at most, and the chart needs room too.
    #[test]
    fn the_definitions_are_small_enough_for_client_side_apply() {
        for text in [server(), session()] {
            assert!(text.len() < 200_000, "{} bytes", text.len());
        }
    }

    #[test]
    fn bounds_are_whole_numbers() {
        let text = server();
        assert!(text.contains("maximum: 1024\n"), "{text}");
        assert!(!text.contains("format: uint"), "{text}");
    }
}
