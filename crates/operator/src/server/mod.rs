//! The controller of SparkConnectServer: makes replicas run as the spec and its inputs say, and tells what it sees. Reads and
//! writes through its steps; see each step for what it touches.

pub mod build;
pub mod carry_out;
pub mod children;
mod conditions;
pub mod dereference;
pub mod inputs;
pub mod outlook;
pub mod redact;
pub mod replicas;
pub mod rollout;
pub mod status;
pub mod template;
pub mod validate;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::controller::Action;
use serde_json::json;
use sparkconnect_api::server::ReplicaStatus;
use sparkconnect_api::{Reason, SparkConnectServer, condition, labels};
use sparkconnect_spark::Token;
use sparkconnect_telemetry::spans::within;

use crate::apply::ApplyError;
use crate::context::Context;
use crate::events::{Note, transitions};
use crate::refusal::said;
use crate::spans;
use crate::watch::GuardedServer;
use dereference::DereferenceError;
use redact::Redactor;
use replicas::{Replica, Trouble};
use rollout::{Plan, Wish};
use validate::Problem;

pub use replicas::SPARK_CONTAINER;
pub use status::service_host;

/// How long to wait for pods that a StatefulSet was asked for, before looking for what refuses them.
const PODS_DUE: Duration = Duration::from_secs(2);

