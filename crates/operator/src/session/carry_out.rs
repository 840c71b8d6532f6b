//! Carries out one step of a session. Reads and writes the API server and the session's replica, as each step says.

use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use sparkconnect_api::Reason;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_spark::SessionRef;
use sparkconnect_telemetry::spans::within;

use super::decide::{Ending, Step};
use super::facts::Candidate;
use super::turn::Turn;
use super::{Error, configure, facts, identity, make, status};
use crate::events::Note;
use crate::spans;

/// After a write that rested on an outdated read. The change that it missed wakes the session earlier.
const OUTDATED: Duration = Duration::from_secs(1);

/// What follows a step.
#[derive(Debug)]
pub(super) enum Next {
    /// Another decision.
    Decide,
    /// Nothing more in this reconcile.
    Wait(Action),
}

impl Next {
    /// Another decision after a write that went through; otherwise the wait for the change that it missed.
    pub(super) fn after(written: bool) -> Self {
        if written {
            Self::Decide
        } else {
            Self::Wait(Action::requeue(OUTDATED))
        }
    }

    /// Waits for so long, or for a change only.
    pub(super) fn rest(again: Option<Duration>) -> Self {
        Self::Wait(again.map_or_else(Action::await_change, Action::requeue))
    }
}

/// Carries out `step`.
///
/// # Errors
/// Of any call that the step makes.
pub(super) async fn carry_out(turn: &mut Turn<'_>, step: Step) -> Result<Next, Error> {
    match step {
        Step::Rest(again) => Ok(Next::rest(again)),
        Step::Guard => turn.guard(true).await.map(Next::after),
        Step::Wait {
            reason,
            message,
            again,
        } => wait(turn, reason, &message, again).await,
        Step::Assign => assign(turn).await,
        Step::Make => make::make(turn).await,
        Step::Repair => make::repair(turn).await,
        Step::Configure => configure::configure(turn).await,
        Step::Look => look(turn).await,
        Step::Keep { health, again } => {
            turn.track();
            let status = status::kept(&turn.facts(), health, turn.now());
            let written = turn.write(status).await?;
            Ok(if written {
                Next::rest(again)
            } else {
                Next::after(false)
            })
        }
        Step::Recreate { message } => {
            let status = status::recreating(&turn.facts(), &message, turn.now());
            turn.forget();
            turn.write(status).await.map(Next::after)
        }
        Step::End(ending) => end(turn, &ending).await,
        Step::DeleteSecret => delete_secret(turn).await,
        Step::Acknowledge => {
            let status = status::acknowledged(&turn.session, turn.now());
            turn.write(status).await.map(Next::after)
        }
        Step::Release { left } => release(turn, left).await,
        Step::Unguard { unreleased } => unguard(turn, unreleased).await,
        Step::Delete => turn.delete().await.map(|()| Next::rest(None)),
        Step::Forget => {
            turn.forget();
            Ok(Next::rest(None))
        }
    }
}

/// Says what the session waits for, gives up what it had of a replica, and waits.
async fn wait(
    turn: &mut Turn<'_>,
    reason: Reason,
    message: &str,
    again: Duration,
) -> Result<Next, Error> {
    let status = status::waiting(&turn.session, reason, message, turn.now());
    if !turn.write(status).await? {
        return Ok(Next::after(false)); // it may have been given a place meanwhile
    }
    turn.release();
    Ok(Next::rest(Some(again)))
}

/// Takes the replica with the fewest sessions and records it, before anything is made there.
async fn assign(turn: &mut Turn<'_>) -> Result<Next, Error> {
    if let Some(ending) = taken(turn) {
        return end(turn, &ending).await;
    }
    let candidates = turn.facts().candidates;
    let Some((replica, reference)) = choose(turn, &candidates) else {
        let message = "every replica that serves is about to go, and takes no new session";
        return wait(turn, Reason::NoReplicaReady, message, OUTDATED).await;
    };
    let status = status::assigned(&turn.session, &reference, &replica, turn.now());
    turn.wake_server();
    turn.write(status).await.map(Next::after)
}

