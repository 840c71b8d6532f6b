//! Which session lives on which replica, in memory: the one place where a session takes a replica and a replica is closed
//! to sessions, so that neither can happen behind the other's back. No I/O; rebuilt from the sessions' statuses at start.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// UID of a driver pod: one replica between two restarts of its pod.
pub type ReplicaUid = String;
/// UID of a SparkSession.
pub type SessionUid = String;

/// What a session is called. Two at a time cannot be called the same: they would be one on the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionName {
    /// Namespace of its server.
    pub namespace: String,
    /// Name of its server.
    pub server: String,
    /// Identity there.
    pub user: String,
    /// Id there.
    pub id: Uuid,
}

/// The sessions of every replica.
#[derive(Debug, Default)]
pub struct Placement {
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    replicas: HashMap<ReplicaUid, Replica>,
    names: HashMap<SessionName, SessionUid>,
}

#[derive(Debug, Default)]
struct Replica {
    closed: bool,
    sessions: HashSet<SessionUid>,
}

impl Placement {
    /// Takes a name for `session` until its release.
    ///
    /// # Errors
    /// The session that has the name, where that is another one.
    pub fn claim(&self, session: &str, name: SessionName) -> Result<(), SessionUid> {
        let mut known = self.lock();
        let holder = known
            .names
            .entry(name)
            .or_insert_with(|| session.to_owned());
        if *holder == session {
            Ok(())
        } else {
            Err(holder.clone())
        }
    }

    /// Gives `session` the open replica among `candidates` with the fewest sessions; the one that it already has wins.
    pub fn assign(&self, session: &str, candidates: &[ReplicaUid]) -> Option<ReplicaUid> {
        let replicas = &mut self.lock().replicas;
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
            .replicas
            .entry(replica.to_owned())
            .or_default()
            .sessions
            .insert(session.to_owned());
    }

    /// Whether `session` lives somewhere.
    pub fn has_place(&self, session: &str) -> bool {
        let known = self.lock();
        let mut replicas = known.replicas.values();
        replicas.any(|replica| replica.sessions.contains(session))
    }

    /// Notes that `session` lives nowhere any more, and that its name is free; `true` if it lived somewhere.
    pub fn release(&self, session: &str) -> bool {
        self.lock().names.retain(|_, holder| holder != session);
        self.vacate(session)
    }

    /// Notes that `session` lives nowhere for now, and keeps its name; `true` if it lived somewhere.
    pub fn vacate(&self, session: &str) -> bool {
        let mut known = self.lock();
        let lived = known
            .replicas
            .values_mut()
            .map(|replica| replica.sessions.remove(session));
        lived.fold(false, |before, now| before | now)
    }

    /// Notes that sessions that are not in `there` live nowhere any more; the names that they had.
    pub fn retain(&self, there: &HashSet<SessionUid>) -> Vec<SessionName> {
        let mut known = self.lock();
        for replica in known.replicas.values_mut() {
            replica.sessions.retain(|session| there.contains(session));
        }
        let gone = known.names.extract_if(|_, holder| !there.contains(holder));
        gone.map(|(name, _)| name).collect()
    }

    /// How many sessions a replica has.
    pub fn count(&self, replica: &str) -> usize {
        self.lock()
            .replicas
            .get(replica)
            .map_or(0, |replica| replica.sessions.len())
    }

    /// Closes a replica to new sessions; `true` if it has none, so that nothing is lost when it ends.
    pub fn close(&self, replica: &str) -> bool {
        let mut known = self.lock();
        let replica = known.replicas.entry(replica.to_owned()).or_default();
        replica.closed = true;
        replica.sessions.is_empty()
    }

    /// Opens a replica again, as when a change was taken back.
    pub fn open(&self, replica: &str) {
        if let Some(replica) = self.lock().replicas.get_mut(replica) {
            replica.closed = false;
        }
    }

    /// Forgets a replica that is gone.
    pub fn forget(&self, replica: &str) {
        self.lock().replicas.remove(replica);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Every change is complete before anything can panic, so the maps are sound even then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(placement.has_place("s2") && !placement.has_place("s1"));
    }

    #[test]
    fn a_name_is_one_sessions_until_its_release() {
        let placement = Placement::default();
        let name = |server: &str| SessionName {
            namespace: "ns".to_owned(),
            server: server.to_owned(),
            user: "ada".to_owned(),
            id: Uuid::nil(),
        };
        assert_eq!(placement.claim("s1", name("a")), Ok(()));
        assert_eq!(placement.claim("s1", name("a")), Ok(()), "its own");
        assert_eq!(placement.claim("s2", name("a")), Err("s1".to_owned()));
        assert_eq!(placement.claim("s2", name("b")), Ok(()), "another server's");
        placement.restore("s1", "r");
        assert!(placement.vacate("s1"));
        let kept = placement.claim("s2", name("a"));
        assert_eq!(kept, Err("s1".to_owned()), "its replica is gone, not it");
        placement.release("s1");
        assert_eq!(placement.claim("s3", name("a")), Ok(()));
        placement.restore("s3", "r");
        let there = HashSet::from(["s2".to_owned()]);
        assert_eq!(placement.retain(&there), [name("a")]);
        assert_eq!(placement.count("r"), 0);
        assert_eq!(placement.claim("s4", name("b")), Err("s2".to_owned()));
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
