//! How long a failed object waits before its next try: doubled with each failure, jittered, forgotten with a success. No I/O.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wait after the first failure.
const FIRST: Duration = Duration::from_millis(500);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// Failures in a row, by object.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Notes a failure of `object` and says how long to wait.
    pub fn failed(&self, object: &str) -> Duration {
        let mut failures = self.lock();
        let count = failures.entry(object.to_owned()).or_insert(0);
        *count = count.saturating_add(1);
        wait(*count, rand::random_range(0.5..1.0))
    }

    /// Notes a success of `object`, or its end.
    pub fn succeeded(&self, object: &str) {
        self.lock().remove(object);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // One insert or removal at a time: the map is sound even after a panic.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `jitter` in 0.5..1: objects that failed together are not tried together.
fn wait(failures: u32, jitter: f64) -> Duration {
    FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST)
        .mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits: Vec<u64> = [1, 2, 3, 7, 8, 1000]
            .iter()
            .map(|&n| wait(n, 1.0).as_millis().try_into().unwrap())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 32_000, 60_000, 60_000]);
        assert_eq!(wait(1, 0.5), Duration::from_millis(250));
    }

    #[test]
    fn a_success_starts_anew_for_its_object_only() {
        let backoff = Backoff::default();
        backoff.failed("a");
        backoff.failed("a");
        backoff.failed("b");
        backoff.succeeded("a");
        assert_eq!(backoff.lock().get("a"), None);
        assert_eq!(backoff.lock().get("b"), Some(&1));
    }
}
