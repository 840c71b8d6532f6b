//! `cargo xtask demo`: the whole product at work, from nothing, as a user would install and use it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use sparkconnect_testkit::cluster::Cluster;
use sparkconnect_testkit::install::{self, Images, Kubectl};
use sparkconnect_testkit::{Error, Result, progress};

/// Spark version of the example's server.
const SPARK_VERSION: &str = "4.3.0";
/// The image that the example's program names.
const PROGRAM_IMAGE: &str = "apache/spark:4.3.0";
/// Longest wait for the program.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Namespace of the example.
const NAMESPACE: &str = "quickstart";

/// Where the demo runs.
#[derive(Args)]
pub(crate) struct Cli {
    /// A cluster of your own, by the name of its kubectl context; without it, the local cluster is started.
    #[arg(long, value_name = "NAME", requires = "registry")]
    context: Option<String>,
    /// Registry that your cluster pulls the images from: push what `cargo xtask images` builds there first.
    #[arg(long, value_name = "REGISTRY", requires = "context")]
    registry: Option<String>,
}

/// Installs the product, applies the example, runs its program and shows the result.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let (kubectl, images) = match (&cli.context, &cli.registry) {
        (Some(context), Some(registry)) => (Kubectl::context(context)?, Images::registry(registry)),
        _ => local()?,
    };
    progress::step(
        "Installing operator, gateway and the resource definitions",
        || install::cluster_wide(&kubectl, &images),
    )?;
    apply_example(&kubectl, &images, cli.context.is_none())?;
    let server = progress::step("Waiting for the server: driver and executor pods", || {
        ready(&kubectl, "sparkconnectserver/demo")
    });
    explained(&kubectl, server)?;
    let session = progress::step("Waiting for the session", || {
        ready(&kubectl, "sparksession/ada")
    });
    explained(&kubectl, session)?;
    let program = progress::step(
        "Running examples/quickstart/program.py through the gateway, over TLS",
        || finished(&kubectl),
    );
    explained(&kubectl, program)?;
    println!(
        "{}\n",
        kubectl.run(&["-n", NAMESPACE, "logs", "job/program"])?
    );
    progress::step("Waiting for the session's metrics", || metrics(&kubectl))?;
    show(&kubectl)?;
    Ok(ExitCode::SUCCESS)
}

/// Starts the local cluster and builds the images.
fn local() -> Result<(Kubectl, Images)> {
    let cluster = progress::step("Starting the local cluster", Cluster::up)?;
    let images = progress::step("Building and loading the images", || {
        Images::local(&cluster, &[SPARK_VERSION])
    })?;
    Ok((Kubectl::local(&cluster)?, images))
}

/// Applies the example afresh: a demo that is run again shows a new session.
fn apply_example(kubectl: &Kubectl, images: &Images, local: bool) -> Result<()> {
    let folder = install::repository().join("examples/quickstart");
    let spark = images.spark.replace("{version}", SPARK_VERSION);
    let manifests = kubectl.kustomize(&folder)?.replace(PROGRAM_IMAGE, &spark);
    progress::step("Applying examples/quickstart", || {
        let old = [
            "delete",
            "job/program",
            "sparksession/ada",
            "--ignore-not-found",
            "--timeout=60s",
        ];
        if kubectl.run(&["get", "namespace", NAMESPACE]).is_ok() {
            kubectl.run(&[&["-n", NAMESPACE], &old[..]].concat())?;
        }
        if local {
            install::local_volume(kubectl, NAMESPACE, "data")?;
        }
        kubectl.apply(&manifests)
    })?;
    Ok(())
}

fn ready(kubectl: &Kubectl, object: &str) -> Result<()> {
    let wait = [
        "-n",
        NAMESPACE,
        "wait",
        "--for=condition=Ready",
        object,
        "--timeout=300s",
    ];
    kubectl.run(&wait).map(drop)
}

/// Waits until the program's Job has ended, either way.
fn finished(kubectl: &Kubectl) -> Result<()> {
    let query = "-o=jsonpath={.status.conditions[?(@.status==\"True\")].type}";
    let began = Instant::now();
    loop {
        let ended = kubectl.run(&["-n", NAMESPACE, "get", "job/program", query])?;
        if ended.contains("Complete") {
            return Ok(());
        }
        if ended.contains("Failed") || began.elapsed() > PATIENCE {
            return Err(Error::new(format!("the program did not end well: {ended}")));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Adds to an error what the cluster says of it.
fn explained(kubectl: &Kubectl, result: Result<()>) -> Result<()> {
    result.map_err(|error| {
        let kinds = "sparkconnectservers,sparksessions,pods";
        let seen = kubectl
            .run(&["-n", NAMESPACE, "get", kinds, "-o", "wide"])
            .unwrap_or_default();
        let logs = kubectl
            .run(&["-n", NAMESPACE, "logs", "job/program", "--tail=20"])
            .unwrap_or_default();
        Error::new(format!("{error}\n{seen}\n{logs}")).hint(format!(
            "`kubectl -n {NAMESPACE} describe scs,sps,pods` says more"
        ))
    })
}

/// Waits until the status shows what the program wrote.
fn metrics(kubectl: &Kubectl) -> Result<()> {
    let query = "-o=jsonpath={.status.metrics.dataWrittenBytes}";
    let began = Instant::now();
    loop {
        let written = kubectl.run(&["-n", NAMESPACE, "get", "sparksession", "ada", query])?;
        if written.parse::<u64>().is_ok_and(|bytes| bytes > 0) {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(60) {
            let status =
                kubectl.run(&["-n", NAMESPACE, "get", "sparksession", "ada", "-o=yaml"])?;
            return Err(Error::new(format!(
                "no metrics within 60 s; the session is\n{status}"
            )));
        }
        std::thread::sleep(PAUSE);
    }
}

fn show(kubectl: &Kubectl) -> Result<()> {
    let get = [
        "-n",
        NAMESPACE,
        "get",
        "sparkconnectservers,sparksessions,pods",
    ];
    println!("{}\n", kubectl.run(&get)?);
    let metrics = "-o=jsonpath={.status.metrics}";
    let metrics = kubectl.run(&["-n", NAMESPACE, "get", "sparksession", "ada", metrics])?;
    println!("status.metrics of the session: {metrics}\n");
    println!("The cluster stays up. Try next:");
    println!("  export KUBECONFIG=$(cargo xtask cluster kubeconfig)");
    println!("  kubectl -n {NAMESPACE} describe sparksession ada");
    println!("  kubectl -n {NAMESPACE} scale sparkconnectserver demo --replicas=2");
    println!("  cargo xtask cluster down");
    Ok(())
}
