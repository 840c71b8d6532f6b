//! The release of the installation, as Helm has it. Runs helm and kubectl.

use std::path::Path;

use serde_json::Value;
use sparkconnect_e2e::{Environment, Namespace};
use sparkconnect_testkit::helm::{Helm, RELEASE};
use sparkconnect_testkit::install::{self, Images, NAMESPACE};

/// The release on the cluster of an environment.
pub(crate) struct Release<'a> {
    environment: &'a Environment,
    helm: Helm,
}

impl<'a> Release<'a> {
    pub(crate) fn of(environment: &'a Environment) -> Self {
        let helm = Helm::on(&environment.kubectl);
        let helm = helm.unwrap_or_else(|error| panic!("{error}"));
        Self { environment, helm }
    }

    /// Installs a chart, or has the release be it, and waits until it runs.
    pub(crate) fn become_chart(&self, chart: &Path, images: &Images, more: &[&str]) {
        let chart = chart.display().to_string();
        let head = [
            "upgrade",
            "--install",
            RELEASE,
            &chart,
            "--create-namespace",
            "--reset-then-reuse-values",
        ];
        let values = images.values();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.helm(&[&head[..], &values, more].concat());
    }

    /// Installs by `kubectl apply` what the chart would.
    pub(crate) fn become_manifests(&self) {
        let Environment {
            kubectl, images, ..
        } = self.environment;
        install::manifests(kubectl, images).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Goes back to the revision before.
    pub(crate) fn roll_back(&self) {
        self.helm(&["rollback", RELEASE]);
    }

    /// Takes the release away.
    pub(crate) fn uninstall(&self) {
        self.helm(&["uninstall", RELEASE]);
    }

    /// Starts operator and gateway anew.
    pub(crate) fn restart(&self) {
        let kubectl = &self.environment.kubectl;
        let restart = ["-n", NAMESPACE, "rollout", "restart", "deployment"];
        let restarted = kubectl.run(&restart);
        let restarted = restarted.and_then(|_| install::rolled_out(kubectl, NAMESPACE));
        restarted.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Which images its pods run, and which version of it Helm says that the definitions are of.
    pub(crate) fn seen(&self) -> Seen {
        let deployments = self.get("deployments", "sparkconnect-operator");
        let image = &deployments["spec"]["template"]["spec"]["containers"][0]["image"];
        let crd = self.get("crd", "sparksessions.sparkconnect.dev");
        Seen {
            operator: image.as_str().unwrap_or_default().to_owned(),
            definition: crd["spec"].clone(),
            authority: self.get("secret", "sparkconnect-gateway-ca")["data"].clone(),
            key: self.get("secret", "sparkconnect-installation-key")["metadata"]["uid"].clone(),
        }
    }

    fn get(&self, kind: &str, name: &str) -> Value {
        let get = ["-n", NAMESPACE, "get", kind, name, "-o=json"];
        let text = self.environment.kubectl.run(&get);
        let text = text.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&text).expect("kubectl writes JSON")
    }

    fn helm(&self, args: &[&str]) {
        let tail = ["--namespace", NAMESPACE, "--wait", "--timeout=180s"];
        let run = self.helm.run(&[args, &tail[..]].concat());
        run.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// What an installation is, as far as an upgrade must change it, or must not. No value of a Secret but the authority's, which is compared
/// and never shown.
#[derive(PartialEq)]
pub(crate) struct Seen {
    pub(crate) operator: String,
    pub(crate) definition: Value,
    pub(crate) authority: Value,
    pub(crate) key: Value,
}

/// Has the present version be on the cluster again when a test ends, however it does: while its namespace is there, and with it the
/// test's turn on the cluster.
pub(crate) struct Restored<'a>(pub(crate) &'a Namespace);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        let Environment {
            kubectl, images, ..
        } = self.0.environment();
        if let Err(error) = install::cluster_wide(kubectl, images) {
            eprintln!("installing the present version again: {error}");
        }
    }
}
