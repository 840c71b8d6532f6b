//! What the calls of each session come to: the numbers that old servers do not tell. No I/O.
//!
//! An operation may be followed by several calls, as a client reattaches: it is counted when it begins, and as failed once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use jiff::Timestamp;
use prost::Message;
use sparkconnect_proto::spark::connect::AddArtifactsResponse;
use tokio::sync::watch;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::refusal::GRPC_STATUS;
use crate::rpc::Rpc;

/// Operations of a session that are remembered, so that none is counted twice.
const REMEMBERED: usize = 256;
/// Most bytes of an answer to AddArtifacts that are looked at: its list of about a thousand files.
const ARTIFACTS: usize = 64 << 10;
/// Sessions in one answer to who collects.
const TOLD: usize = 1_000;
/// How long a session that is gone stays, so that its last numbers can be collected.
const GONE: Duration = Duration::from_secs(300);
/// Most sessions that are gone and stay.
const MOST_GONE: usize = 10_000;

/// The numbers of one session since this gateway has run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plans that a server took.
    pub queries: u64,
    /// Plans that ended with an error of Spark's.
    pub failed: u64,
    /// Artifacts that a server took whole.
    pub artifacts: u64,
    /// Calls under way that follow a plan.
    pub running: u32,
    /// When a call that is activity began or ended.
    pub last_activity: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Numbers {
    counts: Counts,
    begun: HashSet<String>,
    failed: HashSet<String>,
    /// The ledger's version of the last change; 0 before there was one.
    changed: u64,
}

/// The numbers of every session, by the UID of the SparkSession. Cheap to clone; every clone is the same ledger.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    instance: String,
    started: Timestamp,
    sessions: Mutex<HashMap<String, Arc<Mutex<Numbers>>>>,
    /// Sessions that are gone, the oldest first.
    gone: Mutex<VecDeque<(Instant, String)>>,
    /// Grows with every change of any session.
    version: AtomicU64,
    /// Up to which version somebody has collected; none before somebody did.
    confirmed: watch::Sender<Option<u64>>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// Where to go on.
    pub cursor: u64,
    /// Whether there is more already.
    pub more: bool,
    /// UIDs and numbers, in the order of their changes.
    pub sessions: Vec<(String, Counts)>,
}

/// A call under way; what it came to is noted when it ends, or is dropped.
#[derive(Debug)]
pub struct Call {
    shared: Arc<Shared>,
    numbers: Arc<Mutex<Numbers>>,
    rpc: Rpc,
    operation: Option<String>,
    /// The answer to AddArtifacts as far as it has come; none where it is too long.
    artifacts: Option<Vec<u8>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self(Arc::new(Shared {
            instance: Uuid::new_v4().simple().to_string(),
            started: Timestamp::now(),
            sessions: Mutex::default(),
            gone: Mutex::default(),
            version: AtomicU64::default(),
            confirmed: watch::Sender::new(None),
        }))
    }
}

impl Ledger {
    /// Names this ledger among all that ever were.
    pub fn instance(&self) -> &str {
        &self.0.instance
    }

    /// When it began.
    pub fn started(&self) -> Timestamp {
        self.0.started
    }

    /// A call of the session with this UID begins.
    pub fn begin(&self, uid: &str, rpc: Rpc) -> Call {
        let numbers = {
            let mut sessions = lock(&self.0.sessions);
            match sessions.get(uid) {
                Some(numbers) => Arc::clone(numbers),
                None => Arc::clone(sessions.entry(uid.to_owned()).or_default()),
            }
        };
        self.0.change(&numbers, |numbers| {
            if rpc.follows_a_plan() {
                numbers.counts.running += 1;
            }
            numbers.act(rpc);
        });
        Call {
            shared: Arc::clone(&self.0),
            numbers,
            rpc,
            operation: None,
            artifacts: (rpc == Rpc::AddArtifacts).then(Vec::new),
        }
    }

