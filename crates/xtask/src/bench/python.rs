//! `cargo xtask bench python`: what the Python package costs beside plain PySpark, against a real Spark Connect server.

use std::process::ExitCode;

use clap::Args;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::spark::{Options, SparkServer};
use sparkconnect_testkit::{Error, Result, cache, python_package};

const PROGRAM: &str = "crates/python/benches/wrapper.py";

/// How much is measured.
#[derive(Args)]
pub(crate) struct Cli {
    /// Rounds of queries: one through each session.
    #[arg(long, default_value_t = 1000)]
    queries: u32,
    /// Rounds of imports: one of each kind.
    #[arg(long, default_value_t = 20)]
    imports: u32,
    /// Version of Spark and PySpark.
    #[arg(long, default_value = "4.3.0")]
    version: String,
}

/// Runs it to its end.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    // A debug build is slower to load.
    let python = python_package::installed_with(&cache::root().join("bench-python"), "image")?;
    let server = SparkServer::start(&cli.version, Options::default())?;
    let mut program = python_package::with_pyspark(&python, server.home());
    program
        .arg(repository().join(PROGRAM))
        .args([cli.queries, cli.imports].map(|rounds| rounds.to_string()))
        .env(
            "SPARK_URL",
            format!("sc://127.0.0.1:{}", server.grpc_port()),
        );
    let status = program
        .status()
        .map_err(|error| Error::new(format!("python could not be started: {error}")))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
