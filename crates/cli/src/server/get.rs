//! `server get`: one server described for people. Does I/O: asks the API server for it, its sessions and its events.

use std::process::ExitCode;

use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::Value;
use sparkconnect_api::condition::{self, ACCESS_ENFORCED};
use sparkconnect_api::server::{ReplicaStatus, SessionCounts};
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{ServerStatus, SparkConnectServer, SparkSession};
use sparkconnect_client::Category;
use sparkconnect_client::kubernetes::Cluster;

use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::Output;
use crate::output::age::{NONE, age};
use crate::output::description::Description;
use crate::output::table::{Column, column};
use crate::{conditions, events, resource, terminal};

/// Describe a server: replicas, sessions, conditions, addresses, events.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "describe",
    after_long_help = "\
Examples:
  kubectl sparkconnect server get demo
  kubectl sparkconnect server get demo -o yaml"
)]
pub(crate) struct Args {
    /// Name of the server.
    #[arg(value_name = "SERVER", value_parser = crate::values::server_name)]
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
    let (found, server): (Value, SparkConnectServer) =
        resource::fetch(&cluster, &args.name).await?;
    if let Some(form) = args.output.form {
        return resource::print::<SparkConnectServer>(context, form, &found);
    }
    let sessions = sessions(&cluster, &args.name).await?;
    let events = events::rows(&cluster, &server.uid().unwrap_or_default()).await?;
    context.print(&text(&server, &sessions, &events, Timestamp::now()))
}

/// Those of this server that can be read. Who may not list sessions is told so, and gets none.
async fn sessions(cluster: &Cluster, server: &str) -> Result<Vec<SparkSession>, Error> {
    match resource::fetch_all::<SparkSession>(cluster).await {
        Err(Error::Client(error)) if error.category() == Category::PermissionDenied => {
            terminal::note(&format!("Sessions are left out: {error}"));
            Ok(Vec::new())
        }
        all => {
            let all = all?.into_iter();
            Ok(all
                .filter(|session| session.spec.server == server)
                .collect())
        }
    }
}

const REPLICAS: &[Column] = &[
    column("NAME"),
    column("PHASE"),
    column("SESSIONS"),
    column("EXECUTORS"),
    column("VERSION"),
    column("APPLICATION"),
    column("AGE"),
    column("DRAINS SINCE"),
];
const SESSIONS: &[Column] = &[
    column("NAME"),
    column("PHASE"),
    column("USER"),
    column("REPLICA"),
    column("AGE"),
];

fn text(
    server: &SparkConnectServer,
    sessions: &[SparkSession],
    events: &[Vec<String>],
    now: Timestamp,
) -> String {
    let status = server.status.clone().unwrap_or_default();
    let mut told = Description::default();
    facts(&mut told, server, &status, now);
    told.fact("Gateway", gateway(sessions));
    let replicas = status
        .servers
        .iter()
        .map(|replica| self::replica(replica, now));
    told.table("Replicas", REPLICAS, &replicas.collect::<Vec<_>>());
    let sessions = sessions.iter().filter(|session| !ended(session));
    let sessions = sessions.map(|session| self::session(session, now));
    told.table("Sessions", SESSIONS, &sessions.collect::<Vec<_>>());
    let conditions = conditions::rows(&status.conditions, now);
    told.table("Conditions", conditions::COLUMNS, &conditions);
    told.table("Events", events::COLUMNS, events);
    told.render()
}

fn facts(
    told: &mut Description,
    server: &SparkConnectServer,
    status: &ServerStatus,
    now: Timestamp,
) {
    let spec = &server.spec;
    told.fact("Name", Some(server.name_any()));
    told.fact("Namespace", server.namespace());
    told.fact(
        "Age",
        Some(age(server.creation_timestamp().map(|time| time.0), now)),
    );
    told.fact("Phase", status.phase.map(|phase| format!("{phase:?}")));
    told.fact("Suspended", spec.suspend.then_some("yes"));
    told.fact(
        "Spark",
        Some(version(&spec.version, status.spark_version.as_deref())),
    );
    told.fact("Mode", Some(format!("{:?}", spec.mode)));
    told.fact("Image", spec.image.clone());
    told.fact("Replicas", Some(replicas(spec.replicas, status)));
    told.fact("Sessions", status.sessions.as_ref().map(counts));
    told.fact("Executors", executors(status));
    told.fact("Endpoint", status.endpoint.clone());
    told.fact("UI", status.ui_url.clone());
}

/// What the replicas report, and what was asked for where that is another one.
fn version(wanted: &str, reported: Option<&str>) -> String {
    match reported {
        Some(reported) if reported == wanted => reported.to_owned(),
        Some(reported) => format!("{reported}, and {wanted} is asked for"),
        None => format!("{wanted} is asked for, and none is reported"),
    }
}

fn replicas(wanted: i32, status: &ServerStatus) -> String {
    let ServerStatus {
        replicas,
        ready_replicas,
        updated_replicas,
        ..
    } = status;
    format!(
        "{wanted} asked for, {replicas} there, {ready_replicas} ready, {updated_replicas} up to date"
    )
}

fn counts(counts: &SessionCounts) -> String {
    format!("{} active, {} in all", counts.active, counts.total)
}

/// Those of the replicas that tell.
fn executors(status: &ServerStatus) -> Option<String> {
    let told = status
        .servers
        .iter()
        .filter_map(|replica| replica.executors);
    told.reduce(|one, other| one + other)
        .map(|executors| executors.to_string())
}

/// The address that sessions are reached at, where a gateway enforces access to them.
fn gateway(sessions: &[SparkSession]) -> Option<String> {
    sessions.iter().find_map(|session| {
        let status = session.status.as_ref()?;
        condition::find(&status.conditions, ACCESS_ENFORCED)
            .filter(|enforced| enforced.status == "True")?;
        let (address, _) = status.url.as_deref()?.split_once("/;")?;
        Some(address.to_owned())
    })
}

fn replica(replica: &ReplicaStatus, now: Timestamp) -> Vec<String> {
    let none = || NONE.to_owned();
    vec![
        replica.name.clone(),
        format!("{:?}", replica.phase),
        replica.sessions.to_string(),
        replica
            .executors
            .map_or_else(none, |number| number.to_string()),
        replica.spark_version.clone().unwrap_or_else(none),
        replica.application_id.clone().unwrap_or_else(none),
        age(replica.start_time.as_ref().map(|time| time.0), now),
        age(replica.draining_since.as_ref().map(|time| time.0), now),
    ]
}

fn ended(session: &SparkSession) -> bool {
    let phase = session.status.as_ref().and_then(|status| status.phase);
    phase.is_some_and(SessionPhase::is_final)
}

fn session(session: &SparkSession, now: Timestamp) -> Vec<String> {
    let none = || NONE.to_owned();
    let status = session.status.clone().unwrap_or_default();
    vec![
        session.name_any(),
        status.phase.map_or_else(none, |phase| format!("{phase:?}")),
        status.user.unwrap_or_else(|| session.user_on_server()),
        status.server.unwrap_or_else(none),
        age(session.creation_timestamp().map(|time| time.0), now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_not_the_one_asked_for_is_told() {
        assert_eq!(version("4.3.0", Some("4.3.0")), "4.3.0");
        assert_eq!(
            version("4.3.0", Some("4.2.1")),
            "4.2.1, and 4.3.0 is asked for"
        );
        assert_eq!(
            version("4.3.0", None),
            "4.3.0 is asked for, and none is reported"
        );
    }
}
