//! `app logs`. Does I/O through the client.

use std::process::ExitCode;
use std::time::Duration;

use super::backend::BackendArgs;
use crate::context::Context;
use crate::error::Error;
use crate::log::{self, LogArgs};

/// Longest time for one request to Livy, which has no way to be told of new lines.
pub(super) const LIVY_REQUEST: Duration = Duration::from_secs(30);

/// Print the log of a batch job's driver, or of an executor.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "log",
    after_long_help = "\
Examples:
  kubectl sparkconnect app logs pi -f
  kubectl sparkconnect app logs pi --executor 1 --tail 50"
)]
pub(crate) struct Args {
    /// Name of the application; on Livy the batch's number too.
    #[arg(value_name = "APPLICATION")]
    id: String,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Prints it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let jobs = args.backend.connect(context, LIVY_REQUEST).await?;
    let log = jobs.client.get_logs(&args.id, args.log.request()).await?;
    log::print(context, log).await?;
    Ok(ExitCode::SUCCESS)
}
