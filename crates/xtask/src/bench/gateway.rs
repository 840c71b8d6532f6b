//! `cargo xtask bench gateway`: builds the program of `benches/gateway` as it is shipped, and runs it.

use std::process::{Command, ExitCode};

use clap::Args;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result};

const PACKAGE: &str = "sparkconnect-gateway-bench";

/// What is handed on to the program, which tells what it takes.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Cli {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs it to its end.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--release", "--package", PACKAGE, "--"])
        .args(&cli.args)
        .current_dir(repository());
    let status = cargo
        .status()
        .map_err(|error| Error::new(format!("cargo could not be started: {error}")))?;
    // Its own error is on the terminal already.
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
