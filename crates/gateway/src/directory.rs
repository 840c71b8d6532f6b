//! The sessions that the gateway knows: by their token, and what a call of theirs becomes. No I/O: filled by a watch, or by a test.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::message::suffix;
use crate::refusal::Refusal;
use crate::rpc::{ALL, Rpc};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What becomes of the calls of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They wait for it to be made.
    Pending {
        /// What its status says.
        why: String,
    },
    /// They go to its replica.
    Ready(Replica),
    /// They are refused.
    Ended {
        /// What its status says.
        why: String,
    },
}

/// Where a session lives. Not `Debug` in full: it holds the server's token.
#[derive(Clone, PartialEq, Eq)]
pub struct Replica {
    /// Name of the driver pod.
    pub name: String,
    /// Host and port of Spark Connect.
    pub address: String,
    /// The header `authorization` that the server wants.
    pub authorization: HeaderValue,
    /// The id that the server gave the session when it was made.
    pub observed: Option<String>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("observed", &self.observed)
            .finish_non_exhaustive()
    }
}

/// A session, as its resource says.
#[derive(Debug)]
pub struct Session {
    /// Namespace and name of the SparkSession, as `namespace/name`.
    pub name: String,
    /// Its id on the server.
    pub id: String,
    /// Identity on the server.
    pub user: String,
    /// SHA-256 of its token.
    pub token_hash: TokenHash,
    /// What becomes of its calls.
    pub state: State,
    suffixes: [OnceLock<Bytes>; ALL.len()],
}

impl Session {
    /// A session.
    pub fn new(
        name: String,
        id: String,
        user: String,
        token_hash: TokenHash,
        state: State,
    ) -> Self {
        Self {
            name,
            id,
            user,
            token_hash,
            state,
            suffixes: [const { OnceLock::new() }; ALL.len()],
        }
    }

    /// The replica of a call that names `session`.
    ///
    /// # Errors
    /// When the call is another session's, or this one cannot be used.
    pub fn replica(&self, session: &str) -> Result<&Replica, Refusal> {
        if session != self.id {
            return Err(Refusal::NotYourSession {
                own: self.id.clone(),
                called: session.to_owned(),
            });
        }
        match &self.state {
            State::Ready(replica) => Ok(replica),
            State::Pending { why } => Err(Refusal::NotReady {
                name: self.name.clone(),
                why: why.clone(),
            }),
            State::Ended { why } => Err(Refusal::Ended {
                name: self.name.clone(),
                why: why.clone(),
            }),
        }
    }

    /// What is put behind each message of a call on `replica`.
    pub fn suffix(&self, rpc: Rpc, replica: &Replica) -> Bytes {
        let observed = rpc.observed_field().zip(replica.observed.as_deref());
        self.suffixes[rpc as usize]
            .get_or_init(|| suffix(&self.id, &self.user, observed))
            .clone()
    }
}

/// Every session that has a token.
#[derive(Debug, Default)]
pub struct Directory {
    sessions: RwLock<HashMap<TokenHash, Arc<Session>>>,
}

impl Directory {
    /// Knows `session` from now on, in place of what was known by its token.
    pub fn put(&self, session: Session) {
        self.write().insert(session.token_hash, Arc::new(session));
    }

    /// Forgets the session of that token.
    pub fn remove(&self, token: &TokenHash) {
        self.write().remove(token);
    }

    /// The session whose token this is.
    ///
    /// # Errors
    /// When it is nobody's.
    pub fn by_token(&self, token: &str) -> Result<Arc<Session>, Refusal> {
        let hash: TokenHash = Sha256::digest(token.as_bytes()).into();
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let found = sessions.get(&hash).ok_or(Refusal::UnknownToken)?;
        // The map compares as quickly as it can; what counts is compared in constant time.
        if !bool::from(found.token_hash.ct_eq(&hash)) {
            return Err(Refusal::UnknownToken);
        }
        Ok(Arc::clone(found))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<TokenHash, Arc<Session>>> {
        // One insert or removal at a time: the map is sound even after a panic.
        self.sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(state: State) -> Session {
        let hash = Sha256::digest(b"secret").into();
        Session::new("ns/ada".into(), "id-1".into(), "ada".into(), hash, state)
    }

    #[test]
    fn a_token_is_one_sessions_and_a_session_answers_for_itself_alone() {
        let directory = Directory::default();
        directory.put(session(State::Ended {
            why: "Idle".to_owned(),
        }));
        assert_eq!(
            directory.by_token("other").unwrap_err(),
            Refusal::UnknownToken
        );
        let found = directory.by_token("secret").unwrap();
        assert!(matches!(
            found.replica("id-2"),
            Err(Refusal::NotYourSession { .. })
        ));
        assert!(matches!(found.replica("id-1"), Err(Refusal::Ended { .. })));
        directory.remove(&found.token_hash);
        assert_eq!(
            directory.by_token("secret").unwrap_err(),
            Refusal::UnknownToken
        );
    }

    #[test]
    fn a_replica_is_shown_without_its_token() {
        let replica = Replica {
            name: "demo-0".to_owned(),
            address: "demo-0.demo.ns.svc:15002".to_owned(),
            authorization: HeaderValue::from_static("Bearer sesame"),
            observed: None,
        };
        assert!(!format!("{replica:?}").contains("sesame"));
    }
}
