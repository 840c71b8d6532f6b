//! `cargo xtask cluster`: starts, shows and ends the local cluster.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use sparkconnect_testkit::{Result, toolchain};

/// The verbs of the local cluster.
#[derive(Args)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the cluster's programs, if that was not done before, and print the folder they are in.
    Build,
}

/// Does what the command line says; data goes to standard output, the rest to standard error.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    match cli.verb {
        Verb::Build => println!("{}", toolchain::kubernetes()?.folder().display()),
    }
    Ok(ExitCode::SUCCESS)
}
