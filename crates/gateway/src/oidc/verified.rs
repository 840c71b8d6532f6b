//! Tokens that were verified a moment ago, by their hash, so that not every call of a user verifies a signature. No I/O.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Person;
use crate::directory::TokenHash;

/// How long one is remembered.
const MEMORY: SignedDuration = SignedDuration::from_secs(60);
/// How many are, a few hundred bytes each.
const MOST: usize = 10_000;

/// The tokens.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<Tokens>);

#[derive(Debug, Default)]
struct Tokens {
    people: HashMap<TokenHash, (Person, Timestamp)>,
    /// The same, by the time when they go.
    ends: BTreeSet<(Timestamp, TokenHash)>,
}

impl Verified {
    /// Whose the token is, if it is known.
    pub(super) fn get(&self, hash: &TokenHash, now: Timestamp) -> Option<Person> {
        let tokens = self.lock();
        let (person, end) = tokens.people.get(hash)?;
        (now < *end).then(|| person.clone())
    }

    /// Remembers for a minute whose the token is, or until it expires.
    pub(super) fn put(&self, hash: TokenHash, person: Person, now: Timestamp) {
        let end = person.expires.min(now + MEMORY);
        if end <= now {
            return;
        }
        let mut tokens = self.lock();
        if let Some((_, old)) = tokens.people.insert(hash, (person, end)) {
            tokens.ends.remove(&(old, hash));
        }
        tokens.ends.insert((end, hash));
        while let Some(&(first, hash)) = tokens.ends.first()
            && (first <= now || tokens.ends.len() > MOST)
        {
            tokens.ends.pop_first();
            tokens.people.remove(&hash);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tokens> {
        // After a panic in between, one of the two may have an entry more, which goes with its time or its token.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ada(expires: i64) -> Person {
        Person {
            user: "ada".to_owned(),
            groups: Vec::new(),
            expires: at(expires),
        }
    }

    fn hash(number: usize) -> TokenHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    #[test]
    fn a_token_is_remembered_for_a_minute_or_until_it_expires() {
        let verified = Verified::default();
        verified.put(hash(1), ada(1000), at(0));
        verified.put(hash(2), ada(20), at(0));
        verified.put(hash(3), ada(0), at(0));
        let known = |now| [1, 2, 3].map(|number| verified.get(&hash(number), at(now)).is_some());
        assert_eq!(known(0), [true, true, false]);
        assert_eq!(known(20), [true, false, false]);
        assert_eq!(known(59), [true, false, false]);
        assert_eq!(known(60), [false, false, false]);
        verified.put(hash(1), ada(1000), at(59));
        assert_eq!(known(100), [true, false, false]);
        verified.put(hash(4), ada(1000), at(200));
        assert_eq!(verified.lock().people.len(), 1, "what has ended is gone");
    }

    #[test]
    fn too_many_push_out_those_that_go_soonest() {
        let verified = Verified::default();
        for number in 0..MOST + 2 {
            let expires = if number == 7 { 30 } else { 1000 };
            verified.put(hash(number), ada(expires), at(i64::from(number > 100)));
        }
        let tokens = verified.lock();
        assert_eq!((tokens.people.len(), tokens.ends.len()), (MOST, MOST));
        assert!(!tokens.people.contains_key(&hash(7)));
        assert!(!tokens.people.contains_key(&hash(0)));
        assert!(tokens.people.contains_key(&hash(1)));
    }
}
