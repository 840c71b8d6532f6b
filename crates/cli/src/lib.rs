//! The command line client: servers, sessions and batch jobs by `kubectl sparkconnect`, or alone. A library for the sake of its program
//! and of what is generated from [`command`]: completions and manual pages. Does I/O.

mod app;
mod cli;
mod complete;
mod conditions;
mod context;
mod doctor;
mod ending;
mod error;
mod events;
mod log;
mod output;
mod resource;
mod server;
mod session;
mod shell;
mod terminal;
mod ui;
mod values;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::Error;

/// The whole command tree, as clap has it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Does what the command line of this process says, and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    terminal::log(cli.global.verbose);
    let done = match &cli.command {
        // Only the others need a runtime.
        Command::Completion(args) => complete::script::run(args),
        other => served(&Context::new(cli.global.clone()), other),
    };
    done.unwrap_or_else(|error| error.report())
}

fn served(context: &Context, command: &Command) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(Error::no_runtime)?;
    runtime.block_on(command.run(context))
}
