//! `app`: the verbs of batch jobs.

mod backend;
mod change;
mod get;
mod list;
mod logs;
mod options;
mod request;
mod submit;
mod wait;

use std::process::ExitCode;

use clap::Subcommand;

use self::change::Change;
use crate::context::Context;
use crate::error::Error;

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Submit(Box<submit::Args>),
    Ls(list::Args),
    Get(get::Args),
    Wait(wait::Args),
    Logs(logs::Args),
    /// Stop batch jobs and remove their records.
    #[command(
        visible_alias = "rm",
        after_long_help = "\
Examples:
  kubectl sparkconnect app delete pi
  kubectl sparkconnect app delete 7 --livy-url http://livy.example:8998"
    )]
    Delete(change::Args),
    /// Stop batch jobs and hold them back until they are resumed. Only kubeflow's Spark operator can.
    #[command(after_long_help = "\
Examples:
  kubectl sparkconnect app suspend pi
  kubectl sparkconnect app resume pi")]
    Suspend(change::Args),
    /// Have batch jobs run that were suspended. Only kubeflow's Spark operator can.
    #[command(after_long_help = "\
Examples:
  kubectl sparkconnect app resume pi")]
    Resume(change::Args),
}

impl Verb {
    /// Does it.
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::Submit(args) => submit::run(context, args).await,
            Self::Ls(args) => list::run(context, args).await,
            Self::Get(args) => get::run(context, args).await,
            Self::Wait(args) => wait::run(context, args).await,
            Self::Logs(args) => logs::run(context, args).await,
            Self::Delete(args) => change::run(context, args, Change::Delete).await,
            Self::Suspend(args) => change::run(context, args, Change::Suspend).await,
            Self::Resume(args) => change::run(context, args, Change::Resume).await,
        }
    }
}
