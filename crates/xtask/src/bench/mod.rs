//! `cargo xtask bench`: the figures of the README.

mod command;
mod control;
mod gateway;
mod python;
mod sessions;

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
    /// The command line client beside kubectl: time of a command.
    Cli(command::Cli),
    /// A session on a cluster, by this project and by kubeflow's SDK: time to have it.
    Sessions(sessions::Cli),
}

/// Measures and prints.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    match &cli.verb {
        Verb::Control(cli) => control::run(cli),
        Verb::Gateway(cli) => gateway::run(cli),
        Verb::Python(cli) => python::run(cli),
        Verb::Cli(cli) => command::run(cli),
        Verb::Sessions(cli) => sessions::run(cli),
    }
}
