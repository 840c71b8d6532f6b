//! `session get`: one session described for people. Does I/O: asks the API server for it and its events.

use std::process::ExitCode;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::Value;
use sparkconnect_api::session::SessionMetrics;
use sparkconnect_api::{SessionStatus, SparkSession};
use sparkconnect_client::Category;
use sparkconnect_client::kubernetes::Cluster;
use sparkconnect_client::sessions::Reach;

use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::Output;
use crate::output::age::{age, length};
use crate::output::bytes;
use crate::output::description::Description;
use crate::{conditions, events, resource};

/// Describe a session: state, identity, what it has done, conditions, events.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "describe",
    after_long_help = "\
Examples:
  kubectl sparkconnect session get ada
  kubectl sparkconnect session get ada -o json"
)]
pub(crate) struct Args {
    /// Name of the session, or its id.
    #[arg(value_name = "SESSION", value_parser = crate::values::session_name)]
    name: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    request: Request,
}

/// Prints it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    args.request.within(described(context, args)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn described(context: &Context, args: &Args) -> Result<(), Error> {
    let cluster = context.cluster().await?;
    let (found, session) = find(context, &cluster, &args.name).await?;
    if let Some(form) = args.output.form {
        return resource::print::<SparkSession>(context, form, &found);
    }
    let events = events::rows(&cluster, &session.uid().unwrap_or_default()).await?;
    context.print(&text(&session, &events, Timestamp::now()))
}

/// By its name, else by its id.
async fn find(
    context: &Context,
    cluster: &Cluster,
    name: &str,
) -> Result<(Value, SparkSession), Error> {
    match resource::fetch(cluster, name).await {
        Err(Error::Client(error)) if error.category() == Category::NotFound => {
            let client = context.sessions(Reach::Direct).await?;
            let found = client.get_session_status(name).await?;
            resource::fetch(cluster, &found.name.unwrap_or_default()).await
        }
        found => found,
    }
}

fn text(session: &SparkSession, events: &[Vec<String>], now: Timestamp) -> String {
    let status = session.status.clone().unwrap_or_default();
    let mut told = Description::default();
    identity(&mut told, session, &status);
    life(&mut told, session, &status, now);
    if let Some(metrics) = &status.metrics {
        done(&mut told, metrics);
    }
    let conditions = conditions::rows(&status.conditions, now);
    told.table("Conditions", conditions::COLUMNS, &conditions);
    told.table("Events", events::COLUMNS, events);
    told.render()
}

fn identity(told: &mut Description, session: &SparkSession, status: &SessionStatus) {
    let id = status.session_id.clone();
    let user = status.user.clone();
    told.fact("Name", Some(session.name_any()));
    told.fact("Namespace", session.namespace());
    told.fact("Phase", status.phase.map(|phase| format!("{phase:?}")));
    told.fact("Server", Some(session.spec.server.clone()));
    told.fact("Replica", status.server.clone());
    told.fact(
        "User",
        Some(user.unwrap_or_else(|| session.user_on_server())),
    );
    told.fact("App", session.spec.app_name.clone());
    told.fact("Session id", id.or_else(|| session.id_on_server()));
    told.fact("Spark", status.spark_version.clone());
    told.fact("URL", status.url.clone());
}

fn life(told: &mut Description, session: &SparkSession, status: &SessionStatus, now: Timestamp) {
    let spec = &session.spec;
    let ago = |time: &Option<Time>| {
        let time = time.as_ref().map(|time| time.0);
        time.map(|time| format!("{} ago", age(Some(time), now)))
    };
    let created = session.creation_timestamp();
    told.fact(
        "Idle timeout",
        spec.idle_timeout.map(|period| period.to_string()),
    );
    told.fact("TTL", spec.ttl.map(|period| period.to_string()));
    told.fact("Created", ago(&created));
    told.fact("Started", ago(&status.start_time));
    told.fact("Last activity", ago(&status.last_activity_time));
    told.fact("Ended", ago(&status.end_time));
}

fn done(told: &mut Description, metrics: &SessionMetrics) {
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let time = metrics.execution_time_ms.map(execution);
    told.fact("Queries", number(metrics.queries_executed));
    told.fact("Active queries", number(metrics.active_queries));
    told.fact("Failed queries", number(metrics.failed_queries));
    told.fact("Artifacts", number(metrics.artifacts_uploaded));
    told.fact("Data read", metrics.data_read_bytes.map(bytes::human));
    told.fact("Data written", metrics.data_written_bytes.map(bytes::human));
    told.fact("Execution time", time);
}

/// Short times to the millisecond.
fn execution(milliseconds: i64) -> String {
    match milliseconds {
        ..10_000 => format!("{milliseconds}ms"),
        _ => length(milliseconds / 1000),
    }
}
