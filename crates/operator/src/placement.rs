//! Which session lives on which replica, in memory: the one place where a session takes a replica and a replica is closed
//! to sessions, so that neither can happen behind the other's back. No I/O; rebuilt from the sessions' statuses at start.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// UID of a driver pod: one replica between two restarts of its pod.
pub type ReplicaUid = String;
/// UID of a SparkSession.
pub type SessionUid = String;

/// The sessions of every replica.
#[derive(Debug, Default)]
pub struct Placement {
    replicas: Mutex<HashMap<ReplicaUid, Replica>>,
}

#[derive(Debug, Default)]
struct Replica {
    closed: bool,
    sessions: HashSet<SessionUid>,
}

impl Placement {
    /// Gives `session` the open replica among `candidates` with the fewest sessions; the one that it already has wins.
    pub fn assign(&self, session: &str, candidates: &[ReplicaUid]) -> Option<ReplicaUid> {
        let mut replicas = self.lock();
        let has = |uid: &&ReplicaUid| {
            replicas
                .get(*uid)
                .is_some_and(|replica| replica.sessions.contains(session))
        };
        let load = |uid: &&ReplicaUid| replicas.get(*uid).map_or(0, |r| r.sessions.len());
        let open = |uid: &&ReplicaUid| !replicas.get(*uid).is_some_and(|replica| replica.closed);
        let chosen = candidates
            .iter()
            .find(has)
            .or_else(|| candidates.iter().filter(open).min_by_key(load))?
            .clone();
        replicas
            .entry(chosen.clone())
            .or_default()
            .sessions
            .insert(session.to_owned());
        Some(chosen)
    }

    /// Notes a session that is known to live on a replica.
    pub fn restore(&self, session: &str, replica: &str) {
        self.lock()
            .entry(replica.to_owned())
            .or_default()
            .sessions
            .insert(session.to_owned());
    }

    /// Notes that `session` lives nowhere any more; `true` if it lived somewhere.
    pub fn release(&self, session: &str) -> bool {
        let mut replicas = self.lock();
        let lived = replicas
            .values_mut()
            .map(|replica| replica.sessions.remove(session));
        lived.fold(false, |before, now| before | now)
    }

    /// How many sessions a replica has.
    pub fn count(&self, replica: &str) -> usize {
        self.lock()
            .get(replica)
            .map_or(0, |replica| replica.sessions.len())
    }

    /// Closes a replica to new sessions; `true` if it has none, so that nothing is lost when it ends.
    pub fn close(&self, replica: &str) -> bool {
        let mut replicas = self.lock();
        let replica = replicas.entry(replica.to_owned()).or_default();
        replica.closed = true;
        replica.sessions.is_empty()
    }

    /// Opens a replica again, as when a change was taken back.
    pub fn open(&self, replica: &str) {
        if let Some(replica) = self.lock().get_mut(replica) {
            replica.closed = false;
        }
    }

    /// Forgets a replica that is gone.
    pub fn forget(&self, replica: &str) {
        self.lock().remove(replica);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ReplicaUid, Replica>> {
        // Every change is complete before anything can panic, so the map is sound even then.
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(names: &[&str]) -> Vec<ReplicaUid> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn sessions_spread_and_stay() {
        let placement = Placement::default();
        let pool = uids(&["a", "b"]);
        let first = placement.assign("s1", &pool).unwrap();
        let second = placement.assign("s2", &pool).unwrap();
        assert_ne!(first, second);
        assert_eq!(placement.assign("s1", &pool), Some(first.clone()));
        assert!(placement.release("s1"));
        assert!(!placement.release("s1"), "it lives nowhere");
        assert_eq!(placement.count(&first), 0);
        assert_eq!(placement.assign("s3", &pool), Some(first));
    }

    #[test]
    fn a_closed_replica_takes_no_new_session_and_says_whether_it_is_empty() {
        let placement = Placement::default();
        let pool = uids(&["a"]);
        assert!(placement.close("a"));
        assert_eq!(placement.assign("s1", &pool), None);
        placement.open("a");
        assert_eq!(placement.assign("s1", &pool).as_deref(), Some("a"));
        assert!(!placement.close("a"));
        assert_eq!(
            placement.assign("s1", &pool).as_deref(),
            Some("a"),
            "it keeps its own"
        );
        placement.forget("a");
        assert_eq!(placement.count("a"), 0);
    }
}
