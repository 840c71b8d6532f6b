//! `session close`. Does I/O through the client.

use std::process::ExitCode;

use sparkconnect_client::sessions::Reach;

use crate::context::{Context, Request};
use crate::error::Error;

/// End sessions, whoever made them, and delete their resources.
#[derive(clap::Args, Debug)]
#[command(visible_aliases = ["rm", "delete"], after_long_help = "\
Examples:
  kubectl sparkconnect session close ada
  kubectl sparkconnect session close 6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10")]
pub(crate) struct Args {
    /// Names of the sessions, or their ids.
    #[arg(value_name = "SESSION", required = true, value_parser = crate::values::session_name)]
    names: Vec<String>,
    #[command(flatten)]
    request: Request,
}

/// Ends them, one after the other, and stops at the first that cannot be ended.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let client = context.sessions(Reach::Direct).await?;
    for name in &args.names {
        let closed = async { Ok(client.close_session(name).await?) };
        args.request.within(closed).await?;
        context.print(&format!("sparksession.sparkconnect.dev/{name} closed"))?;
    }
    Ok(ExitCode::SUCCESS)
}