/// Why a reconcile of a server failed. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its inputs could not be fetched.
    #[error(transparent)]
    Dereference(#[from] DereferenceError),
    /// An object could not be written.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The events of its StatefulSet could not be read.
    #[error("events cannot be listed: {}", said(.0))]
    Events(#[source] kube::Error),
    /// Its status could not be written.
    #[error("the status cannot be written: {}", said(.0))]
    Status(#[source] kube::Error),
    /// The resource is not one that this version of the operator understands.
    #[error("the resource cannot be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// The step that failed, for metrics.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Dereference(_) => "dereference",
            Self::Apply(_) => "apply",
            Self::Events(_) => "events",
            Self::Status(_) => "status",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// What one reconcile found and decided, for the status: filled step by step, so that a failure leaves what came before it.
#[derive(Default)]
struct Work {
    replicas: Vec<Replica>,
    plan: Option<Plan>,
    inputs_hash: Option<String>,
    problems: Vec<Problem>,
    obstacle: Option<Trouble>,
    redactor: Redactor,
}

/// Brings one server about.
///
/// # Errors
/// Of any step; the status says so too.
pub async fn reconcile(
    guarded: Arc<GuardedServer>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let server = guarded
        .0
        .as_ref()
        .map_err(|invalid| Error::Unreadable(invalid.error.clone()))?;
    if server.metadata.deletion_timestamp.is_some() {
        forget(&context, server); // its objects go with it, by their owner references
        return Ok(Action::await_change());
    }
    let mut work = Work::default();
    let result = bring_about(&context, server, &mut work).await;
    if let Err(error) = &result {
        work.obstacle = Some(Trouble {
            reason: "Refused".to_owned(),
            message: error.to_string(),
        });
    }
    tell(&context, server, &work).await?;
    result?;
    Ok(next(&work))
}

/// The steps of a reconcile.
async fn bring_about(
    context: &Context,
    server: &SparkConnectServer,
    work: &mut Work,
) -> Result<(), Error> {
    let token = context.key.server_token(&server.uid().unwrap_or_default()); // no client required
    work.replicas = replicas::observe(context, server); // caches only
    watch_replicas(context, server, &work.replicas, &token); // starts tasks, waits for none
    let inputs = dereference::dereference(&context.client, server).await?; // client required
    context.inputs.set(server, dereference::used(&inputs)); // no client required
    work.redactor = Redactor::new(&inputs, token.expose());
    let valid = match validate::validate(server, &inputs, &token, &context.defaults) {
        Ok(valid) => valid, // no client required
        Err(problems) => {
            work.problems = problems;
            return Ok(());
        }
    };
    let children = build::build(&valid, wanted(server)); // no client required; infallible
    let plan = decide(context, server, &mut work.replicas, &children.inputs_hash); // no client required
    work.inputs_hash = Some(children.inputs_hash.clone());
    let plan = work.plan.insert(plan);
    let children = build::build(&valid, plan.replicas); // no client required; infallible
    children::apply(context, server, children).await?; // client required
    carry_out::restart(context, server, &work.replicas, plan).await?; // client required
    carry_out::remove_stale_executors(context, &work.replicas).await?; // client required
    work.obstacle = refusal(context, server, &work.replicas, plan).await?; // client required
    Ok(())
}

/// Watches exactly the replicas that there are, and takes up what is known of them.
fn watch_replicas(
    context: &Context,
    server: &SparkConnectServer,
    replicas: &[Replica],
    token: &Token,
) {
    let namespace = server.namespace().unwrap_or_default();
    let targets = replicas::targets(server, replicas);
    for uid in context
        .live
        .sync(&namespace, &server.name_any(), targets, token)
    {
        if !replicas.iter().any(|replica| replica.uid == uid) {
            context.placement.forget(&uid);
        }
    }
}

/// Closes the replicas that are to go to new sessions, counts the sessions that are in the way, and decides what to do.
fn decide(
    context: &Context,
    server: &SparkConnectServer,
    replicas: &mut [Replica],
    inputs_hash: &str,
) -> Plan {
    for replica in &mut *replicas {
        let current = replica.inputs_hash.as_deref() == Some(inputs_hash);
        if current && replica.ordinal < wanted(server) && !replica.deleting {
            context.placement.open(&replica.uid);
        } else {
            context.placement.close(&replica.uid);
        }
        replica.sessions = context.placement.count(&replica.uid);
    }
    let wish = Wish {
        replicas: wanted(server),
        patient: !server.spec.suspend,
        drain_timeout: server.spec.rollout.drain_timeout.duration(),
    };
    let facts: Vec<_> = replicas
        .iter()
        .map(|replica| replica.facts(inputs_hash))
        .collect();
    rollout::plan(&facts, wish, Timestamp::now())
}

fn wanted(server: &SparkConnectServer) -> i32 {
    if server.spec.suspend {
        0
    } else {
        server.spec.replicas
    }
}

/// What refuses the pods, where some are missing that the StatefulSet has had time to make.
async fn refusal(
    context: &Context,
    server: &SparkConnectServer,
    replicas: &[Replica],
    plan: &Plan,
) -> Result<Option<Trouble>, Error> {
    let Some(set) = children::stateful_set(context, server) else {
        return Ok(None);
    };
    if replicas.len() >= usize::try_from(plan.replicas).unwrap_or(0) {
        return Ok(None);
    }
    let (namespace, uid) = (
        server.namespace().unwrap_or_default(),
        set.uid().unwrap_or_default(),
    );
    carry_out::refusal(&context.client, &namespace, &uid)
        .await
        .map_err(Error::Events)
}

/// Writes the status if it changed, tells of transitions, and wakes the sessions that a change concerns.
async fn tell(context: &Context, server: &SparkConnectServer, work: &Work) -> Result<(), Error> {
    if work.replicas.iter().any(Replica::is_unasked) {
        return Ok(()); // its first answer brings the server back here, and nothing is written on a guess
    }
    let (namespace, name) = (server.namespace().unwrap_or_default(), server.name_any());
    let sessions = context.resources.sessions_of(&namespace, &name);
    let mut status = status::status(&status::Observed {
        server,
        replicas: &work.replicas,
        plan: work.plan.as_ref(),
        inputs_hash: work.inputs_hash.as_deref(),
        problems: &work.problems,
        obstacle: work.obstacle.as_ref(),
        sessions_total: sessions.len(),
        now: Timestamp::now(),
    });
    let told = status.conditions.iter_mut().map(|it| &mut it.message);
    for message in told.chain(&mut status.message) {
        *message = work.redactor.clean(message);
    }
    let before = server.status.clone().unwrap_or_default();
    if status == before {
        return Ok(());
    }
    let api: Api<SparkConnectServer> = Api::namespaced(context.client.clone(), &namespace);
    let kind = json!({"apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer"});
    let mut patch = kind;
    patch["status"] = json!(status);
    let (parameters, patch) = (
        PatchParams::apply(labels::MANAGER).force(),
        Patch::Apply(&patch),
    );
    let span = spans::write("apply status of", "SparkConnectServer", &name);
    within(span, api.patch_status(&name, &parameters, &patch))
        .await
        .map_err(Error::Status)?;
    context
        .metrics
        .status_writes
        .with_label_values(&["SparkConnectServer"])
        .inc();
    for note in notes(&before.conditions, &status.conditions) {
        context.events.publish(server, &note).await;
    }
    if concerns_sessions(&before.servers, &status.servers) {
        sessions
            .iter()
            .for_each(|session| context.triggers.session(&namespace, &session.name_any()));
    }
    Ok(())
}

/// Whether more than numbers changed of the replicas: those alone would wake every session for each one that is made.
fn concerns_sessions(before: &[ReplicaStatus], after: &[ReplicaStatus]) -> bool {
    let without_numbers = |replica: &ReplicaStatus| ReplicaStatus {
        sessions: 0,
        executors: None,
        ..replica.clone()
    };
    !before
        .iter()
        .map(without_numbers)
        .eq(after.iter().map(without_numbers))
}

/// What to tell of a change: what is wrong and that it no longer is, what a change does to replicas, and that it serves or no
/// longer does. What another condition tells is not told again as the reason for not being ready.
fn notes(before: &[Condition], after: &[Condition]) -> Vec<Note> {
    let trouble = [
        (condition::VERSION_MATCHED, Some("False")),
        (condition::INPUTS_RESOLVED, Some("False")),
        (condition::DEGRADED, Some("True")),
    ];
    let mut notes = transitions(before, after, &trouble);
    let moves = transitions(before, after, &[(condition::PROGRESSING, None)]);
    notes.extend(
        moves
            .into_iter()
            .filter(|note| MOVES.contains(&note.reason)),
    );
    let serves = [(condition::READY, None), (condition::SUSPENDED, None)];
    for note in transitions(before, after, &serves) {
        if notes.iter().all(|told| told.reason != note.reason) {
            notes.push(note);
        }
    }
    notes
}

/// Reasons of the condition Progressing that are news.
const MOVES: &[Reason] = &[Reason::Draining, Reason::Restarting];

/// When to look again if nothing changes before.
fn next(work: &Work) -> Action {
    let Some(plan) = &work.plan else {
        return Action::await_change();
    };
    let there = work.replicas.len();
    let missing = there < usize::try_from(plan.replicas).unwrap_or(0);
    match plan.again {
        _ if missing => Action::requeue(PODS_DUE),
        Some(again) => Action::requeue(again),
        None => Action::await_change(),
    }
}

/// Drops what is kept in memory of a server that goes, and wakes its sessions.
fn forget(context: &Context, server: &SparkConnectServer) {
    let (namespace, name) = (server.namespace().unwrap_or_default(), server.name_any());
    for replica in replicas::observe(context, server) {
        context.placement.close(&replica.uid);
    }
    context.inputs.forget(&server.uid().unwrap_or_default());
    for session in context.resources.sessions_of(&namespace, &name) {
        context.triggers.session(&namespace, &session.name_any());
    }
}

/// Drops what is kept in memory of a server that is not there any more, and wakes its sessions. A server without a finalizer
/// goes without a last reconcile; the end of each of its objects leads here.
pub fn gone(context: &Context, namespace: &str, name: &str) {
    for uid in context.live.forget(namespace, name) {
        context.placement.close(&uid);
    }
    for session in context.resources.sessions_of(namespace, name) {
        context.triggers.session(namespace, &session.name_any());
    }
}
