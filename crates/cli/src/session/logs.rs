//! `session logs`. Does I/O through the client.

use std::process::ExitCode;

use sparkconnect_client::sessions::Reach;

use crate::context::Context;
use crate::error::Error;
use crate::log::{self, LogArgs};

/// Print the log of the server that a session lives on, or of one of its executors.
///
/// A server's sessions share their driver and executors, and so their logs.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "log",
    after_long_help = "\
Examples:
  kubectl sparkconnect session logs ada --tail 100
  kubectl sparkconnect session logs ada -f
  kubectl sparkconnect session logs ada --executor 1"
)]
pub(crate) struct Args {
    /// Name of the session, or its id.
    #[arg(value_name = "SESSION", value_parser = crate::values::session_name)]
    name: String,
    #[command(flatten)]
    log: LogArgs,
}

/// Prints it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let client = context.sessions(Reach::Direct).await?;
    let log = client.get_logs(&args.name, args.log.request()).await?;
    log::print(context, log).await?;
    Ok(ExitCode::SUCCESS)
}
