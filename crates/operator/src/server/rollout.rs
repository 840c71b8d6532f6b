//! Which replicas run, drain, restart or go: decided from what is there and what is wanted. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What matters of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaFacts {
    /// Name of its pod.
    pub name: String,
    /// Number at the end of the name: a StatefulSet takes the highest away first.
    pub ordinal: i32,
    /// Whether it was started with the present inputs.
    pub current: bool,
    /// Sessions that live on it.
    pub sessions: usize,
    /// Whether its pod is being deleted.
    pub deleting: bool,
    /// Since when it drains.
    pub draining_since: Option<Timestamp>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Replicas of the StatefulSet.
    pub replicas: i32,
    /// Replicas that take no new session and are kept for those they have: name, and since when.
    pub draining: Vec<(String, Timestamp)>,
    /// Outdated replicas to delete now: the StatefulSet makes them anew with the present inputs.
    pub restart: Vec<String>,
    /// When to look again, if nothing changes before: the first drain time-out.
    pub again: Option<Duration>,
    /// Sessions that live on draining replicas: those in the way of the change.
    pub sessions_in_the_way: usize,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Size of the pool; 0 for a suspended server.
    pub replicas: i32,
    /// Whether sessions are waited for; not when the server is suspended.
    pub patient: bool,
    /// How long a replica is kept for its sessions.
    pub drain_timeout: Duration,
}

/// Decides what is to be done. A replica that must go (outdated, or beyond the wanted number) goes at once without sessions,
/// else when the last of them ends or the time-out passes.
pub fn plan(replicas: &[ReplicaFacts], wish: Wish, now: Timestamp) -> Plan {
    let mut plan = Plan {
        replicas: wish.replicas,
        ..Plan::default()
    };
    for replica in replicas.iter().filter(|replica| !replica.deleting) {
        let superfluous = replica.ordinal >= wish.replicas;
        if replica.current && !superfluous {
            continue;
        }
        let since = replica.draining_since.unwrap_or(now);
        let left = remaining(since, wish.drain_timeout, now);
        let waits = wish.patient && replica.sessions > 0 && left > Duration::ZERO;
        if waits {
            plan.draining.push((replica.name.clone(), since));
            plan.sessions_in_the_way += replica.sessions;
            plan.again = Some(plan.again.map_or(left, |again| again.min(left)));
            // The StatefulSet keeps every ordinal below its size: a draining one keeps those below it.
            plan.replicas = plan
                .replicas
                .max(if superfluous { replica.ordinal + 1 } else { 0 });
        } else if !superfluous {
            plan.restart.push(replica.name.clone());
        }
    }
    plan
}

fn remaining(since: Timestamp, timeout: Duration, now: Timestamp) -> Duration {
    let passed = now
        .duration_since(since)
        .max(SignedDuration::ZERO)
        .unsigned_abs();
    timeout.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn replica(ordinal: i32, current: bool, sessions: usize) -> ReplicaFacts {
        ReplicaFacts {
            name: format!("demo-{ordinal}"),
            ordinal,
            current,
            sessions,
            deleting: false,
            draining_since: None,
        }
    }

    fn wish(replicas: i32) -> Wish {
        Wish {
            replicas,
            patient: true,
            drain_timeout: HOUR,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn nothing_to_do_where_everything_is_current() {
        let plan = plan(&[replica(0, true, 3), replica(1, true, 0)], wish(2), at(0));
        assert_eq!(
            plan,
            Plan {
                replicas: 2,
                ..Plan::default()
            }
        );
    }

    #[test]
    fn an_outdated_replica_without_sessions_restarts_and_one_with_sessions_drains() {
        let plan = plan(
            &[replica(0, false, 0), replica(1, false, 2)],
            wish(2),
            at(50),
        );
        assert_eq!(plan.restart, ["demo-0"]);
        assert_eq!(plan.draining, [("demo-1".to_owned(), at(50))]);
        assert_eq!((plan.sessions_in_the_way, plan.again), (2, Some(HOUR)));
    }

    #[test]
    fn a_drain_ends_with_its_time_out() {
        let mut old = replica(0, false, 2);
        old.draining_since = Some(at(0));
        let before = plan(std::slice::from_ref(&old), wish(1), at(3599));
        assert_eq!(before.again, Some(Duration::from_secs(1)));
        assert_eq!(before.draining, [("demo-0".to_owned(), at(0))]);
        let after = plan(&[old], wish(1), at(3600));
        assert_eq!(after.restart, ["demo-0"]);
    }

    #[test]
    fn scaling_down_keeps_what_drains_and_everything_below_it() {
        let pool = [
            replica(0, true, 1),
            replica(1, true, 0),
            replica(2, true, 4),
        ];
        let plan_ = plan(&pool, wish(1), at(9));
        assert_eq!(plan_.replicas, 3, "demo-2 drains, so demo-1 stays too");
        assert_eq!(plan_.draining, [("demo-2".to_owned(), at(9))]);
        assert!(
            plan_.restart.is_empty(),
            "a superfluous replica is not made anew"
        );
        let emptied = [
            replica(0, true, 1),
            replica(1, true, 0),
            replica(2, true, 0),
        ];
        assert_eq!(plan(&emptied, wish(1), at(9)).replicas, 1);
    }

    #[test]
    fn a_suspended_server_waits_for_nobody() {
        let suspended = Wish {
            replicas: 0,
            patient: false,
            drain_timeout: HOUR,
        };
        let plan = plan(&[replica(0, true, 5)], suspended, at(0));
        assert_eq!(plan, Plan::default());
    }

    #[test]
    fn a_replica_that_is_being_deleted_is_left_alone() {
        let mut going = replica(0, false, 0);
        going.deleting = true;
        assert!(plan(&[going], wish(1), at(0)).restart.is_empty());
    }
}
