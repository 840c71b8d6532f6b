//! The developer commands: reads the command line and hands each verb to its own module.

mod bench;
mod cluster;
mod demo;
mod docs;
mod generate;
mod images;
mod release;
mod test;

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
    /// Start everything, run the example through it, and show the result.
    Demo(demo::Cli),
    /// Run every test, least power first.
    Test(test::Cli),
    /// Measure the figures of the README.
    Bench(bench::Cli),
    /// The local Kubernetes cluster.
    Cluster(cluster::Cli),
    /// Build the book of `docs/`.
    Docs,
    /// The container images.
    Images(images::Cli),
    /// Build and check everything that a release consists of; publishes nothing.
    Release(release::Cli),
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
        Verb::Demo(cli) => demo::run(&cli),
        Verb::Test(cli) => test::run(&cli),
        Verb::Bench(cli) => bench::run(&cli),
        Verb::Cluster(cli) => cluster::run(cli),
        Verb::Docs => docs::run(),
        Verb::Images(cli) => images::run(cli),
        Verb::Release(cli) => release::run(cli),
        Verb::Gen(cli) => generate::run(&cli),
    }
}
