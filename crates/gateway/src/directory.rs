//! The sessions and servers that the gateway knows, and what a call of each session becomes. No I/O: filled by a watch, or by a test.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use http::HeaderValue;
use http::uri::Authority;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::message::suffix;
use crate::refusal::Refusal;
use crate::rpc::{ALL, Rpc};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// The hash that a token is known by.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

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
    /// Its UID.
    pub uid: String,
    /// Host and port of Spark Connect.
    pub address: Authority,
    /// The header `authorization` that the server wants.
    pub authorization: HeaderValue,
    /// The id that the server gave the session when it was made.
    pub observed: Option<String>,
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("observed", &self.observed)
            .finish_non_exhaustive()
    }
}

/// Namespace and name of a SparkConnectServer or a SparkSession.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Name {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Name {
    /// A name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A session, as its resource says.
#[derive(Debug)]
pub struct Session {
    /// The SparkSession.
    pub name: Name,
    /// Its UID.
    pub uid: String,
    /// Name of its SparkConnectServer, in the same namespace.
    pub server: String,
    /// Its id on the server.
    pub id: String,
    /// Identity on the server.
    pub user: String,
    /// SHA-256 of its token; absent before it has one.
    pub token_hash: Option<TokenHash>,
    /// Whether the gateway made it for somebody who called.
    pub ad_hoc: bool,
    /// Name of the SparkSession that it is a clone of.
    pub cloned_from: Option<String>,
    /// What becomes of its calls.
    pub state: State,
    /// What was put together for its calls already.
    pub suffixes: Suffixes,
}

/// What is put behind the messages of a session, by method; made when it is first needed.
#[derive(Debug, Default)]
pub struct Suffixes([OnceLock<Bytes>; ALL.len()]);

impl Session {
    /// The server that it lives on.
    pub fn server(&self) -> Name {
        Name::new(&self.name.namespace, &self.server)
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
                name: self.name.to_string(),
                why: why.clone(),
            }),
            State::Ended { why } => Err(Refusal::Ended {
                name: self.name.to_string(),
                why: why.clone(),
            }),
        }
    }

    /// What is put behind each message of a call on `replica`.
    pub fn suffix(&self, rpc: Rpc, replica: &Replica) -> Bytes {
        let observed = rpc.observed_field().zip(replica.observed.as_deref());
        self.suffixes.0[rpc as usize]
            .get_or_init(|| suffix(&self.id, &self.user, observed))
            .clone()
    }

    /// Whether it has ended.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }
}

/// User and id.
type Identity = (String, String);

#[derive(Debug, Default)]
struct Known {
    sessions: HashMap<Name, Arc<Session>>,
    tokens: HashMap<TokenHash, Arc<Session>>,
    identities: HashMap<Identity, Vec<Arc<Session>>>,
    servers: HashSet<Name>,
}

/// Every session and every server.
#[derive(Debug, Default)]
pub struct Directory {
    known: RwLock<Known>,
    changed: watch::Sender<()>,
}

impl Directory {
    /// Knows `session` from now on, in place of what was known by its name.
    pub fn put(&self, session: Session) {
        let session = Arc::new(session);
        self.write(|known| {
            known.take(&session.name);
            if let Some(hash) = session.token_hash {
                known.tokens.insert(hash, Arc::clone(&session));
            }
            let same = known.identities.entry(identity(&session)).or_default();
            same.push(Arc::clone(&session));
            known.sessions.insert(session.name.clone(), session);
        });
    }

    /// Forgets the session of that name.
    pub fn remove(&self, name: &Name) {
        self.write(|known| known.take(name));
    }

    /// Knows that there is a server of that name.
    pub fn put_server(&self, name: Name) {
        self.write(|known| {
            known.servers.insert(name);
        });
    }

    /// Forgets the server of that name.
    pub fn remove_server(&self, name: &Name) {
        self.write(|known| {
            known.servers.remove(name);
        });
    }

    /// Whether there is a server of that name.
    pub fn has_server(&self, name: &Name) -> bool {
        self.read().servers.contains(name)
    }

    /// How many sessions are known.
    pub fn count(&self) -> usize {
        self.read().sessions.len()
    }

    /// The session whose token this is.
    ///
    /// # Errors
    /// When it is nobody's.
    pub fn by_token(&self, token: &str) -> Result<Arc<Session>, Refusal> {
        let hash = hash(token);
        let known = self.read();
        let found = known.tokens.get(&hash).ok_or(Refusal::UnknownToken)?;
        // The map compares as quickly as it can; what counts is compared in constant time.
        if !bool::from(found.token_hash.unwrap_or_default().ct_eq(&hash)) {
            return Err(Refusal::UnknownToken);
        }
        Ok(Arc::clone(found))
    }

    /// The session of `user` with that id, on `server` where one is named; one that lives rather than one that has ended.
    pub fn of_user(&self, user: &str, id: &str, server: Option<&Name>) -> Option<Arc<Session>> {
        let known = self.read();
        let all = known.identities.get(&(user.to_owned(), id.to_owned()))?;
        let mut fit = all
            .iter()
            .filter(|session| server.is_none_or(|server| session.server() == *server));
        let first = fit.next()?;
        let living = std::iter::once(first)
            .chain(fit)
            .find(|session| !session.has_ended());
        Some(Arc::clone(living.unwrap_or(first)))
    }

    /// Ids of the sessions that the gateway made for `user` and that have not ended.
    pub fn ad_hoc(&self, user: &str) -> HashSet<String> {
        let known = self.read();
        let its = known
            .sessions
            .values()
            .filter(|session| session.ad_hoc && session.user == user && !session.has_ended());
        its.map(|session| session.id.clone()).collect()
    }

    /// Tells of every change from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: impl FnOnce(&mut Known)) {
        let mut known: RwLockWriteGuard<'_, Known> =
            self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        drop(known);
        self.changed.send_replace(());
    }
}

impl Known {
    fn take(&mut self, name: &Name) {
        let Some(old) = self.sessions.remove(name) else {
            return;
        };
        if let Some(hash) = &old.token_hash {
            self.tokens.remove(hash);
        }
        let identity = identity(&old);
        if let Some(same) = self.identities.get_mut(&identity) {
            same.retain(|other| other.name != *name);
            if same.is_empty() {
                self.identities.remove(&identity);
            }
        }
    }
}

fn identity(session: &Session) -> Identity {
    (session.user.clone(), session.id.clone())
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
