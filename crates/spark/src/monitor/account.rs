//! Adds up what a session did, exactly once, across polls and across restarts of whoever polls. No I/O.

use serde::{Deserialize, Serialize};

use super::cursor::{Cursor, Fate, LATE_EXECUTIONS, LATE_JOBS};
use super::history::{History, Observed};
use super::tag::SessionKey;

/// What a session did since it was made. Absent means that this version of Spark does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionTotals {
    /// Operations that ended, failed and cancelled ones included; Spark 4.3. `spark.sql("select 1").collect()` is two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries_executed: Option<u64>,
    /// Operations at work now. One whose client vanished may show for up to five minutes after its end: Spark writes down an
    /// end that comes within 100 ms of something else only when the operation is closed. Before Spark 4.3 those with a running job or SQL execution, so that an operation shows only
    /// while it computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_queries: Option<u64>,
    /// Operations that ended with an error, cancelled ones not included; Spark 4.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_queries: Option<u64>,
    /// Bytes read from storage by jobs that ended, as their tasks reported; shuffles are not in it. Absent when the server
    /// is set up so that Spark counts wrong, see [`super::MonitorOptions::count_reads`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_read_bytes: Option<u64>,
    /// Bytes written to storage by jobs that ended: what the files hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_written_bytes: Option<u64>,
    /// Time that operations took, in milliseconds, added up; two at once count twice. Before Spark 4.3 the time that SQL
    /// executions took, which leaves out parsing and analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_time_ms: Option<u64>,
}

/// A session's totals and how far they go: one value, to be stored in one write and handed back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The totals.
    pub totals: SessionTotals,
    /// How far they go.
    pub cursor: Cursor,
}

/// The next state of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The account with what is new in it.
    pub account: Account,
    /// How many jobs, executions and operations of the server Spark forgot before they were seen: a bound on how many of
    /// this session's are not in the totals. 0 means that the totals are exact. One forgotten while it was the newest is noticed when there is a newer one.
    pub missed: u64,
}

impl History {
    /// Goes on with the account of the session `key`. Handing back the same account gives the same step.
    pub(crate) fn account(&self, key: &SessionKey, before: &Account) -> Step {
        let mut account = Account {
            totals: before.totals.clone(),
            cursor: before.cursor.of(&self.application_id),
        };
        let observed = self.observed(key);
        let mut missed = self.add_jobs(&mut account, observed);
        missed += if self.has_operations {
            add_operations(&mut account, observed)
        } else {
            self.add_executions(&mut account, key)
        };
        account.totals.active_queries = Some(self.active(key));
        Step { account, missed }
    }

    fn add_jobs(&self, account: &mut Account, observed: &Observed) -> u64 {
        let fate = |number| match observed.jobs.get(&number) {
            None => Fate::Foreign,
            Some(job) if job.running => Fate::Open,
            Some(_) => Fate::Ended,
        };
        let (count, mut missed) = account
            .cursor
            .jobs
            .advance(&self.job_numbers, LATE_JOBS, fate);
        let (mut read, mut written) = (0, 0);
        for job in count.iter().filter_map(|number| observed.jobs.get(number)) {
            match job.bytes {
                Some(bytes) => {
                    read += bytes.read;
                    written += bytes.written;
                }
                None => missed += 1,
            }
        }
        add(&mut account.totals.data_written_bytes, written);
        if self.count_reads {
            add(&mut account.totals.data_read_bytes, read);
        }
        missed
    }

    fn add_executions(&self, account: &mut Account, key: &SessionKey) -> u64 {
        let executions = self.executions_of(key);
        let fate = |number| match executions.get(&number) {
            None => Fate::Foreign,
            Some(execution) if execution.running => Fate::Open,
            Some(_) => Fate::Ended,
        };
        let (count, missed) =
            account
                .cursor
                .executions
                .advance(&self.execution_numbers, LATE_EXECUTIONS, fate);
        let ended = count.iter().filter_map(|number| executions.get(number));
        let time = ended.filter(|it| !it.nested).map(|it| it.duration_ms).sum();
        add(&mut account.totals.execution_time_ms, time);
        missed
    }
}

/// Counts the operations that are closed: only then is everything about them final.
fn add_operations(account: &mut Account, observed: &Observed) -> u64 {
    let (totals, cursor) = (&mut account.totals, &mut account.cursor.operations);
    let (mut executed, mut failed, mut time) = (0, 0, 0);
    let mut open = 0;
    for operation in &observed.operations {
        let Some(closed_at) = observed.closed_at(operation) else {
            open += 1;
            continue;
        };
        if cursor.take(operation.operation_id, closed_at) {
            executed += 1;
            failed += u64::from(operation.failed());
            time += operation.execution_time;
        }
    }
    cursor.settle();
    // Spark's own count survives its forgetting of operations; it may be behind, never ahead.
    let missed = observed
        .started
        .unwrap_or(0)
        .saturating_sub(cursor.counted + open);
    cursor.counted += missed;
    add(&mut totals.queries_executed, executed + missed);
    add(&mut totals.failed_queries, failed);
    add(&mut totals.execution_time_ms, time);
    missed
}

fn add(total: &mut Option<u64>, more: u64) {
    *total = Some(total.unwrap_or(0) + more);
}
