//! The conditions of a server, made of what was observed. Pure.

use sparkconnect_api::condition::{self, Observation};
use sparkconnect_api::{Reason, SparkConnectServer};

use super::outlook;
use super::replicas::Replica;
use super::status::{Observed, count};
use super::validate::Problem;
use crate::live::State;

/// Every condition that there is to be. One that is there and not among them is true no more.
pub(super) fn conditions(observed: &Observed, ready: i32) -> Vec<Observation> {
    let degraded = degraded(observed);
    let mut told = vec![
        ready_or_suspended(observed, ready, &degraded),
        progressing(observed, ready),
        version_matched(observed),
        inputs_resolved(observed),
        degraded,
    ];
    told.extend(outlook::outlook(observed.problems, &told));
    told
}

fn ready_or_suspended(observed: &Observed, ready: i32, degraded: &Observation) -> Observation {
    let no = |reason, message: String| Observation::no(condition::READY, reason, message);
    if ready > 0 {
        let message = format!("{ready} of {} replicas serve", observed.desired());
        return Observation::yes(condition::READY, Reason::Serving, message);
    }
    if let Some(problem) = observed.problems.first() {
        return no(problem.reason, problem.message.clone());
    }
    if observed.desired() == 0 {
        let stopped = stopped(observed.server);
        return Observation::yes(condition::SUSPENDED, Reason::Suspended, stopped);
    }
    if degraded.status == Some(true) {
        return no(degraded.reason, degraded.message.clone());
    }
    if observed.is_draining() {
        let message = "every replica drains: those that take sessions come after that";
        return no(Reason::Draining, message.to_owned());
    }
    no(Reason::Starting, waiting(observed))
}

fn stopped(server: &SparkConnectServer) -> &'static str {
    if server.spec.suspend {
        "stopped by spec.suspend"
    } else {
        "stopped by spec.replicas: 0"
    }
}

/// What a server without a serving replica waits for.
fn waiting(observed: &Observed) -> String {
    let probed = observed
        .replicas
        .iter()
        .find_map(|replica| match &replica.seen.as_ref()?.state {
            State::Starting { why } => Some(format!("{} starts: {why}", replica.name)),
            State::Unreachable { why } => Some(format!("{} does not answer: {why}", replica.name)),
            State::Unknown | State::Serving => None,
        });
    probed.unwrap_or_else(|| "the driver pods are being made".to_owned())
}

fn progressing(observed: &Observed, ready: i32) -> Observation {
    let yes = |reason, message: String| Observation::yes(condition::PROGRESSING, reason, message);
    let Some(plan) = observed.plan else {
        return Observation::no(
            condition::PROGRESSING,
            Reason::Blocked,
            "waits for the spec to be mended",
        );
    };
    if !plan.draining.is_empty() {
        let names: Vec<&str> = plan
            .draining
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let message = format!(
            "{} of {} replicas outdated or superfluous; {} drain: {} sessions in the way",
            plan.draining.len() + plan.restart.len(),
            observed.replicas.len(),
            names.join(", "),
            plan.sessions_in_the_way,
        );
        return yes(Reason::Draining, message);
    }
    let there = count(observed.replicas, |replica| !replica.deleting);
    if !plan.restart.is_empty() || observed.replicas.iter().any(|replica| replica.deleting) {
        return yes(
            Reason::Restarting,
            format!("{there} of {} replicas stay", observed.replicas.len()),
        );
    }
    if ready == observed.desired() && there == observed.desired() {
        return Observation::no(
            condition::PROGRESSING,
            Reason::Settled,
            "every replica is as wanted",
        );
    }
    yes(
        Reason::Starting,
        format!("{ready} of {} replicas serve", observed.desired()),
    )
}

fn version_matched(observed: &Observed) -> Observation {
    let type_ = condition::VERSION_MATCHED;
    if let Some(problem) = of_type(observed.problems, type_).next() {
        return Observation::no(type_, problem.reason, problem.message.clone());
    }
    let wanted = &observed.server.spec.version;
    let version = |replica: &Replica| replica.seen.as_ref()?.version.clone();
    let other = observed.telling().find_map(|replica| {
        let found = version(replica).filter(|found| found != wanted)?;
        Some((&replica.name, found))
    });
    if let Some((name, found)) = other {
        let message = format!(
            "{name} reports Spark {found}, spec.version is {wanted}: use an image of {wanted}, or set version to {found}"
        );
        return Observation::no(type_, Reason::VersionDiffers, message);
    }
    let mut versions = observed.replicas.iter().filter_map(version);
    match versions.find(|found| found == wanted) {
        Some(_) => Observation::yes(
            type_,
            Reason::VersionMatches,
            format!("Spark {wanted}, as wanted"),
        ),
        None => Observation::unknown(
            type_,
            Reason::NotAnswered,
            "no replica has told its version yet",
        ),
    }
}

fn inputs_resolved(observed: &Observed) -> Observation {
    let type_ = condition::INPUTS_RESOLVED;
    let problems: Vec<&Problem> = of_type(observed.problems, type_).collect();
    match problems.first() {
        Some(first) => Observation::no(type_, first.reason, join(&problems)),
        None => Observation::yes(
            type_,
            Reason::Resolved,
            "everything that the spec names is there",
        ),
    }
}

fn degraded(observed: &Observed) -> Observation {
    let type_ = condition::DEGRADED;
    let problems: Vec<&Problem> = of_type(observed.problems, type_).collect();
    if let Some(first) = problems.first() {
        return Observation::yes(type_, first.reason, join(&problems));
    }
    if let Some(obstacle) = observed.obstacle {
        return Observation::yes(type_, reason_of(&obstacle.reason), obstacle.message.clone());
    }
    let troubled = observed
        .telling()
        .filter_map(|r| Some((&r.name, r.trouble.as_ref()?)))
        .next();
    match troubled {
        Some((name, trouble)) => {
            let message = format!("{name}: {}: {}", trouble.reason, trouble.message);
            Observation::yes(type_, reason_of(&trouble.reason), message)
        }
        None => Observation::no(type_, Reason::AsExpected, "nothing needs a person"),
    }
}

/// The reasons that a condition may have: a closed set, whatever words Kubernetes uses.
fn reason_of(word: &str) -> Reason {
    match word {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
            Reason::ImageNotPulled
        }
        "CrashLoopBackOff" | "Error" | "StartError" | "RunContainerError" => Reason::DriverFails,
        "OOMKilled" => Reason::OutOfMemory,
        "Unschedulable" | "SchedulingGated" => Reason::Unschedulable,
        "FailedCreate" => Reason::PodsRefused,
        "Refused" => Reason::ObjectsRefused,
        _ => Reason::PodTrouble,
    }
}

fn of_type<'a>(problems: &'a [Problem], type_: &'static str) -> impl Iterator<Item = &'a Problem> {
    problems
        .iter()
        .filter(move |problem| problem.condition == type_)
}

fn join(problems: &[&Problem]) -> String {
    problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}
