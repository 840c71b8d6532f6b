//! How far a session's numbers at each gateway are in its metrics. Pure. Kept beside them in one write, so that what a gateway
//! counted is in them once, however often the operator or a gateway is restarted.

use serde::{Deserialize, Serialize};

/// Gateways whose numbers are remembered one by one, those that answer not among them. One that is gone is in the metrics, and
/// tells no more.
const KEPT: usize = 4;

/// What one gateway counted of a session since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Plans that a server took.
    pub queries: u64,
    /// Plans that failed.
    pub failed: u64,
    /// Artifacts that a server took.
    pub artifacts: u64,
}

/// One gateway, and how much of what it counted is in the metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counted(String, u64, u64, u64);

/// What is in a session's metrics of each gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tally(Vec<Counted>);

impl Tally {
    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on with what the gateways say now, each by its instance; returns what is new. Those that count nothing of the session
    /// may be left out.
    pub(super) fn advance(&mut self, told: &[(String, Told)]) -> Told {
        let mut new = Told::default();
        for (instance, told) in told {
            let found = self.0.iter().position(|counted| counted.0 == *instance);
            let index = found.unwrap_or_else(|| {
                self.0.push(Counted(instance.clone(), 0, 0, 0));
                self.0.len() - 1
            });
            let counted = &mut self.0[index];
            new.queries += step(&mut counted.1, told.queries);
            new.failed += step(&mut counted.2, told.failed);
            new.artifacts += step(&mut counted.3, told.artifacts);
        }
        self.fold(told);
        new
    }

    /// Forgets the oldest of those that are gone.
    fn fold(&mut self, told: &[(String, Told)]) {
        let answers = |counted: &Counted| told.iter().any(|(instance, _)| *instance == counted.0);
        let gone = self.0.iter().filter(|counted| !answers(counted)).count();
        let mut excess = gone.saturating_sub(KEPT);
        self.0.retain(|counted| {
            let folds = excess > 0 && !answers(counted);
            excess -= usize::from(folds);
            !folds
        });
    }
}

/// Raises `counted` to `now`; by how much.
fn step(counted: &mut u64, now: u64) -> u64 {
    let more = now.saturating_sub(*counted);
    *counted += more;
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &[(&str, u64, u64)]) -> Vec<(String, Told)> {
        let told = |&(instance, queries, failed): &(&str, u64, u64)| {
            let told = Told {
                queries,
                failed,
                artifacts: 1,
            };
            (instance.to_owned(), told)
        };
        numbers.iter().map(told).collect()
    }

    #[test]
    fn several_gateways_are_added_up_and_nothing_counts_twice() {
        let mut tally = Tally::default();
        let new = tally.advance(&told(&[("a", 3, 1), ("b", 2, 0)]));
        assert_eq!((new.queries, new.failed, new.artifacts), (5, 1, 2));
        assert_eq!(
            tally.advance(&told(&[("a", 3, 1), ("b", 2, 0)])),
            Told::default()
        );
        assert_eq!(tally.advance(&[]), Told::default(), "nobody answers");
        let new = tally.advance(&told(&[("a", 3, 1), ("b", 4, 1)]));
        assert_eq!((new.queries, new.failed, new.artifacts), (2, 1, 0));
        let new = tally.advance(&told(&[("b", 4, 1), ("restarted", 1, 0)]));
        assert_eq!((new.queries, new.failed, new.artifacts), (1, 0, 1));
    }

    #[test]
    fn it_comes_back_from_the_status_and_stays_small() {
        let mut tally = Tally::default();
        for run in 0..100 {
            let (one, other) = (format!("one-{run}"), format!("other-{run}"));
            let now = told(&[(&one, 7, 0), (&other, 7, 0)]);
            assert_eq!(tally.advance(&now).queries, 14, "{run}");
            let text = serde_json::to_string(&tally).unwrap();
            assert!(text.len() < 300, "{text}");
            tally = serde_json::from_str(&text).unwrap();
            assert_eq!(tally.advance(&now), Told::default());
        }
    }
}
