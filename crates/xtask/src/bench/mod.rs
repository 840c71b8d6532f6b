//! `cargo xtask bench`: the figures of the README.

mod control;
mod gateway;
mod python;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use sparkconnect_testkit::Result;

/// What to measure.
#[derive(Args)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The operator on the local cluster: starts, sessions, writes, memory.
    Control(control::Cli),
    /// The gateway side by side with other proxies: CPU, memory, time of a call.
    Gateway(gateway::Cli),
    /// The Python package beside plain PySpark: time of a query, of an import.
    Python(python::Cli),
}

/// Measures and prints.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    match &cli.verb {
        Verb::Control(cli) => control::run(cli),
        Verb::Gateway(cli) => gateway::run(cli),
        Verb::Python(cli) => python::run(cli),
    }
}
