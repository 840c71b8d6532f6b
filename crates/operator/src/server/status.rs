//! The status of a server, made of what was observed. Pure: the clock is handed in.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use sparkconnect_api::condition;
use sparkconnect_api::server::{ReplicaPhase, ReplicaStatus, ServerPhase, SessionCounts};
use sparkconnect_api::{ServerStatus, SparkConnectServer, address, labels};

use super::conditions;
use super::replicas::{Replica, Trouble};
use super::rollout::Plan;
use super::validate::Problem;
use crate::live::{CONNECT_PORT, Seen, State, UI_PORT};

/// Everything that a status is made of.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The server.
    pub server: &'a SparkConnectServer,
    /// Its replicas.
    pub replicas: &'a [Replica],
    /// What is being done; absent where the spec or its inputs cannot be used.
    pub plan: Option<&'a Plan>,
    /// Hash of the present inputs.
    pub inputs_hash: Option<&'a str>,
    /// What keeps the server from being built.
    pub problems: &'a [Problem],
    /// What keeps its objects from being made: a refusal by the API server, a quota.
    pub obstacle: Option<&'a Trouble>,
    /// SparkSessions that name it.
    pub sessions_total: usize,
    /// The time.
    pub now: Timestamp,
}

/// The status that follows from what was observed.
pub fn status(observed: &Observed) -> ServerStatus {
    let old = observed.server.status.clone().unwrap_or_default();
    let replicas = observed.replicas;
    let ready = count(replicas, |replica| observed.takes_sessions(replica));
    let mut conditions = old.conditions.clone();
    let observations = conditions::conditions(observed, ready);
    conditions.retain(|old| observations.iter().any(|now| now.type_ == old.type_));
    for observation in &observations {
        let generation = observed.server.metadata.generation;
        condition::set(&mut conditions, observation, generation, observed.now);
    }
    let degraded = condition::is_true(&conditions, condition::DEGRADED);
    ServerStatus {
        observed_generation: observed.server.metadata.generation,
        phase: Some(phase(observed, ready, degraded)),
        message: condition::headline(&conditions),
        conditions,
        replicas: count(replicas, |_| true),
        ready_replicas: ready,
        updated_replicas: count(replicas, |replica| observed.is_current(replica)),
        selector: Some(selector(observed.server)),
        spark_version: common_version(replicas),
        endpoint: if observed.plan.is_some() {
            Some(endpoint(observed.server))
        } else {
            old.endpoint
        },
        ui_url: ui_url(observed),
        sessions: Some(SessionCounts {
            active: replicas.iter().map(|replica| small(replica.sessions)).sum(),
            total: small(observed.sessions_total),
        }),
        servers: replicas
            .iter()
            .map(|replica| replica_status(observed, replica))
            .collect(),
    }
}

impl Observed<'_> {
    /// How many replicas there are to be.
    pub(super) fn desired(&self) -> i32 {
        if self.server.spec.suspend {
            0
        } else {
            self.server.spec.replicas
        }
    }

    fn is_current(&self, replica: &Replica) -> bool {
        self.inputs_hash.is_some() && replica.inputs_hash.as_deref() == self.inputs_hash
    }

    /// The replicas that tell of the present spec: those of an earlier one go, in their time. Where the spec cannot be used, all tell.
    pub(super) fn telling(&self) -> impl Iterator<Item = &Replica> {
        let tells = |replica: &&Replica| {
            !replica.deleting && (self.inputs_hash.is_none() || self.is_current(replica))
        };
        self.replicas.iter().filter(tells)
    }

    /// Whether replicas keep their sessions and take no new ones.
    pub(super) fn is_draining(&self) -> bool {
        self.plan.is_some_and(|plan| !plan.draining.is_empty())
    }

    fn draining_since(&self, replica: &Replica) -> Option<Timestamp> {
        let draining = &self.plan?.draining;
        draining
            .iter()
            .find(|(name, _)| *name == replica.name)
            .map(|(_, since)| *since)
    }

    fn takes_sessions(&self, replica: &Replica) -> bool {
        self.replica_phase(replica) == ReplicaPhase::Ready
    }

    fn replica_phase(&self, replica: &Replica) -> ReplicaPhase {
        let leaving =
            |plan: &Plan| plan.restart.contains(&replica.name) || replica.ordinal >= plan.replicas;
        match replica.seen.as_ref().map(|seen| &seen.state) {
            _ if replica.deleting || self.plan.is_some_and(leaving) => ReplicaPhase::Terminating,
            _ if !replica.running => ReplicaPhase::Pending,
            None | Some(State::Unknown | State::Starting { .. }) => ReplicaPhase::Starting,
            Some(State::Unreachable { .. }) => ReplicaPhase::Unreachable,
            Some(State::Serving) if self.draining_since(replica).is_some() => {
                ReplicaPhase::Draining
            }
            Some(State::Serving) => ReplicaPhase::Ready,
        }
    }
}

