//! kubeflow's Spark operator, from the Go module that `tests/kubeflow` pins: its definitions, and the program, which runs as a process of
//! this machine. Does I/O: runs `go`, and the operator.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::error::{Context, Result};
use crate::install::Kubectl;
use crate::spark::SparkHome;
use crate::{cache, command, go_tools, pki};

/// The folder of `tests/` that pins it.
const PINS: &str = "kubeflow";
const MODULE: &str = "github.com/kubeflow/spark-operator/v2";
const PROGRAM: &str = "github.com/kubeflow/spark-operator/v2/cmd/operator";
/// Where the module has the definitions of its kinds.
const DEFINITIONS: &str = "charts/spark-operator-chart/crds";
const SUPERVISOR: &str = include_str!("spark/supervise.py");
const RIGHTS: &str = include_str!("kubeflow-rights.yaml");

/// The folder of its definitions, and nothing else. They are too large for a client-side apply.
///
/// # Errors
/// When Go is missing, or the module cannot be had.
pub fn definitions() -> Result<PathBuf> {
    cache::ensure("kubeflow-definitions", &go_tools::key_of(PINS)?, |place| {
        let source = go_tools::source(PINS, MODULE)?.join(DEFINITIONS);
        let reading = || format!("reading {}", source.display());
        for entry in fs::read_dir(&source).context(reading)? {
            let entry = entry.context(reading)?;
            let copied = fs::copy(entry.path(), place.join(entry.file_name()));
            copied.context(|| format!("copying {}", entry.path().display()))?;
        }
        Ok(())
    })
}

/// The file that defines its SparkApplication.
///
/// # Errors
/// As [`definitions`].
pub fn application_definition() -> Result<PathBuf> {
    Ok(definitions()?.join("sparkoperator.k8s.io_sparkapplications.yaml"))
}

/// The operator at work on one namespace; ended on drop, and when the test's process ends.
#[derive(Debug)]
pub struct Operator {
    log: PathBuf,
    supervisor: Child,
}

impl Operator {
    /// Installs its kinds on a cluster and starts it for `namespace`, which is there, with the rights that it needs there and no others.
    ///
    /// # Errors
    /// As [`Self::start`], and what the API server refuses.
    pub fn install(
        kubectl: &Kubectl,
        namespace: &str,
        home: &SparkHome,
        folder: &Path,
    ) -> Result<Self> {
        let crds = definitions()?.display().to_string();
        kubectl.run(&["apply", "--server-side", "--force-conflicts", "-f", &crds])?;
        let established = ["--for=condition=Established", "--timeout=120s"];
        kubectl.run(&[&["wait", "-f", &crds], &established[..]].concat())?;
        kubectl.apply(&RIGHTS.replace("NAMESPACE", namespace))?;
        let (kubeconfig, server) = account(kubectl, namespace, folder)?;
        let address = server.trim_start_matches("https://");
        let address = address.rsplit_once(':').expect("the address has a port");
        Self::start(namespace, &kubeconfig, address, home, folder)
    }

    /// Starts it for `namespace`, as the user of `kubeconfig`, with the API server's host and port. It submits with Spark of `home`.
    /// `folder` gets its log. The user's credentials must be a token: Spark's client cannot read keys as they are written today.
    ///
    /// # Errors
    /// When it cannot be built or started.
    fn start(
        namespace: &str,
        kubeconfig: &Path,
        (host, port): (&str, &str),
        home: &SparkHome,
        folder: &Path,
    ) -> Result<Self> {
        let log = folder.join("operator.log");
        let output = File::create(&log).context(|| format!("making {}", log.display()))?;
        let copy = output
            .try_clone()
            .context(|| format!("making {}", log.display()))?;
        let mut command = Command::new("python3");
        command
            .args(["-c", SUPERVISOR])
            .arg(go_tools::program(PINS, PROGRAM, "spark-operator")?)
            .args(["controller", "start", "--leader-election=false"])
            .arg(format!("--namespaces={namespace}"))
            .args(["--metrics-bind-address=0", "--health-probe-bind-address=0"])
            .env("KUBECONFIG", kubeconfig)
            .env("SPARK_HOME", home.spark_home())
            .env("KUBERNETES_SERVICE_HOST", host)
            .env("KUBERNETES_SERVICE_PORT", port)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(copy);
        let supervisor = command
            .spawn()
            .context(|| "starting the operator's supervisor (python3)".to_owned())?;
        Ok(Self { log, supervisor })
    }

    /// The end of its log, to say why something did not come about.
    pub fn log(&self) -> String {
        command::tail(&fs::read_to_string(&self.log).unwrap_or_default())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!("waiting for the end of kubeflow's operator: {error}");
        }
    }
}

/// A kubeconfig of the operator's ServiceAccount, and the API server's address.
fn account(kubectl: &Kubectl, namespace: &str, folder: &Path) -> Result<(PathBuf, String)> {
    let view = kubectl.run(&["config", "view", "--raw", "--minify", "-o=json"])?;
    let mut config: Value = serde_json::from_str(&view).expect("kubectl writes JSON");
    let token = ["-n", namespace, "create", "token", "spark-operator"];
    config["users"][0]["user"] = json!({"token": kubectl.run(&token)?});
    let server = config["clusters"][0]["cluster"]["server"].as_str();
    let server = server.expect("a cluster has an address").to_owned();
    let path = folder.join("kubeconfig");
    pki::write_private(&path, &config.to_string())?;
    Ok((path, server))
}
