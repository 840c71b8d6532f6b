//! The controller of SparkSession: gives each session a replica, makes it there, keeps its status, and ends it. A reconcile
//! goes from decision to decision ([`decide`]) and carries each out; see each step for what it reads and writes.

mod artifacts;
mod carry_out;
mod conditions;
mod configure;
pub mod connection;
pub mod decide;
pub mod facts;
pub mod identity;
pub mod limits;
mod make;
pub mod secret;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{Reason, SparkSession};

use crate::apply::ApplyError;
use crate::context::Context;
use crate::refusal::said;
use crate::watch::GuardedSession;
use artifacts::ArtifactError;
use carry_out::{Next, carry_out};
use turn::Turn;

/// Most decisions in one reconcile. The longest way, from nothing to a session that lives or from one that lives to nothing,
/// takes about half of them.
const DECISIONS: usize = 12;
/// Wait after that many.
const BREATH: Duration = Duration::from_secs(1);

/// Why a reconcile of a session failed. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The session, its pod or its Secret could not be read.
    #[error("the session cannot be read: {}", said(.0))]
    Read(#[source] kube::Error),
    /// The source of an artifact could not be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The replica failed, or did not answer.
    #[error("cannot {doing}: {source}")]
    Spark {
        /// What was asked of it.
        doing: &'static str,
        /// What it said.
        source: sparkconnect_spark::Error,
    },
    /// The connection Secret could not be written or deleted.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The finalizer could not be put on or taken off.
    #[error("the finalizer cannot be changed: {}", said(.0))]
    Finalizer(#[source] kube::Error),
    /// Its status could not be written.
    #[error("the status cannot be written: {}", said(.0))]
    Status(#[source] kube::Error),
    /// A session whose retention has passed could not be deleted.
    #[error("the session cannot be deleted: {}", said(.0))]
    Delete(#[source] kube::Error),
    /// The resource is not one that this version of the operator understands.
    #[error("the resource cannot be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// The step that failed, for metrics.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Artifact(_) => "artifact",
            Self::Spark { .. } => "spark",
            Self::Apply(_) => "apply",
            Self::Finalizer(_) => "finalizer",
            Self::Status(_) => "status",
            Self::Delete(_) => "delete",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// The reason that the status gives, where it can tell of the failure at all.
    const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Artifact(_) => Some(Reason::ArtifactNotRead),
            Self::Spark { .. } => Some(Reason::ServerFailed),
            Self::Apply(_) => Some(Reason::SecretRefused),
            Self::Read(_) | Self::Finalizer(_) | Self::Status(_) | Self::Delete(_) => None,
            Self::Unreadable(_) => None,
        }
    }
}

/// Brings one session on its way.
///
/// # Errors
/// Of any step; the status says so too, as far as the API server takes it.
pub async fn reconcile(
    guarded: Arc<GuardedSession>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let session = guarded
        .0
        .as_ref()
        .map_err(|invalid| Error::Unreadable(invalid.error.clone()))?;
    let mut turn = Turn::new(&context, session.clone());
    let result = advance(&mut turn).await;
    if let Err(error) = &result {
        tell(&mut turn, error).await; // client required
    }
    result
}

/// The decisions of a reconcile, and what comes of them.
async fn advance(turn: &mut Turn<'_>) -> Result<Action, Error> {
    for _ in 0..DECISIONS {
        let step = decide::decide(&turn.facts()); // no client required
        if !turn.is_fresh() && (step.acts() || gives_up_unread(turn, &step)) {
            if !turn.refresh().await? {
                turn.forget(); // gone behind the cache's back
                return Ok(Action::await_change());
            }
            continue;
        }
        tracing::debug!(session = turn.session.name_any(), ?step, "decided");
        match carry_out(turn, step).await? {
            Next::Decide => {}
            Next::Wait(action) => return Ok(action),
        }
    }
    Ok(Action::requeue(BREATH))
}

/// Whether the step gives up a place that the session, as the cache has it, was not given yet: the place may be the newer of both.
fn gives_up_unread(turn: &Turn<'_>, step: &decide::Step) -> bool {
    matches!(step, decide::Step::Wait { .. })
        && turn.status().replica_uid.is_none()
        && turn.context.placement.has_place(&turn.uid())
}

/// Has the status tell of a failure.
async fn tell(turn: &mut Turn<'_>, error: &Error) {
    let Some(reason) = error.reason() else { return };
    let (message, now) = (error.to_string(), turn.now());
    let status = match (turn.phase(), error) {
        (Some(phase), _) if phase.is_final() => return,
        _ if turn.session.metadata.deletion_timestamp.is_some() => return,
        (Some(SessionPhase::Ready), Error::Spark { .. }) => {
            status::not_configured_yet(&turn.session, &message, now)
        }
        _ => status::troubled(&turn.session, reason, &message, now),
    };
    if let Err(error) = turn.write(status).await {
        tracing::warn!(session = turn.session.name_any(), %error, "failure not told");
    }
}

/// Notes in the placement where the sessions of the cache live. For the start of the operator, before its controllers run.
pub fn restore(context: &Context) {
    let sessions = context.resources.sessions.state();
    for session in sessions.iter().filter_map(|guard| guard.0.as_ref().ok()) {
        if let Some((uid, replica)) = home(session) {
            if let Some(name) = identity::name(session) {
                // Of two from before this was refused, one keeps the name and both go on.
                let _ = context.placement.claim(&uid, name);
            }
            context.placement.restore(&uid, &replica);
        }
    }
}

/// Drops what memory has of a session that is not there any more. One whose finalizer was taken off by force was never told to
/// leave, and would hold its place and its name.
pub fn gone(context: &Context, namespace: &str, name: &str) {
    context.live.untrack(namespace, name);
    let sessions = context.resources.sessions.state();
    let there = sessions.iter().filter_map(|guard| guard.uid()).collect();
    for left in context.placement.retain(&there) {
        context.counts.changed(&left.namespace, &left.server);
    }
}

/// UIDs of a session that has a replica, and of that replica.
fn home(session: &SparkSession) -> Option<(String, String)> {
    let status = session.status.as_ref()?;
    let lives = !status.phase.is_some_and(SessionPhase::is_final);
    Some((session.uid()?, status.replica_uid.clone()?)).filter(|_| lives)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_sessions_that_live_have_a_home() {
        let home_of = |phase: &str| {
            home(&testing::session(
                json!({}),
                json!({"phase": phase, "replicaUid": "r"}),
            ))
        };
        let there = Some((testing::UID.to_owned(), "r".to_owned()));
        assert_eq!(home_of("Pending"), there, "it may have been made already");
        assert_eq!(home_of("Ready"), there);
        for phase in ["Closed", "Expired", "Lost", "Failed"] {
            assert_eq!(home_of(phase), None, "{phase}");
        }
        assert_eq!(
            home(&testing::session(json!({}), json!({"phase": "Pending"}))),
            None
        );
    }
}
