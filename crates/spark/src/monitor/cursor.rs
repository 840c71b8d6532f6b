//! How far a session's accounting has come. No I/O. Bounded in size, and stored beside the totals in one write.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// By how much the numbers of jobs may show out of order: one thread of Spark announces them as it hands them out.
pub(crate) const LATE_JOBS: u64 = 0;

/// By how much the numbers of SQL executions may show out of order: each thread takes one before it announces it.
pub(crate) const LATE_EXECUTIONS: u64 = 50;

/// Most numbers that are waited for.
const MOST_PENDING: usize = 64;

/// How much later than another an operation may show that was closed before it, in milliseconds.
pub(crate) const SLACK: i64 = 5_000;

/// Most operations that are remembered one by one; Spark itself shows no more than the last 200 unless told to.
const MOST_RECENT: usize = 256;

/// How far the accounting of one session has come in one Spark application. Opaque: stored with the totals as they were
/// returned, and handed back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    #[serde(rename = "app")]
    pub(crate) application_id: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) jobs: Numbered,
    #[serde(default, rename = "sql", skip_serializing_if = "is_default")]
    pub(crate) executions: Numbered,
    #[serde(default, rename = "ops", skip_serializing_if = "is_default")]
    pub(crate) operations: Closed,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Cursor {
    /// The cursor for `application_id`: this one if it is of it, else a fresh one, since numbers start anew.
    pub(crate) fn of(&self, application_id: &str) -> Self {
        if self.application_id == application_id {
            return self.clone();
        }
        Self {
            application_id: application_id.to_owned(),
            ..Self::default()
        }
    }
}

/// What became of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Of another session.
    Foreign,
    /// Of this session, not ended.
    Open,
    /// Of this session, ended.
    Ended,
}

/// Progress through things that Spark numbers upward across all sessions: jobs, SQL executions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    /// Whether this went on before: only then can something have been missed.
    begun: bool,
    /// Everything below is done with, but for `pending`.
    upto: u64,
    /// Not ended yet, or not shown yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<u64>,
}

impl Numbered {
    /// Goes on with what Spark shows now: its numbers `shown`, ascending, and what they are to this session; one up to `late`
    /// below the newest may show later. Returns the numbers to count, and how many can have been missed because Spark no
    /// longer shows them.
    pub(crate) fn advance(
        &mut self,
        shown: &[u64],
        late: u64,
        fate: impl Fn(u64) -> Fate,
    ) -> (Vec<u64>, u64) {
        let begun = std::mem::replace(&mut self.begun, true);
        let Some(&newest) = shown.last() else {
            return (Vec::new(), 0);
        };
        let new = &shown[shown.partition_point(|&number| number < self.upto)..];
        let late_from = newest.saturating_sub(late).max(self.upto);
        let absent: Vec<u64> = (late_from..=newest)
            .filter(|number| new.binary_search(number).is_err())
            .collect();
        let skipped = (newest + 1).saturating_sub(self.upto) - (new.len() + absent.len()) as u64;
        let mut missed = if begun { skipped } else { 0 };

        let candidates = self
            .pending
            .drain(..)
            .chain(new.iter().copied())
            .chain(absent);
        let (mut count, mut pending) = (Vec::new(), Vec::new());
        for number in candidates {
            match shown.binary_search(&number).map(|_| fate(number)) {
                Ok(Fate::Foreign) => {}
                Ok(Fate::Open) => pending.push(number),
                Ok(Fate::Ended) => count.push(number),
                Err(_) if number + late >= newest => pending.push(number),
                Err(_) => missed += 1,
            }
        }
        pending.sort_unstable();
        let excess = pending.len().saturating_sub(MOST_PENDING);
        pending.drain(..excess);
        missed += excess as u64;
        self.upto = self.upto.max(newest + 1);
        self.pending = pending;
        (count, missed)
    }
}

/// Progress through operations, which have no order but the time at which they were closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// Every operation closed before this time is done with; milliseconds since 1970.
    floor: i64,
    /// Those closed since that are done with: the start of their id, and the time they were closed at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<(String, i64)>,
    /// How many were counted in this application.
    pub(crate) counted: u64,
}

impl Closed {
    /// Whether the operation is to be counted; remembers it.
    pub(crate) fn take(&mut self, id: Uuid, closed_at: i64) -> bool {
        let mut short = id.simple().to_string();
        short.truncate(12);
        if closed_at < self.floor || self.recent.iter().any(|(known, _)| *known == short) {
            return false;
        }
        self.recent.push((short, closed_at));
        self.counted += 1;
        true
    }

