//! How many of something there may be at a time: connections of an address, calls of a user. No I/O.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by key, each up to one limit.
#[derive(Debug)]
pub struct Limiter<K: Eq + Hash> {
    counts: Arc<Mutex<HashMap<K, usize>>>,
    limit: usize,
}

/// One of them; ends on drop.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash> {
    counts: Arc<Mutex<HashMap<K, usize>>>,
    key: Option<K>,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// At most `limit` of each key.
    pub fn new(limit: usize) -> Self {
        Self {
            counts: Arc::default(),
            limit,
        }
    }

    /// One more of `key`; `None` when the limit is reached.
    pub fn enter(&self, key: &K) -> Option<Permit<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(key) {
            Some(count) if *count >= self.limit => return None,
            Some(count) => *count += 1,
            None if self.limit == 0 => return None,
            None => drop(counts.insert(key.clone(), 1)),
        }
        Some(Permit {
            counts: Arc::clone(&self.counts),
            key: Some(key.clone()),
        })
    }

    /// The limit.
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_of_each_key_and_ends_with_the_permit() {
        let limiter = Limiter::new(2);
        let (first, second) = (limiter.enter(&"a"), limiter.enter(&"a"));
        assert!(first.is_some() && second.is_some());
        assert!(limiter.enter(&"a").is_none());
        assert!(limiter.enter(&"b").is_some());
        drop(first);
        assert!(limiter.enter(&"a").is_some());
        drop(second);
        assert!(
            limiter.counts.lock().unwrap().is_empty(),
            "nothing is kept of those that ended"
        );
    }
}
