//! Helm, as the module in `tests/chart` pins it, and the chart of this checkout. Runs `go` and `helm`.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Result;
use crate::install::{Kubectl, repository};
use crate::{cache, command, go_tools};

/// Name of the release that everything here makes.
pub const RELEASE: &str = "sparkconnect";

/// Helm, with or without a cluster.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
    leading: Vec<String>,
}

impl Helm {
    /// Helm without a cluster: for templates alone.
    ///
    /// # Errors
    /// When it is missing and cannot be built.
    pub fn new() -> Result<Self> {
        Ok(Self {
            program: go_tools::program("chart", "helm.sh/helm/v4/cmd/helm", "helm")?,
            leading: Vec::new(),
        })
    }

    /// Helm on the cluster that `kubectl` reaches.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn on(kubectl: &Kubectl) -> Result<Self> {
        let leading = kubectl.helm_flags();
        Ok(Self {
            leading,
            ..Self::new()?
        })
    }

    /// helm with `args`, ready to run; with nothing of the user's own settings and plug-ins.
    pub fn command(&self, args: &[&str]) -> Command {
        let home = cache::root().join("helm-home");
        let mut command = Command::new(&self.program);
        for (variable, folder) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ] {
            command.env(variable, home.join(folder));
        }
        command.args(args).args(&self.leading);
        command
    }

    /// Runs helm with `args` and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        command::output(&mut self.command(args))
    }

    /// What the chart comes to in `namespace` with `args`, such as `--set=…`.
    ///
    /// # Errors
    /// When the chart refuses a value, or a template fails.
    pub fn template(&self, namespace: &str, args: &[&str]) -> Result<String> {
        let chart = chart().display().to_string();
        let head = ["template", RELEASE, &chart, "--namespace", namespace];
        self.run(&[&head[..], args].concat())
    }

    /// Installs the chart in `namespace`, which is made if it is not there, or brings it up to date, and waits until it runs.
    ///
    /// # Errors
    /// When it fails, with what helm said.
    pub fn install(&self, namespace: &str, args: &[&str]) -> Result<()> {
        let chart = chart().display().to_string();
        let head = ["upgrade", "--install", RELEASE, &chart];
        let tail = ["--namespace", namespace, "--create-namespace", "--wait"];
        let patience = ["--timeout=180s"];
        self.run(&[&head[..], &tail, &patience, args].concat())
            .map(drop)
    }

    /// Takes the release in `namespace` away, and waits until that is done.
    ///
    /// # Errors
    /// When it fails, with what helm said.
    pub fn uninstall(&self, namespace: &str) -> Result<()> {
        let args = ["uninstall", RELEASE, "--namespace", namespace];
        self.run(&[&args[..], &["--wait", "--timeout=120s"]].concat())
            .map(drop)
    }
}

/// The chart's folder.
pub fn chart() -> PathBuf {
    repository().join("charts/sparkconnect")
}
