//! The command tree, and which module does what. Pure but for what they do.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::context::{Context, Global};
use crate::error::{EXIT_CODES, Error};
use crate::{app, complete, doctor, server, session};

/// Spark Connect servers, sessions and batch jobs on Kubernetes.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-sparkconnect",
    bin_name = "kubectl sparkconnect",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_long_help = EXIT_CODES
)]
pub(crate) struct Cli {
    /// Options of every verb.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Spark Connect servers: list, describe, read logs, scale, restart.
    #[command(subcommand, visible_alias = "servers", arg_required_else_help = true)]
    Server(server::Verb),
    /// Sessions: make, list, describe, get the URL, read logs, end.
    #[command(subcommand, visible_alias = "sessions", arg_required_else_help = true)]
    Session(session::Verb),
    /// Batch jobs, by a Spark operator or by Livy: submit, list, follow, stop.
    #[command(subcommand, visible_alias = "apps", arg_required_else_help = true)]
    App(app::Verb),
    Doctor(doctor::Args),
    Completion(complete::script::Args),
    #[command(name = "__complete", hide = true)]
    Complete(complete::Args),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::Server(verb) => verb.run(context).await,
            Self::Session(verb) => verb.run(context).await,
            Self::Doctor(args) => doctor::run(context, args).await,
            Self::App(verb) => verb.run(context).await,
            Self::Completion(args) => complete::script::run(args),
            Self::Complete(args) => complete::run(context, args).await,
        }
    }
}
