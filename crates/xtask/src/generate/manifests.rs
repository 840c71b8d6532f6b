//! The manifests of `deploy/`: what the chart comes to for the whole cluster and for one namespace, a file a template. Runs Helm.

use std::collections::BTreeMap;

use sparkconnect_testkit::Result;
use sparkconnect_testkit::helm::Helm;

/// One form of the installation.
struct Form {
    /// Its folder in `deploy/`.
    folder: &'static str,
    namespace: &'static str,
    values: &'static [&'static str],
    /// What its `kustomization.yaml` has beside the list of the rendered files.
    head: &'static str,
    tail: &'static str,
}

const FORMS: [Form; 2] = [
    Form {
        folder: "cluster-wide",
        namespace: "sparkconnect-system",
        values: &[],
        head: "\
namespace: sparkconnect-system
resources:
  - namespace.yaml
  - ../crds
",
        tail: "",
    },
    Form {
        folder: "namespaced",
        namespace: "default",
        values: &["--set=watchNamespaces={default}"],
        head: "\
# The namespace that operator and gateway run in and serve; it must exist.
namespace: default
resources:
  - ../crds
",
        tail: "\
# The namespace is a setting of both programs too, and a part of the name of what is the whole cluster's.
replacements:
  - source: {kind: ServiceAccount, name: sparkconnect-operator, fieldPath: metadata.namespace}
    targets:
      - select: {kind: Deployment}
        fieldPaths: ['spec.template.spec.containers.*.env.[name=SPARKCONNECT_WATCH_NAMESPACE].value']
      - select: {kind: ClusterRoleBinding}
        fieldPaths: [metadata.name]
        options: {delimiter: \":\", index: 1}
",
    },
];

/// What Helm alone needs to know of an object.
const HELMS_OWN: [&str; 2] = ["helm.sh/chart: ", "app.kubernetes.io/managed-by: Helm"];

/// The files of every form: path from the repository's root, and content.
pub(crate) fn render() -> Result<Vec<(String, String)>> {
    let helm = Helm::new()?;
    let mut files = Vec::new();
    for form in &FORMS {
        let common = ["--set=crds.install=false", "--skip-tests"];
        let text = helm.template(form.namespace, &[&common[..], form.values].concat())?;
        let folder = format!("deploy/{}", form.folder);
        let parts = by_template(&text);
        let listed: String = parts.keys().map(|path| format!("  - {path}\n")).collect();
        let kustomization = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{}{listed}{}",
            form.head, form.tail
        );
        files.push((format!("{folder}/kustomization.yaml"), kustomization));
        let parts = parts.into_iter();
        files.extend(parts.map(|(path, text)| (format!("{folder}/{path}"), text)));
    }
    Ok(files)
}

/// The documents that Helm printed, by the template that each is from.
fn by_template(text: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::<String, String>::new();
    for document in text.split("---\n# Source: sparkconnect/templates/").skip(1) {
        let (path, body) = document.split_once('\n').unwrap_or_default();
        let file = files.entry(path.to_owned()).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        let kept = |line: &&str| {
            let content = line.trim_start();
            !HELMS_OWN.iter().any(|own| content.starts_with(own)) && !content.is_empty()
        };
        for line in body.lines().filter(kept) {
            file.push_str(line);
            file.push('\n');
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_go_to_the_file_of_their_template_without_what_is_helms() {
        let text = "\
---
# Source: sparkconnect/templates/a/x.yaml
# Why.
kind: A
metadata:
  labels:
    helm.sh/chart: sparkconnect-0.1.0
    app.kubernetes.io/managed-by: Helm
    app.kubernetes.io/name: x

---
# Source: sparkconnect/templates/b/y.yaml
kind: B
---
# Source: sparkconnect/templates/a/x.yaml
kind: C
";
        let files = by_template(text);
        assert_eq!(
            files["a/x.yaml"],
            "# Why.\nkind: A\nmetadata:\n  labels:\n    app.kubernetes.io/name: x\n---\nkind: C\n"
        );
        assert_eq!(files["b/y.yaml"], "kind: B\n");
    }
}
