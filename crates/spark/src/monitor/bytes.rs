//! Which job an attempt at a stage belongs to, so that its bytes are counted once. No I/O.
//!
//! A job lists all stages that it depends on, those of earlier jobs included that it reuses and does not run again. An attempt
//! was begun for the latest job that lists its stage and was there before it. An attempt that all listed jobs came after
//! belongs to a job that Spark no longer shows.

use std::collections::HashMap;

use super::wire::{Job, Stage};

/// Bytes that a job read from and wrote to storage; shuffles are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

/// The jobs that list each stage, and when they were submitted.
pub(crate) struct Owners {
    by_stage: HashMap<u64, Vec<(i64, u64)>>,
}

impl Owners {
    pub(crate) fn of(jobs: &[Job]) -> Self {
        let mut by_stage: HashMap<u64, Vec<(i64, u64)>> = HashMap::new();
        for job in jobs {
            for &stage in &job.stage_ids {
                let submitted = job.submission_time.unwrap_or(i64::MAX);
                by_stage
                    .entry(stage)
                    .or_default()
                    .push((submitted, job.job_id));
            }
        }
        Self { by_stage }
    }

    fn owner(&self, attempt: &Stage) -> Option<u64> {
        let begun = attempt.submission_time?;
        let listing = self.by_stage.get(&attempt.stage_id)?;
        let before = listing.iter().filter(|&&(submitted, _)| submitted < begun);
        // In the same millisecond: the first, since a later one may reuse what the first has just done.
        let same = listing.iter().filter(|&&(submitted, _)| submitted == begun);
        before
            .map(|&(_, id)| id)
            .max()
            .or_else(|| same.map(|&(_, id)| id).min())
    }

    /// The bytes of an ended job, from the attempts at its stages that Spark still shows; none if it shows none.
    pub(crate) fn bytes(&self, job: &Job, stages: &HashMap<u64, Vec<Stage>>) -> Option<Bytes> {
        let mut attempts = job
            .stage_ids
            .iter()
            .filter_map(|id| stages.get(id))
            .flatten()
            .peekable();
        if attempts.peek().is_none() && !job.stage_ids.is_empty() {
            return None;
        }
        let mut sum = Bytes::default();
        let mut seen = std::collections::HashSet::new();
        for attempt in attempts.filter(|attempt| self.owner(attempt) == Some(job.job_id)) {
            if seen.insert((attempt.stage_id, attempt.attempt_id)) {
                sum.read += attempt.input_bytes;
                sum.written += attempt.output_bytes;
            }
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(job_id: u64, submitted: i64, stage_ids: &[u64]) -> Job {
        Job {
            job_id,
            submission_time: Some(submitted),
            completion_time: Some(submitted + 100),
            stage_ids: stage_ids.to_vec(),
            job_tags: Vec::new(),
            status: "SUCCEEDED".to_owned(),
        }
    }

    fn attempt(stage_id: u64, attempt_id: u64, submitted: Option<i64>, read: u64) -> Stage {
        let (input_bytes, output_bytes) = (read, read * 10);
        Stage {
            stage_id,
            attempt_id,
            submission_time: submitted,
            input_bytes,
            output_bytes,
        }
    }

    fn read(jobs: &[Job], attempts: &[Stage]) -> Vec<Option<u64>> {
        let mut stages: HashMap<u64, Vec<Stage>> = HashMap::new();
        for attempt in attempts {
            stages
                .entry(attempt.stage_id)
                .or_default()
                .push(attempt.clone());
        }
        let owners = Owners::of(jobs);
        jobs.iter()
            .map(|job| owners.bytes(job, &stages).map(|bytes| bytes.read))
            .collect()
    }

    #[test]
    fn a_reused_stage_is_counted_for_the_job_that_ran_it() {
        let jobs = [job(0, 0, &[0]), job(1, 50, &[0, 1])];
        let attempts = [attempt(0, 0, Some(1), 7), attempt(1, 0, Some(51), 5)];
        assert_eq!(read(&jobs, &attempts), [Some(7), Some(5)]);
    }

    #[test]
    fn each_attempt_at_a_stage_counts_for_the_job_it_was_begun_for() {
        let jobs = [job(0, 0, &[0]), job(1, 50, &[0, 1])];
        let attempts = [attempt(0, 0, Some(1), 7), attempt(0, 1, Some(60), 3)];
        assert_eq!(read(&jobs, &attempts), [Some(7), Some(3)]);
    }

    #[test]
    fn skipped_stages_hold_nothing() {
        assert_eq!(
            read(&[job(4, 0, &[4, 5])], &[attempt(4, 0, None, 9)]),
            [Some(0)]
        );
    }

    #[test]
    fn a_job_whose_stages_are_all_forgotten_is_unknown() {
        assert_eq!(
            read(&[job(4, 0, &[4, 5]), job(5, 0, &[])], &[]),
            [None, Some(0)]
        );
    }

    #[test]
    fn what_a_forgotten_job_ran_is_not_counted_for_the_one_that_reuses_it() {
        assert_eq!(
            read(&[job(1, 50, &[0, 1])], &[attempt(0, 0, Some(1), 7)]),
            [Some(0)]
        );
    }

    #[test]
    fn jobs_of_one_millisecond_share_nothing() {
        let jobs = [job(0, 5, &[0]), job(1, 5, &[0, 1])];
        assert_eq!(
            read(&jobs, &[attempt(0, 0, Some(5), 7)]),
            [Some(7), Some(0)]
        );
    }
}
