//! What to do next about a session: one step, from what is known. Pure; this is the whole life of a session in one place.
//! Every step leaves behind a state from which the next decision goes on, so a reconcile may be cut off anywhere.

use std::time::Duration;

use jiff::Timestamp;
use sparkconnect_api::Reason;
use sparkconnect_api::condition::{self, READY};
use sparkconnect_api::server::OnServerLoss;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_spark::Existence;

use super::facts::{Binding, Facts, Replica, Server};
use super::identity;
use super::limits::left;
use super::status::formerly_told;

/// How long an unreachable replica is asked to release a session that ends.
pub const RELEASE_PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that no watch tells of.
pub const SOON: Duration = Duration::from_secs(2);
/// Between two looks of a session that waits: what it waits for wakes it, and this is only for a wake-up that got lost.
const WAITING: Duration = Duration::from_secs(15);

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something changes or so much time has passed.
    Rest(Option<Duration>),
    /// Put the finalizer on.
    Guard,
    /// Tell why there is no replica, and wait.
    Wait {
        /// Reason of the conditions Assigned and Ready.
        reason: Reason,
        /// Their message.
        message: String,
        /// When to look again.
        again: Duration,
    },
    /// Take a replica, and record that.
    Assign,
    /// Make the session on its replica.
    Make,
    /// Write the connection Secret again.
    Repair,
    /// Bring changed settings to the session.
    Configure,
    /// Look at the replica now, before the session is ended.
    Look,
    /// Record what the live watch has seen, and look again in so much time.
    Keep {
        /// What is known of the replica.
        health: Health,
        /// When to look again.
        again: Option<Duration>,
    },
    /// Give up the replica that is gone, and begin anew.
    Recreate {
        /// What happened.
        message: String,
    },
    /// Record that the session has ended.
    End(Ending),
    /// Delete the connection Secret of a session that has ended.
    DeleteSecret,
    /// Record that the spec of a session that has ended was changed, so that nobody waits for that to have an effect; or tell in today's
    /// words what a former version of the operator told.
    Acknowledge,
    /// Release the session on its replica; a failure is tried again for so much longer.
    Release {
        /// How long is left to try.
        left: Duration,
    },
    /// Take the finalizer off; `unreleased` says that the replica could not be asked.
    Unguard {
        /// Whether the session may still be on its replica.
        unreleased: bool,
    },
    /// Delete the resource, whose retention has passed.
    Delete,
    /// The resource is going; nothing is left to do.
    Forget,
}

impl Step {
    /// Whether the step does something that must not rest on a cache that may be behind: the caller reads the session anew
    /// and decides again. The other steps write a status at the most, which the API server refuses when it is outdated.
    pub const fn acts(&self) -> bool {
        !matches!(
            self,
            Self::Rest(_)
                | Self::Wait { .. }
                | Self::Keep { .. }
                | Self::Acknowledge
                | Self::Forget
        )
    }
}

/// Whether a live session can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its replica answers.
    Well,
    /// Its replica does not answer.
    Unreachable,
    /// Nothing new is known.
    Unknown,
}

/// How a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its last phase.
    pub phase: SessionPhase,
    /// Reason of the condition Ended.
    pub reason: Reason,
    /// Its message.
    pub message: String,
}

impl Ending {
    /// An end in `phase`.
    pub fn new(phase: SessionPhase, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            phase,
            reason,
            message: message.into(),
        }
    }
}

/// What to do next.
pub fn decide(facts: &Facts) -> Step {
    if let Some(since) = &facts.session.metadata.deletion_timestamp {
        return leave(facts, since.0).unwrap_or(Step::Forget);
    }
    match facts.status.phase {
        Some(phase) if phase.is_final() => settle(facts),
        Some(SessionPhase::Ready) => keep(facts),
        Some(_) | None => bring_about(facts),
    }
}

