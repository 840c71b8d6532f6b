//! `server scale`. Does I/O: changes the scale subresource.

use std::process::ExitCode;

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use sparkconnect_api::SparkConnectServer;
use sparkconnect_client::kubernetes::{named, told};

use crate::context::{Context, Request};
use crate::error::Error;

/// Change the number of a server's replicas.
///
/// More replicas start at once. Of fewer, those that go keep their sessions until these end, for the server's
/// `rollout.drainTimeout` at most, and take no new ones.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect server scale demo 3
  kubectl sparkconnect server scale demo 0")]
pub(crate) struct Args {
    /// Name of the server.
    #[arg(value_name = "SERVER", value_parser = crate::values::server_name)]
    name: String,
    /// How many replicas there are to be.
    replicas: u32,
    #[command(flatten)]
    request: Request,
}

/// Changes it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    args.request.within(scale(context, args)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn scale(context: &Context, args: &Args) -> Result<(), Error> {
    let name = &args.name;
    named("SparkConnectServer", name)?;
    let cluster = context.cluster().await?;
    let servers: Api<SparkConnectServer> = Api::namespaced(cluster.client, &cluster.namespace);
    let patch = Patch::Merge(json!({"spec": {"replicas": args.replicas}}));
    let scaled = servers
        .patch_scale(name, &PatchParams::default(), &patch)
        .await;
    scaled.map_err(|error| told(error, &format!("scaling the SparkConnectServer {name}")))?;
    context.print(&format!(
        "sparkconnectserver.sparkconnect.dev/{name} scaled"
    ))
}