fn phase(observed: &Observed, ready: i32, degraded: bool) -> ServerPhase {
    if degraded {
        return ServerPhase::Degraded;
    }
    let Some(plan) = observed.plan else {
        return ServerPhase::Pending;
    };
    let there = count(observed.replicas, |replica| !replica.deleting);
    if observed.desired() == 0 {
        return ServerPhase::Suspended;
    }
    let settled =
        plan.draining.is_empty() && plan.restart.is_empty() && there == observed.desired();
    match ready {
        0 if !observed.is_draining() => ServerPhase::Starting,
        n if n == observed.desired() && settled => ServerPhase::Ready,
        _ => ServerPhase::Updating,
    }
}

fn replica_status(observed: &Observed, replica: &Replica) -> ReplicaStatus {
    let seen = replica.seen.as_ref().filter(|_| replica.running);
    ReplicaStatus {
        name: replica.name.clone(),
        phase: observed.replica_phase(replica),
        spark_version: seen.and_then(|seen| seen.version.clone()),
        application_id: seen.and_then(|seen| seen.application_id.clone()),
        sessions: small(replica.sessions),
        executors: seen.and_then(|seen| seen.executors),
        start_time: seen.and_then(|seen| seen.start_time).map(whole_second),
        draining_since: observed.draining_since(replica).map(whole_second),
    }
}

/// As the API server gives it back: a finer one would seem to be a change each time.
fn whole_second(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn common_version(replicas: &[Replica]) -> Option<String> {
    let version = |replica: &Replica| replica.seen.as_ref().and_then(|seen| seen.version.clone());
    let first = replicas.iter().find_map(version)?;
    replicas
        .iter()
        .filter_map(version)
        .all(|other| other == first)
        .then_some(first)
}

/// Spark Connect address of a server inside the cluster, without a token.
pub fn endpoint(server: &SparkConnectServer) -> String {
    format!("sc://{}:{CONNECT_PORT}", service_host(server))
}

fn ui_url(observed: &Observed) -> Option<String> {
    let first = observed.replicas.iter().find(|replica| replica.serves())?;
    let asks = observed.server.spec.ui.enabled && first.seen.as_ref().is_some_and(Seen::serves);
    asks.then(|| {
        format!(
            "http://{}.{}:{UI_PORT}",
            first.name,
            service_host(observed.server)
        )
    })
}

/// Host of a server's headless Service; a replica's own host is its name and this.
pub fn service_host(server: &SparkConnectServer) -> String {
    address::service_host(&server.namespace().unwrap_or_default(), &server.name_any())
}

fn selector(server: &SparkConnectServer) -> String {
    format!(
        "{}={},{}={}",
        labels::SERVER,
        server.name_any(),
        labels::COMPONENT,
        labels::DRIVER
    )
}

pub(super) fn count(replicas: &[Replica], matches: impl Fn(&Replica) -> bool) -> i32 {
    small(replicas.iter().filter(|replica| matches(replica)).count())
}

fn small(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
#[path = "status_rollout_tests.rs"]
mod rollout_tests;
#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
