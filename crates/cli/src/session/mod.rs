//! `session`: the verbs of sessions.

mod close;
mod create;
mod get;
mod list;
mod local;
mod logs;
pub(crate) mod make;
mod url;

use std::process::ExitCode;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Error;

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Create(create::Args),
    Ls(list::Args),
    Get(get::Args),
    Url(url::Args),
    Shell(crate::shell::Args),
    Logs(logs::Args),
    Close(close::Args),
}

impl Verb {
    /// Does it.
    pub(crate) async fn run(&self, context: &Context) -> Result<ExitCode, Error> {
        match self {
            Self::Create(args) => create::run(context, args).await,
            Self::Ls(args) => list::run(context, args).await,
            Self::Get(args) => get::run(context, args).await,
            Self::Url(args) => url::run(context, args).await,
            Self::Shell(args) => crate::shell::run(context, args).await,
            Self::Logs(args) => logs::run(context, args).await,
            Self::Close(args) => close::run(context, args).await,
        }
    }
}
