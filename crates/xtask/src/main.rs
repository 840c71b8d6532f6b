//! The developer commands: reads the command line and hands each verb to its own module.

mod cluster;
mod generate;
mod images;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sparkconnect_testkit::Result;

/// Developer commands of sparkconnect.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The local Kubernetes cluster.
    Cluster(cluster::Cli),
    /// The container images.
    Images(images::Cli),
    /// Write every generated file of the repository, or check them.
    Gen(generate::Cli),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.verb {
        Verb::Cluster(cli) => cluster::run(cli),
        Verb::Images(cli) => images::run(cli),
        Verb::Gen(cli) => generate::run(&cli),
    }
}