/// A session that waits for a replica, or is being made.
fn bring_about(facts: &Facts) -> Step {
    if identity::session_ref(facts.session).is_none() {
        let message = "the session's id is not a UUID";
        return Step::End(Ending::new(
            SessionPhase::Failed,
            Reason::SessionIdInvalid,
            message,
        ));
    }
    if facts.orphaned {
        let message = "the replica that the session was cloned on is gone: clone it again";
        return Step::End(Ending::new(
            SessionPhase::Failed,
            Reason::CloneLost,
            message,
        ));
    }
    let why_not = match absence(facts) {
        Ok(why_not) => why_not,
        Err(wait) => return wait,
    };
    match &facts.replica {
        Replica::Unseen => Step::Rest(Some(SOON)),
        Replica::Serving { .. } if is_rejected(facts) => match formerly_told(&facts.status) {
            Some(_) => Step::Acknowledge,
            None => Step::Rest(None),
        },
        Replica::Serving { .. } => guarded(facts, Step::Make),
        Replica::Unassigned | Replica::Gone { .. } | Replica::Unreachable => {
            if facts.candidates.is_empty() {
                return wait(why_not.0, why_not.1.clone());
            }
            guarded(facts, Step::Assign)
        }
    }
}

/// What a waiting session says of a server that runs; or the wait for one that does not.
fn absence<'a>(facts: &'a Facts) -> Result<&'a (Reason, String), Step> {
    let name = &facts.session.spec.server;
    match &facts.server {
        Server::Running { why_not } => Ok(why_not),
        Server::Missing => {
            let message = format!(
                "there is no SparkConnectServer {name} in this namespace; the session waits for it"
            );
            Err(wait(Reason::ServerNotFound, message))
        }
        Server::Deleting => {
            let message =
                format!("server {name} is being deleted; the session waits for one of that name");
            Err(wait(Reason::ServerNotFound, message))
        }
        Server::Suspended => {
            let message =
                format!("server {name} is suspended; the session waits for it to be started");
            Err(wait(Reason::ServerSuspended, message))
        }
    }
}

fn wait(reason: Reason, message: String) -> Step {
    Step::Wait {
        reason,
        message,
        again: WAITING,
    }
}

/// The finalizer comes before anything is made.
fn guarded(facts: &Facts, step: Step) -> Step {
    if has_finalizer(facts) {
        step
    } else {
        Step::Guard
    }
}

/// Whether Spark refused the settings of this very spec.
fn is_rejected(facts: &Facts) -> bool {
    let ready = condition::find(&facts.status.conditions, READY);
    ready.is_some_and(|ready| {
        Reason::ConfRejected == ready.reason.as_str()
            && ready.observed_generation == facts.session.metadata.generation
    })
}

/// A session that lives.
fn keep(facts: &Facts) -> Step {
    if let Replica::Gone { what } = &facts.replica {
        return lose(facts, what);
    }
    if facts.limits.left_to_ttl(&facts.status, facts.now) == Some(Duration::ZERO) {
        // What it did last is to be counted.
        if matches!(facts.replica, Replica::Serving { .. }) && !facts.done.looked {
            return Step::Look;
        }
        let message = "the session reached its ttl";
        return Step::End(Ending::new(
            SessionPhase::Expired,
            Reason::TtlPassed,
            message,
        ));
    }
    match facts.replica {
        Replica::Unreachable => keep_on(facts, Health::Unreachable, None),
        Replica::Serving { .. } => serve(facts),
        Replica::Unseen | Replica::Unassigned | Replica::Gone { .. } => {
            keep_on(facts, Health::Unknown, Some(SOON))
        }
    }
}

/// A session that lives on a replica that answers.
fn serve(facts: &Facts) -> Step {
    match facts.seen.as_ref().and_then(|seen| seen.existence.as_ref()) {
        Some(Existence::Closed) => {
            let message = "the session was released by a client";
            return Step::End(Ending::new(
                SessionPhase::Closed,
                Reason::ReleasedByClient,
                message,
            ));
        }
        Some(Existence::NotFound) => return lose(facts, "does not know the session any more"),
        Some(Existence::Changed { .. }) => {
            return lose(
                facts,
                "has another session under the same id, made since by a client",
            );
        }
        Some(Existence::Alive { .. }) | None => {}
    }
    if facts.secret != Binding::Right {
        return Step::Repair;
    }
    if facts.status.observed_generation != facts.session.metadata.generation {
        return Step::Configure;
    }
    let idle = facts
        .limits
        .left_to_idle(&facts.status, facts.seen.as_ref(), facts.now);
    match idle {
        Some(Duration::ZERO) if facts.done.looked => {
            let message = "the session had no activity for its idleTimeout";
            Step::End(Ending::new(SessionPhase::Expired, Reason::Idle, message))
        }
        Some(Duration::ZERO) => Step::Look,
        idle => keep_on(facts, Health::Well, idle),
    }
}