    /// Forgets what is old enough; to be called when everything shown was taken.
    pub(crate) fn settle(&mut self) {
        self.recent
            .sort_unstable_by_key(|&(_, closed_at)| closed_at);
        if let Some(&(_, newest)) = self.recent.last() {
            self.floor = self.floor.max(newest - SLACK);
        }
        if let Some(last_dropped) = self.recent.len().checked_sub(MOST_RECENT + 1) {
            self.floor = self.floor.max(self.recent[last_dropped].1 + 1);
        }
        let floor = self.floor;
        self.recent.retain(|&(_, closed_at)| closed_at >= floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_once_when_they_end() {
        let mut cursor = Numbered::default();
        let open_at_3 = |n| if n == 3 { Fate::Open } else { Fate::Ended };
        assert_eq!(
            cursor.advance(&[0, 1, 2, 3, 4], 50, open_at_3),
            (vec![0, 1, 2, 4], 0)
        );
        assert_eq!(
            cursor.advance(&[0, 1, 2, 3, 4], 50, |_| Fate::Ended),
            (vec![3], 0)
        );
        assert_eq!(
            cursor.advance(&[0, 1, 2, 3, 4], 50, |_| Fate::Ended),
            (vec![], 0)
        );
        assert_eq!(
            cursor,
            Numbered {
                begun: true,
                upto: 5,
                pending: vec![]
            }
        );
    }

    #[test]
    fn a_number_that_shows_late_is_counted() {
        let mut cursor = Numbered::default();
        assert_eq!(
            cursor.advance(&[0, 2], 50, |_| Fate::Ended),
            (vec![0, 2], 0)
        );
        assert_eq!(
            cursor.advance(&[0, 1, 2], 50, |_| Fate::Ended),
            (vec![1], 0)
        );
    }

    #[test]
    fn numbers_that_spark_forgot_are_reported() {
        let mut cursor = Numbered::default();
        cursor.advance(&[0], 50, |_| Fate::Ended);
        let shown: Vec<u64> = (500..1500).collect();
        let (count, missed) = cursor.advance(&shown, 50, |_| Fate::Ended);
        assert_eq!((count.len(), missed), (1000, 499));
        assert_eq!(cursor.advance(&shown, 50, |_| Fate::Ended), (vec![], 0));
    }

    #[test]
    fn a_fresh_cursor_misses_nothing_of_what_was_before_it() {
        let shown: Vec<u64> = (500..1500).collect();
        assert_eq!(
            Numbered::default().advance(&shown, 50, |_| Fate::Foreign),
            (vec![], 0)
        );
    }

    #[test]
    fn a_cursor_that_saw_the_beginning_knows_what_it_missed() {
        let mut cursor = Numbered::default();
        cursor.advance(&[], LATE_JOBS, |_| Fate::Ended);
        assert_eq!(
            cursor.advance(&[3, 4], LATE_JOBS, |_| Fate::Ended),
            (vec![3, 4], 3)
        );
    }

    #[test]
    fn an_open_number_that_is_forgotten_is_reported_once() {
        let mut cursor = Numbered::default();
        cursor.advance(&[0, 1], 50, |_| Fate::Open);
        let shown: Vec<u64> = (2..200).collect();
        assert_eq!(cursor.advance(&shown, 50, |_| Fate::Foreign), (vec![], 2));
        assert_eq!(cursor.advance(&shown, 50, |_| Fate::Foreign), (vec![], 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let shown: Vec<u64> = (0..1000).collect();
        let mut cursor = Numbered::default();
        let (_, missed) = cursor.advance(&shown, 50, |_| Fate::Open);
        assert_eq!(
            (cursor.pending.len(), missed),
            (MOST_PENDING, 1000 - MOST_PENDING as u64)
        );
        let mut closed = Closed::default();
        for at in 0..1000_i64 {
            assert!(closed.take(Uuid::new_v4(), at));
        }
        closed.settle();
        assert!(
            closed.recent.len() <= MOST_RECENT,
            "{}",
            closed.recent.len()
        );
    }

    #[test]
    fn an_operation_closed_at_the_very_floor_is_counted_once() {
        let (early, late, tie) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let mut closed = Closed::default();
        assert!(closed.take(early, 10_000));
        assert!(closed.take(late, 10_000 + SLACK));
        closed.settle();
        assert!(!closed.take(early, 10_000));
        assert!(closed.take(tie, 10_000));
        closed.settle();
        assert!(!closed.take(tie, 10_000));
        assert!(!closed.take(Uuid::new_v4(), 9_999));
    }
}