/// The end of a session whose name is another's: on the server they would be one.
fn taken(turn: &Turn<'_>) -> Option<Ending> {
    let name = identity::name(&turn.session)?;
    let message = format!(
        "another SparkSession of server {} has the session id {} of user {}: leave sessionId out, or delete that one first",
        name.server, name.id, name.user
    );
    turn.context.placement.claim(&turn.uid(), name).err()?;
    Some(Ending::new(
        SessionPhase::Failed,
        Reason::SessionIdTaken,
        message,
    ))
}

fn choose(turn: &Turn<'_>, candidates: &[Candidate]) -> Option<(Candidate, SessionRef)> {
    let reference = identity::session_ref(&turn.session)?;
    let uids: Vec<_> = candidates
        .iter()
        .map(|candidate| candidate.uid.clone())
        .collect();
    let former = turn.status().replica_uid;
    if former.is_some_and(|former| !uids.contains(&former)) {
        turn.vacate();
    }
    let chosen = turn.context.placement.assign(&turn.uid(), &uids)?;
    let replica = candidates
        .iter()
        .find(|candidate| candidate.uid == chosen)?;
    Some((replica.clone(), reference))
}

/// Looks at the replica now, so that a session is not ended on an old look.
async fn look(turn: &mut Turn<'_>) -> Result<Next, Error> {
    turn.track();
    if let Some(replica) = turn.status().replica_uid {
        turn.context.live.look(&replica).await;
    }
    turn.done.looked = true;
    Ok(Next::Decide)
}

/// Records the end first: what follows it is done by whoever reads that record.
pub(super) async fn end(turn: &mut Turn<'_>, ending: &Ending) -> Result<Next, Error> {
    if let Some(replica) = turn.status().replica_uid {
        turn.context.live.hear(&replica).await;
    }
    let status = status::ended(&turn.facts(), ending, turn.now());
    let written = turn.write(status).await?;
    if written {
        turn.context.metrics.servers.session_ended(
            &turn.session.namespace().unwrap_or_default(),
            &turn.session.spec.server,
            ending.phase,
            ending.reason,
        );
        turn.forget();
    }
    Ok(Next::after(written))
}

async fn delete_secret(turn: &mut Turn<'_>) -> Result<Next, Error> {
    if let Some(secret) = facts::cached_secret(turn.context, &turn.session) {
        turn.context.applier.delete(&secret).await?;
    }
    turn.done.secret_deleted = true;
    Ok(Next::Decide)
}

/// Ends the session on its replica, whatever runs in it. A replica that does not answer is asked again, but holds nobody up
/// for long.
async fn release(turn: &mut Turn<'_>, left: Duration) -> Result<Next, Error> {
    let replica = turn.status().replica_uid.unwrap_or_default();
    let spark = turn.context.live.spark(&replica);
    let (Some(spark), Some(reference)) = (spark, identity::session_ref(&turn.session)) else {
        turn.done.released = true; // its replica went in this moment, or it never had a name there
        return Ok(Next::Decide);
    };
    let span = spans::spark("release session", turn.status().server.as_deref());
    match within(span, spark.release(&reference)).await {
        Ok(()) => {
            turn.done.released = true;
            Ok(Next::Decide)
        }
        Err(error) if left > Duration::ZERO => {
            tracing::warn!(session = turn.uid(), %error, "not released; trying again");
            let wait = turn.context.backoff.failed(&turn.waiting_key());
            Ok(Next::rest(Some(wait.min(left))))
        }
        Err(_) => unguard(turn, true).await,
    }
}

/// Lets the resource go.
async fn unguard(turn: &mut Turn<'_>, unreleased: bool) -> Result<Next, Error> {
    turn.forget();
    if unreleased {
        let replica = turn.status().server.unwrap_or_default();
        let text = format!(
            "replica {replica} could not be asked to release the session: it may go on there until the replica restarts"
        );
        turn.context
            .events
            .publish(&turn.session, &Note::new(Reason::NotReleased, text))
            .await;
    }
    turn.guard(false).await.map(Next::after)
}