    /// The numbers of a session that has had a call.
    pub fn of(&self, uid: &str) -> Option<Counts> {
        let sessions = lock(&self.0.sessions);
        sessions.get(uid).map(|numbers| lock(numbers).counts)
    }

    /// Lets a session that is gone go, once its last numbers could be collected.
    pub fn forget(&self, uid: &str) {
        lock(&self.0.gone).push_back((Instant::now(), uid.to_owned()));
        self.sweep(GONE);
    }

    /// The sessions that changed after `since`, a thousand at the most. Whoever asks has had what is before `since`.
    pub fn collect(&self, since: u64) -> Collected {
        self.sweep(GONE);
        self.0.confirmed.send_replace(Some(since));
        let upto = self.0.version.load(Ordering::Acquire);
        let mut changed: Vec<(u64, String, Counts)> = {
            let sessions = lock(&self.0.sessions);
            let numbers = sessions.iter().map(|(uid, numbers)| (uid, lock(numbers)));
            let new = numbers.filter(|(_, numbers)| numbers.changed > since);
            new.map(|(uid, numbers)| (numbers.changed, uid.clone(), numbers.counts))
                .collect()
        };
        changed.sort_unstable_by_key(|(changed, ..)| *changed);
        let more = changed.len() > TOLD;
        changed.truncate(TOLD);
        // One that changed meanwhile is told of once more: another may have changed before it and not be in here.
        let last = changed.last().map_or(upto, |(changed, ..)| *changed);
        Collected {
            cursor: if more { last.min(upto) } else { upto },
            more,
            sessions: changed
                .into_iter()
                .map(|(_, uid, counts)| (uid, counts))
                .collect(),
        }
    }

    /// Returns once everything up to now was collected; at once where nobody ever did.
    pub async fn collected(&self) {
        let now = self.0.version.load(Ordering::Acquire);
        let mut confirmed = self.0.confirmed.subscribe();
        let all = confirmed.wait_for(|upto| upto.is_none_or(|upto| upto >= now));
        let _ = all.await; // it cannot end: the ledger is here
    }

    /// Drops sessions that have been gone for `longer`.
    fn sweep(&self, longer: Duration) {
        let mut gone = lock(&self.0.gone);
        let mut sessions = None;
        while gone.len() > MOST_GONE || gone.front().is_some_and(|(at, _)| at.elapsed() >= longer) {
            let Some((_, uid)) = gone.pop_front() else {
                return;
            };
            let sessions = sessions.get_or_insert_with(|| lock(&self.0.sessions));
            sessions.remove(&uid);
        }
    }
}

impl Shared {
    fn change(&self, numbers: &Mutex<Numbers>, change: impl FnOnce(&mut Numbers)) {
        let mut numbers = lock(numbers);
        let before = numbers.counts;
        change(&mut numbers);
        if numbers.counts != before {
            // While the numbers are locked: who sees this version waits for them.
            numbers.changed = self.version.fetch_add(1, Ordering::AcqRel) + 1;
        }
    }
}

impl Call {
    /// The server answers the call, which names this operation, with this head. A client that never heard of that sends the plan
    /// once more.
    pub fn answered(&mut self, operation: Option<&str>, head: &HeaderMap) {
        self.operation = operation.map(str::to_owned);
        let not_taken =
            || Status::from_header_map(head).is_some_and(|status| !is_of_a_plan(&status));
        if self.rpc == Rpc::ExecutePlan && !not_taken() {
            self.shared.change(&self.numbers, |numbers| {
                if first_of(&mut numbers.begun, operation) {
                    numbers.counts.queries += 1;
                }
            });
        }
        self.ended(head); // where there are no messages, the status is in the head
    }

    /// Bytes of the answer's body pass by.
    pub fn passed(&mut self, bytes: &[u8]) {
        if let Some(artifacts) = &mut self.artifacts {
            if artifacts.len() + bytes.len() > ARTIFACTS {
                self.artifacts = None;
            } else {
                artifacts.extend_from_slice(bytes);
            }
        }
    }

