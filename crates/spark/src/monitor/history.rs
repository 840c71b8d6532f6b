//! What Spark shows of its sessions at one moment, sorted by session. No I/O.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::bytes::Bytes;
use super::tag::{self, SessionKey};
use super::wire;

/// What the REST API gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    pub(crate) application_id: String,
    /// By id, ascending.
    pub(crate) jobs: Vec<wire::Job>,
    /// Of ended jobs with a session; none where Spark no longer shows the job's stages.
    pub(crate) bytes: HashMap<u64, Option<Bytes>>,
    /// By id, ascending; asked for only before 4.3.
    pub(crate) executions: Vec<wire::Execution>,
    /// Absent before 4.3.
    pub(crate) connect: Option<Connect>,
}

/// The part of the REST API that is about Spark Connect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connect {
    /// Asked for before the operations, which thus hold every operation that is counted here, unless Spark forgot it.
    pub(crate) sessions: Vec<wire::Session>,
    pub(crate) operations: Vec<wire::Operation>,
}

impl Connect {
    /// Whether an operation has not ended yet.
    pub(crate) fn has_open(&self) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| operation.close_timestamp == 0)
    }
}

/// When a session was last seen at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The latest begin or end of an operation, job or SQL execution that Spark shows; none if it shows none.
    pub last: Option<jiff::Timestamp>,
    /// Whether one is at work now.
    pub running: bool,
}

#[derive(Debug)]
pub(crate) struct History {
    pub(crate) application_id: String,
    pub(crate) count_reads: bool,
    pub(crate) has_operations: bool,
    pub(crate) job_numbers: Vec<u64>,
    pub(crate) execution_numbers: Vec<u64>,
    sessions: HashMap<SessionKey, Observed>,
    executions: HashMap<Uuid, BTreeMap<u64, Execution>>,
    nothing: (Observed, BTreeMap<u64, Execution>),
}

/// What Spark shows of one session, SQL executions apart: they do not tell their user.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) jobs: BTreeMap<u64, Job>,
    pub(crate) operations: Vec<wire::Operation>,
    /// Operations begun, as Spark counts.
    pub(crate) started: Option<u64>,
    /// When the session ended, in milliseconds since 1970.
    ended: Option<i64>,
    last: Option<i64>,
}

impl Observed {
    /// When everything about an operation became final. Spark 4.3 never closes one that was interrupted in the moment in which it
    /// began: it ends with its session.
    pub(crate) fn closed_at(&self, operation: &wire::Operation) -> Option<i64> {
        Some(operation.close_timestamp)
            .filter(|&time| time != 0)
            .or(self.ended)
    }
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) operation: Uuid,
    pub(crate) running: bool,
    pub(crate) bytes: Option<Bytes>,
}

#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) running: bool,
    /// Whether its time is in another's.
    pub(crate) nested: bool,
    pub(crate) duration_ms: u64,
    begun: Option<i64>,
}

impl Execution {
    fn ended(&self) -> Option<i64> {
        self.begun?.checked_add_unsigned(self.duration_ms)
    }
}

/// The session and the operation that a job works for.
pub(crate) fn owner(job: &wire::Job) -> Option<(SessionKey, Uuid)> {
    job.job_tags.iter().find_map(|tag| tag::operation(tag))
}

impl History {
    pub(crate) fn new(raw: &Raw, count_reads: bool) -> Self {
        let mut history = Self {
            application_id: raw.application_id.clone(),
            count_reads,
            has_operations: raw.connect.is_some(),
            job_numbers: raw.jobs.iter().map(|job| job.job_id).collect(),
            execution_numbers: raw.executions.iter().map(|it| it.id).collect(),
            sessions: HashMap::new(),
            executions: HashMap::new(),
            nothing: Default::default(),
        };
        history.take_jobs(raw);
        history.take_executions(raw);
        if let Some(connect) = &raw.connect {
            history.take_operations(connect);
        }
        history
    }

    fn take_jobs(&mut self, raw: &Raw) {
        for job in &raw.jobs {
            let Some((key, operation)) = owner(job) else {
                continue;
            };
            let observed = self.sessions.entry(key).or_default();
            observed.last = observed
                .last
                .max(job.submission_time)
                .max(job.completion_time);
            let bytes = raw.bytes.get(&job.job_id).copied().flatten();
            let running = job.running();
            observed.jobs.insert(
                job.job_id,
                Job {
                    operation,
                    running,
                    bytes,
                },
            );
        }
    }

