//! `cargo xtask bench sessions`: how long it takes to have a session on the local cluster, beside kubeflow's SDK and operator.

use std::process::ExitCode;

use clap::Args;
use sparkconnect_testkit::cluster::Cluster;
use sparkconnect_testkit::install::{self, Images, Kubectl, repository};
use sparkconnect_testkit::kubeflow::Operator;
use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::{Error, Result, cache, progress, python_package};

const PROGRAM: &str = "crates/python/benches/sessions.py";
/// Kubeflow's SDK is among them.
const REQUIREMENTS: &str = include_str!("../../../python/tests/requirements.txt");
/// The namespaces of either.
const OURS: &str = "bench-ours";
const THEIRS: &str = "bench-kubeflow";

/// How much is measured.
#[derive(Args)]
pub(crate) struct Cli {
    /// Sessions of each kind.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Version of Spark and PySpark. On 4.3 executors do not find the driver of kubeflow's operator 2.4.0: it binds it to 0.0.0.0.
    #[arg(long, default_value = "4.1.4")]
    version: String,
}

/// Runs it to its end.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let cluster = progress::step("Starting the local cluster", Cluster::up)?;
    let kubectl = Kubectl::local(&cluster)?;
    let images = Images::local(&cluster, &[&cli.version])?;
    install::cluster_wide(&kubectl, &images)?;
    for namespace in [OURS, THEIRS] {
        kubectl.run(&["delete", "namespace", namespace, "--ignore-not-found"])?;
        kubectl.run(&["create", "namespace", namespace])?;
    }
    server(&kubectl, &cli.version)?;
    let home = SparkHome::ensure(&cli.version)?;
    let folder = tempfile::tempdir()
        .map_err(|error| Error::new(format!("no temporary folder can be made: {error}")))?;
    let _operator = Operator::install(&kubectl, THEIRS, &home, folder.path())?;

    let python = python_package::installed_with(&cache::root().join("bench-sessions"), "image")?;
    python_package::add(&python, REQUIREMENTS)?;
    let mut program = python_package::with_pyspark(&python, &home);
    program
        .arg(repository().join(PROGRAM))
        .arg(cli.rounds.to_string())
        .env("KUBECONFIG", cluster.kubeconfig())
        // The SDK runs kubectl.
        .env("PATH", kubectl.path()?)
        .env("OURS", OURS)
        .env("THEIRS", THEIRS)
        .env("IMAGE", images.spark.replace("{version}", &cli.version));
    let status = program
        .status()
        .map_err(|error| Error::new(format!("python could not be started: {error}")))?;
    for namespace in [OURS, THEIRS] {
        kubectl.run(&["delete", "namespace", namespace, "--wait=false"])?;
    }
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A server that runs, with an executor; and for kubeflow's the script of Spark that the image lacks.
fn server(kubectl: &Kubectl, version: &str) -> Result<()> {
    kubectl.apply(&format!(
        r#"apiVersion: sparkconnect.dev/v1alpha1
kind: SparkConnectServer
metadata: {{name: demo, namespace: {OURS}}}
spec:
  version: {version}
  driver: {{memory: 700m, resources: {{requests: {{cpu: 100m}}}}}}
  executor: {{memory: 600m, resources: {{requests: {{cpu: 100m}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: scripts, namespace: {THEIRS}}}
data:
  start-connect-server.sh: |
    #!/bin/bash
    exec "$SPARK_HOME/bin/spark-submit" --class org.apache.spark.sql.connect.service.SparkConnectServer "$@"
  stop-connect-server.sh: |
    #!/bin/bash
    kill 1
"#
    ))?;
    let wait = [
        "wait",
        "--for=condition=Ready",
        "--timeout=120s",
        "scs/demo",
    ];
    kubectl.run(&[&["-n", OURS], &wait[..]].concat()).map(drop)
}
