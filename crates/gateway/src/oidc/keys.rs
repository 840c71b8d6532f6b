//! An issuer's keys as they are known, and when it is asked for them: at the first token, when they are old, and for a key that is
//! not known, but never twice at a time and never often, whatever tokens come. Does I/O through `issuer.rs`.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::OidcError;
use super::issuer::Issuer;
use super::jwks::{Found, Key, KeySet};
use super::token::Head;

/// Between two times that the issuer is asked.
const PAUSE: Duration = Duration::from_secs(30);
/// The same while it never gave any keys.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(5);
/// How much longer than they should keys stay in use while the issuer is away.
const AWAY: Duration = Duration::from_secs(24 * 60 * 60);
/// By how much a time may lie before an earlier one, as calls overlap; more is a clock that was set back.
const OVERLAP: Duration = Duration::from_secs(60);
/// Said where asking it was cut off by a fault of the gateway's.
const NO_ANSWER: &str = "nothing came of it";

/// The keys.
#[derive(Debug)]
pub(super) struct Keys {
    shared: Arc<Shared>,
    /// Held while the issuer is asked.
    asking: Arc<Mutex<()>>,
}

#[derive(Debug)]
struct Shared {
    issuer: Issuer,
    known: RwLock<Known>,
}

/// What is known.
#[derive(Debug, Default)]
struct Known {
    held: Option<Held>,
    /// When the issuer was last asked.
    asked: Option<Timestamp>,
    /// Why it gave nothing then.
    failure: Option<String>,
}

#[derive(Debug)]
struct Held {
    keys: KeySet,
    since: Timestamp,
    /// How long they are good.
    age: Duration,
}

/// What is known for a token.
#[derive(Debug)]
enum Look {
    /// Its key.
    Key(Arc<Key>),
    /// The issuer is to be asked first; where it cannot be, this key will do.
    Ask(Option<Arc<Key>>),
    /// It has no good key.
    Refuse(String),
    /// It cannot be told.
    Unknown(String),
}

impl Known {
    fn look(&self, head: &Head, now: Timestamp) -> Look {
        let held = self
            .held
            .as_ref()
            .filter(|held| elapsed(held.since, now) < held.age + AWAY);
        let fresh = held.is_some_and(|held| elapsed(held.since, now) < held.age);
        match held.map_or(Found::Nothing, |held| held.keys.find(head)) {
            Found::Key(key) if !fresh && self.may_ask(now) => Look::Ask(Some(key)),
            Found::Key(key) => Look::Key(key),
            Found::Unfit(why) if fresh => Look::Refuse(why.to_owned()),
            Found::Nothing | Found::Unfit(_) if self.may_ask(now) => Look::Ask(None),
            Found::Unfit(why) => Look::Refuse(why.to_owned()),
            Found::Nothing => self.nothing(),
        }
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        let pause = match self.held {
            Some(_) => PAUSE,
            None => PAUSE_WITHOUT_KEYS,
        };
        self.asked.is_none_or(|asked| elapsed(asked, now) >= pause)
    }

    fn nothing(&self) -> Look {
        match (&self.failure, &self.held) {
            (Some(failure), _) => Look::Unknown(failure.clone()),
            (None, None) => Look::Unknown(NO_ANSWER.to_owned()),
            (None, Some(_)) => Look::Refuse(format!(
                "the token is signed with a key that its issuer does not have: get a new token, or try again in {} s if the issuer's \
                 keys have just changed",
                PAUSE.as_secs()
            )),
        }
    }
}

/// The time from `then` to `now`: endless when the clock was set back, so that nothing lasts longer for it.
fn elapsed(then: Timestamp, now: Timestamp) -> Duration {
    let elapsed = now.duration_since(then);
    if elapsed.is_negative() && elapsed.unsigned_abs() > OVERLAP {
        return Duration::MAX;
    }
    Duration::try_from(elapsed).unwrap_or(Duration::ZERO)
}

impl Keys {
    /// None are known yet.
    pub(super) fn new(issuer: Issuer) -> Self {
        let shared = Shared {
            issuer,
            known: RwLock::default(),
        };
        Self {
            shared: Arc::new(shared),
            asking: Arc::default(),
        }
    }

    /// The key of a token that begins so.
    pub(super) async fn key(&self, head: &Head, now: Timestamp) -> Result<Arc<Key>, OidcError> {
        let mut look = self.shared.read().look(head, now);
        if !matches!(look, Look::Key(_)) {
            look = self.ask(head, look, now).await;
        }
        match look {
            Look::Key(key) | Look::Ask(Some(key)) => Ok(key),
            Look::Refuse(why) => Err(OidcError::Refused { why }),
            Look::Unknown(why) => Err(self.unavailable(&why)),
            Look::Ask(None) => Err(self.unavailable(NO_ANSWER)),
        }
    }

    /// Asks the issuer where `look` says so, or waits for the call that does; one that knows a key, though an old one, does not wait.
    async fn ask(&self, head: &Head, look: Look, now: Timestamp) -> Look {
        let asking = match (Arc::clone(&self.asking).try_lock_owned(), look) {
            (Ok(asking), Look::Ask(_)) => asking,
            (Ok(_), look) => return look,
            (Err(_), Look::Ask(Some(old))) => return Look::Key(old),
            (Err(_), _) => Arc::clone(&self.asking).lock_owned().await,
        };
        let look = self.shared.read().look(head, now);
        if !matches!(look, Look::Ask(_)) {
            return look;
        }
        self.shared.write().asked = Some(now);
        // On its own, so that a caller who goes away does not end it: else calls that are cut off could keep new keys away.
        let asked = tokio::spawn(Arc::clone(&self.shared).refresh(now, asking)).await;
        if let Err(error) = asked {
            tracing::error!(%error, "asking the issuer for its keys did not end well");
        }
        self.shared.read().look(head, now)
    }

    fn unavailable(&self, why: &str) -> OidcError {
        let issuer = self.shared.issuer.name();
        OidcError::Unavailable {
            why: format!("the issuer {issuer} cannot be asked for its keys: {why}"),
        }
    }

    /// Knows `keys` from now on.
    #[cfg(test)]
    pub(super) fn put(&self, keys: KeySet, since: Timestamp) {
        let age = Duration::from_secs(60 * 60);
        self.shared.write().hold(keys, since, age);
    }
}

impl Known {
    fn hold(&mut self, keys: KeySet, since: Timestamp, age: Duration) {
        self.held = Some(Held { keys, since, age });
        self.failure = None;
    }
}

impl Shared {
    async fn refresh(self: Arc<Self>, now: Timestamp, _asking: OwnedMutexGuard<()>) {
        match self.issuer.keys().await {
            Ok((keys, age)) => self.write().hold(keys, now, age),
            Err(error) => {
                tracing::warn!(issuer = self.issuer.name(), %error, "the issuer gives no keys");
                self.write().failure = Some(error.to_string());
            }
        }
    }

    // Each change is one assignment or two that may be seen apart: what a panic leaves is sound.
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_last_longer() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(elapsed(at(100), at(107)), Duration::from_secs(7));
        assert_eq!(elapsed(at(100), at(99)), Duration::ZERO);
        assert_eq!(elapsed(at(100), at(20)), Duration::MAX);
    }
}
