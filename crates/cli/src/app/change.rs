//! `app delete`, `app suspend` and `app resume`. Does I/O through the client.

use std::process::ExitCode;

use super::backend::{BackendArgs, Jobs};
use crate::context::{Context, Request};
use crate::error::Error;

/// Which batch jobs.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Names of the applications; on Livy the batches' numbers too.
    #[arg(value_name = "APPLICATION", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What to do with them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Delete,
    Suspend,
    Resume,
}

/// Does it, one after the other, and stops at the first that it cannot be done to.
pub(super) async fn run(context: &Context, args: &Args, change: Change) -> Result<ExitCode, Error> {
    let connected = args.backend.connect(context, args.request.bound());
    let jobs = args.request.within(connected).await?;
    for id in &args.ids {
        args.request.within(once(&jobs, id, change)).await?;
        let done = match change {
            Change::Delete => "deleted",
            Change::Suspend => "suspended",
            Change::Resume => "resumed",
        };
        context.print(&format!("{} {done}", jobs.called(id)))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn once(jobs: &Jobs, id: &str, change: Change) -> Result<(), Error> {
    match change {
        Change::Delete => jobs.client.delete_application(id).await?,
        Change::Suspend => jobs.client.suspend_application(id).await?,
        Change::Resume => jobs.client.resume_application(id).await?,
    }
    Ok(())
}