/// A server that goes is not watched any more, so its sessions look for themselves whether their replica is gone.
fn keep_on(facts: &Facts, health: Health, again: Option<Duration>) -> Step {
    let ttl = facts.limits.left_to_ttl(&facts.status, facts.now);
    let stays = matches!(facts.server, Server::Running { .. });
    let watch = (!stays).then_some(SOON);
    Step::Keep {
        health,
        again: [again, ttl, watch].into_iter().flatten().min(),
    }
}

/// `what` happened to the replica of a session that lived.
fn lose(facts: &Facts, what: &str) -> Step {
    let (server, replica) = (
        &facts.session.spec.server,
        facts.status.server.as_deref().unwrap_or("?"),
    );
    let message = format!("replica {replica} {what}");
    if facts.limits.on_server_loss == OnServerLoss::Recreate {
        return Step::Recreate {
            message: format!("{message}; the session is made anew, empty"),
        };
    }
    let (reason, cause) = match facts.server {
        Server::Missing | Server::Deleting => (
            Reason::ServerDeleted,
            format!("server {server} was deleted: "),
        ),
        Server::Suspended => (
            Reason::ServerSuspended,
            format!("server {server} was suspended: "),
        ),
        Server::Running { .. } => (Reason::ServerLost, String::new()),
    };
    Step::End(Ending::new(SessionPhase::Lost, reason, cause + &message))
}

/// A session that has ended: nothing of it stays but the resource, for its retention.
fn settle(facts: &Facts) -> Step {
    let ended = facts
        .status
        .end_time
        .as_ref()
        .map_or(facts.now, |time| time.0);
    if facts.secret != Binding::Absent && !facts.done.secret_deleted {
        return Step::DeleteSecret;
    }
    if let Some(step) = leave(facts, ended) {
        return step;
    }
    if facts.status.observed_generation != facts.session.metadata.generation
        || formerly_told(&facts.status).is_some()
    {
        return Step::Acknowledge;
    }
    let retention = facts
        .session
        .spec
        .retention
        .map(|period| left(ended, period.duration(), facts.now));
    match retention {
        Some(Duration::ZERO) => Step::Delete,
        left => Step::Rest(left),
    }
}

/// What is left to do on the replica of a session that ends, since `since`; `None` when there is nothing.
fn leave(facts: &Facts, since: Timestamp) -> Option<Step> {
    if !has_finalizer(facts) {
        return None;
    }
    let gone_before = matches!(
        facts.status.phase,
        Some(SessionPhase::Closed | SessionPhase::Lost)
    );
    let unguard = |unreleased| Some(Step::Unguard { unreleased });
    if gone_before || facts.done.released {
        return unguard(false);
    }
    let left = left(since, RELEASE_PATIENCE, facts.now);
    match facts.replica {
        Replica::Unassigned | Replica::Gone { .. } => unguard(false),
        Replica::Serving { .. } => Some(Step::Release { left }),
        Replica::Unreachable | Replica::Unseen if left == Duration::ZERO => unguard(true),
        Replica::Unreachable | Replica::Unseen => Some(Step::Rest(Some(SOON.min(left)))),
    }
}

fn has_finalizer(facts: &Facts) -> bool {
    let finalizers = facts.session.metadata.finalizers.iter().flatten();
    finalizers
        .into_iter()
        .any(|name| name == sparkconnect_api::labels::SESSION_FINALIZER)
}

#[cfg(test)]
#[path = "decide_end_tests.rs"]
mod end_tests;
#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
