//! `server ls`. Does I/O: asks the API server once.

use std::process::ExitCode;

use jiff::Timestamp;
use kube::ResourceExt;
use sparkconnect_api::SparkConnectServer;

use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::ListOutput;
use crate::output::age::{NONE, age};
use crate::output::table::{column, wide};
use crate::resource::{self, Listing, Scope};

/// List servers.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "list",
    after_long_help = "\
Examples:
  kubectl sparkconnect server ls
  kubectl sparkconnect server ls -A -o wide"
)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    output: ListOutput,
    #[command(flatten)]
    request: Request,
}

const LISTING: Listing<SparkConnectServer> = Listing {
    columns: &[
        column("PHASE"),
        column("READY"),
        column("SESSIONS"),
        column("EXECUTORS"),
        column("VERSION"),
        column("AGE"),
        wide("ENDPOINT"),
        column("MESSAGE"),
    ],
    cells,
};

/// Lists them.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let listed = resource::list(context, args.scope, args.output, &LISTING);
    args.request.within(listed).await?;
    Ok(ExitCode::SUCCESS)
}

fn cells(server: &SparkConnectServer) -> Vec<String> {
    let status = server.status.clone().unwrap_or_default();
    let none = || NONE.to_owned();
    let sessions = status.sessions.map(|counts| counts.active.to_string());
    let executors = status
        .servers
        .iter()
        .filter_map(|replica| replica.executors);
    let executors = executors.reduce(|one, other| one + other);
    let created = server.creation_timestamp().map(|time| time.0);
    vec![
        status.phase.map_or_else(none, |phase| format!("{phase:?}")),
        format!("{}/{}", status.ready_replicas, server.spec.replicas),
        sessions.unwrap_or_else(none),
        executors.map_or_else(none, |executors| executors.to_string()),
        status.spark_version.unwrap_or_else(none),
        age(created, Timestamp::now()),
        status.endpoint.unwrap_or_else(none),
        status.message.unwrap_or_default(),
    ]
}
