//! `server restart`. Does I/O: writes the annotation that has the operator replace every replica.

use std::process::ExitCode;

use jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use sparkconnect_api::{SparkConnectServer, labels};
use sparkconnect_client::kubernetes::{named, told};

use crate::context::{Context, Request};
use crate::error::Error;

/// Restart every replica of a server.
///
/// A replica without sessions restarts at once. One that has some keeps them until the last ends, for the server's
/// `rollout.drainTimeout` at most, and takes no new ones meanwhile.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect server restart demo
  kubectl sparkconnect server get demo        # how far it is")]
pub(crate) struct Args {
    /// Name of the server.
    #[arg(value_name = "SERVER", value_parser = crate::values::server_name)]
    name: String,
    #[command(flatten)]
    request: Request,
}

/// Has it restarted.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    args.request.within(restart(context, &args.name)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn restart(context: &Context, name: &str) -> Result<(), Error> {
    named("SparkConnectServer", name)?;
    let cluster = context.cluster().await?;
    let servers: Api<SparkConnectServer> = Api::namespaced(cluster.client, &cluster.namespace);
    let annotations = json!({labels::RESTARTED_AT: Timestamp::now().to_string()});
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    // Of the answer only that it went well matters, whatever else the server has.
    let patched = servers
        .patch_metadata(name, &PatchParams::default(), &patch)
        .await;
    patched.map_err(|error| told(error, &format!("restarting the SparkConnectServer {name}")))?;
    context.print(&format!(
        "sparkconnectserver.sparkconnect.dev/{name} restarted"
    ))
}
