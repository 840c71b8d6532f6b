//! `session ls`. Does I/O: asks the API server once.

use std::process::ExitCode;

use jiff::Timestamp;
use kube::ResourceExt;
use sparkconnect_api::SparkSession;
use sparkconnect_api::session::SessionPhase;

use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::ListOutput;
use crate::output::age::{NONE, age};
use crate::output::bytes;
use crate::output::table::{column, wide};
use crate::resource::{self, Listing, Scope};

/// List sessions, with what they have done.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "list",
    after_long_help = "\
Examples:
  kubectl sparkconnect session ls
  kubectl sparkconnect session ls -A -o wide
  kubectl sparkconnect session ls -o name | xargs kubectl sparkconnect session close"
)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    output: ListOutput,
    #[command(flatten)]
    request: Request,
}

const LISTING: Listing<SparkSession> = Listing {
    columns: &[
        column("PHASE"),
        column("SERVER"),
        wide("REPLICA"),
        column("USER"),
        column("QUERIES"),
        column("ACTIVE"),
        column("FAILED"),
        column("READ"),
        column("WRITTEN"),
        column("IDLE"),
        column("AGE"),
        wide("VERSION"),
        wide("URL"),
        column("MESSAGE"),
    ],
    cells: |session| cells(session, Timestamp::now()),
};

/// Lists them.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let listed = resource::list(context, args.scope, args.output, &LISTING);
    args.request.within(listed).await?;
    Ok(ExitCode::SUCCESS)
}

fn cells(session: &SparkSession, now: Timestamp) -> Vec<String> {
    let status = session.status.clone().unwrap_or_default();
    let metrics = status.metrics.unwrap_or_default();
    let none = || NONE.to_owned();
    let number = |number: Option<i64>| number.map_or_else(none, |number| number.to_string());
    let size = |bytes: Option<i64>| bytes.map_or_else(none, bytes::human);
    let lives = status.phase == Some(SessionPhase::Ready);
    let last = status.last_activity_time.filter(|_| lives);
    let created = session.creation_timestamp().map(|time| time.0);
    vec![
        status.phase.map_or_else(none, |phase| format!("{phase:?}")),
        session.spec.server.clone(),
        status.server.unwrap_or_else(none),
        status.user.unwrap_or_else(|| session.user_on_server()),
        number(metrics.queries_executed),
        number(metrics.active_queries),
        number(metrics.failed_queries),
        size(metrics.data_read_bytes),
        size(metrics.data_written_bytes),
        age(last.map(|time| time.0), now),
        age(created, now),
        status.spark_version.unwrap_or_else(none),
        status.url.unwrap_or_else(none),
        status.message.unwrap_or_default(),
    ]
}