    fn take_operations(&mut self, connect: &Connect) {
        for session in &connect.sessions {
            let key = SessionKey::new(session.user_id.clone(), session.session_id);
            let observed = self.sessions.entry(key).or_default();
            observed.started = Some(session.total_execution);
            observed.ended = Some(session.finish_timestamp).filter(|&time| time != 0);
        }
        for operation in &connect.operations {
            let key = SessionKey::new(operation.user_id.clone(), operation.session_id);
            let observed = self.sessions.entry(key).or_default();
            let times = [operation.start_timestamp, operation.finish_timestamp];
            observed.last = observed.last.max(times.into_iter().max());
            observed.operations.push(operation.clone());
        }
    }

    fn take_executions(&mut self, raw: &Raw) {
        let nested = nested(raw);
        for execution in &raw.executions {
            let Some(session) = tag::described_session(&execution.description) else {
                continue;
            };
            let seen = Execution {
                running: execution.running(),
                nested: nested.contains(&execution.id),
                duration_ms: execution.duration,
                begun: execution.submission_time,
            };
            self.executions
                .entry(session)
                .or_default()
                .insert(execution.id, seen);
        }
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = &SessionKey> {
        self.sessions.keys()
    }

    pub(crate) fn observed(&self, key: &SessionKey) -> &Observed {
        self.sessions.get(key).unwrap_or(&self.nothing.0)
    }

    pub(crate) fn executions_of(&self, key: &SessionKey) -> &BTreeMap<u64, Execution> {
        self.executions
            .get(&key.session_id)
            .unwrap_or(&self.nothing.1)
    }

    /// How many operations of the session are at work.
    pub(crate) fn active(&self, key: &SessionKey) -> u64 {
        let observed = self.observed(key);
        if self.has_operations {
            return observed
                .operations
                .iter()
                .filter(|it| it.finish_timestamp == 0 && observed.closed_at(it).is_none())
                .count() as u64;
        }
        let running = observed.jobs.values().filter(|job| job.running);
        let operations: HashSet<Uuid> = running.map(|job| job.operation).collect();
        let executions = self
            .executions_of(key)
            .values()
            .filter(|it| it.running && !it.nested);
        operations.len().max(executions.count()) as u64
    }

    pub(crate) fn is_settled(&self, key: &SessionKey) -> bool {
        let observed = self.observed(key);
        if self.has_operations {
            return observed.ended.is_some() || observed.started.is_none();
        }
        !self.activity(key).running
    }

    pub(crate) fn activity(&self, key: &SessionKey) -> Activity {
        let observed = self.observed(key);
        let executions = self.executions_of(key).values();
        let last = executions
            .filter_map(Execution::ended)
            .max()
            .max(observed.last);
        let running = self.active(key) > 0 || observed.jobs.values().any(|job| job.running);
        let last = last.and_then(|last| jiff::Timestamp::from_millisecond(last).ok());
        Activity { last, running }
    }
}

/// The executions that are part of another one. 4.2 tells. Before, the tags of their jobs do, and one without jobs is taken for
/// part of a longer one of its session around it.
fn nested(raw: &Raw) -> HashSet<u64> {
    let mut roots: HashMap<u64, u64> = HashMap::new();
    for job in &raw.jobs {
        if let Some(root) = job.job_tags.iter().find_map(|tag| tag::root_execution(tag)) {
            roots.insert(job.job_id, root);
        }
    }
    let is_nested = |execution: &&wire::Execution| match execution.root_execution_id {
        Some(root) => u64::try_from(root).is_ok_and(|root| root != execution.id),
        None => match execution.jobs().find_map(|job| roots.get(&job)) {
            Some(&root) => root != execution.id,
            None => raw
                .executions
                .iter()
                .any(|other| contains(other, execution)),
        },
    };
    raw.executions
        .iter()
        .filter(is_nested)
        .map(|execution| execution.id)
        .collect()
}

fn contains(outer: &wire::Execution, inner: &wire::Execution) -> bool {
    let span = |it: &wire::Execution| {
        let begun = it.submission_time?;
        let ended = if it.running() {
            i64::MAX
        } else {
            begun.saturating_add_unsigned(it.duration)
        };
        Some((begun, ended))
    };
    let (Some(outer_span), Some(inner_span)) = (span(outer), span(inner)) else {
        return false;
    };
    outer.id < inner.id
        && tag::described_session(&outer.description) == tag::described_session(&inner.description)
        && outer_span.0 <= inner_span.0
        && inner_span.1 <= outer_span.1
}
