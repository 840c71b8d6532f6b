//! `server`: the verbs of Spark Connect servers.

mod get;
mod list;
mod logs;
mod restart;
mod scale;

use std::process::ExitCode;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Ls(list::Args),
    Get(get::Args),
    Logs(logs::Args),
    Ui(crate::ui::Args),
    Scale(scale::Args),
    Restart(restart::Args),
}

impl Verb {
    /// Does it.
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::Ls(args) => list::run(context, args).await,
            Self::Get(args) => get::run(context, args).await,
            Self::Logs(args) => logs::run(context, args).await,
            Self::Ui(args) => crate::ui::run(context, args).await,
            Self::Scale(args) => scale::run(context, args).await,
            Self::Restart(args) => restart::run(context, args).await,
        }
    }
}