    /// The server ended the call with the status in these headers or trailers, if there is one in them.
    pub fn ended(&mut self, trailers: &HeaderMap) {
        let uploads = self.rpc == Rpc::AddArtifacts;
        if !uploads && (!self.rpc.follows_a_plan() || is_well(trailers)) {
            return; // there is nothing to count
        }
        let Some(status) = Status::from_header_map(trailers) else {
            return;
        };
        if uploads && status.code() == Code::Ok {
            let taken = self.artifacts.take();
            if let Some(count) = taken.and_then(|answer| artifacts(&answer)) {
                self.shared
                    .change(&self.numbers, |numbers| numbers.counts.artifacts += count);
            } else {
                tracing::warn!(
                    "an answer to AddArtifacts cannot be read: its artifacts are not counted"
                );
            }
        }
        if self.rpc.follows_a_plan() && is_failure(&status) {
            let operation = self.operation.take();
            self.shared
                .change(&self.numbers, |numbers| numbers.fail(operation.as_deref()));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.shared.change(&self.numbers, |numbers| {
            if self.rpc.follows_a_plan() {
                numbers.counts.running -= 1;
            }
            numbers.act(self.rpc);
        });
    }
}

impl Numbers {
    /// Asking how things stand keeps no session alive.
    fn act(&mut self, rpc: Rpc) {
        if !matches!(rpc, Rpc::GetStatus | Rpc::ReleaseSession) {
            self.counts.last_activity = Some(Timestamp::now());
        }
    }

    fn fail(&mut self, operation: Option<&str>) {
        if first_of(&mut self.failed, operation) {
            self.counts.failed += 1;
        }
    }
}

/// Whether the call ended well, by the header alone: a whole status is made for those that did not.
fn is_well(trailers: &HeaderMap) -> bool {
    trailers
        .get(GRPC_STATUS)
        .is_some_and(|status| status == "0")
}

/// How many artifacts the server took whole, as its one message says; none where that cannot be read.
fn artifacts(answer: &[u8]) -> Option<u64> {
    let (&[flag, ref length @ ..], message) = answer.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes(*length);
    if flag != 0 || usize::try_from(length).ok()? != message.len() {
        return None;
    }
    let response = AddArtifactsResponse::decode(message).ok()?;
    let whole = response.artifacts.iter().filter(|it| it.is_crc_successful);
    Some(whole.count() as u64)
}

/// Whether an operation is not among those that are remembered; one without a name never is.
fn first_of(remembered: &mut HashSet<String>, operation: Option<&str>) -> bool {
    let Some(operation) = operation else {
        return true;
    };
    if remembered.len() >= REMEMBERED {
        remembered.clear();
    }
    remembered.insert(operation.to_owned())
}

/// Error classes that tell of no plan: the client asked for a session or an operation that is not there.
const NO_PLAN: [&str; 2] = ["INVALID_HANDLE", "INVALID_CURSOR"];
/// The class of a plan that somebody cancelled, which is no failure.
const CANCELLED: &str = "OPERATION_CANCELED";

/// Whether the status is that of a plan at all.
fn is_of_a_plan(status: &Status) -> bool {
    let of_the_connection = matches!(status.code(), Code::Unavailable | Code::Unauthenticated);
    !of_the_connection && !is_of_class(status, &NO_PLAN)
}

/// Whether a plan failed.
fn is_failure(status: &Status) -> bool {
    !matches!(status.code(), Code::Ok | Code::Cancelled)
        && is_of_a_plan(status)
        && !is_of_class(status, &[CANCELLED])
}

fn is_of_class(status: &Status, classes: &[&str]) -> bool {
    let info = status.get_details_error_info();
    let class = info.and_then(|info| info.metadata.get("errorClass").cloned());
    class.is_some_and(|class| classes.iter().any(|known| class.starts_with(known)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is complete before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "counts_tests.rs"]
mod tests;
