//! What the calls of each session come to: the numbers that old servers do not tell. No I/O.
//!
//! An operation may be followed by several calls, as a client reattaches: it is counted when it begins, and as failed once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::rpc::Rpc;

/// Operations of a session that are remembered, so that none is counted twice.
const REMEMBERED: usize = 256;

/// The numbers of one session since this gateway has run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plans that a server took.
    pub queries: u64,
    /// Plans that ended with an error of Spark's.
    pub failed: u64,
    /// Uploads that ended well.
    pub uploads: u64,
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
}

/// The numbers of every session, by the session's name.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    sessions: Arc<Mutex<HashMap<String, Arc<Mutex<Numbers>>>>>,
}

/// A call under way; what it came to is noted when it ends, or is dropped.
#[derive(Debug)]
pub struct Call {
    numbers: Arc<Mutex<Numbers>>,
    rpc: Rpc,
    operation: Option<String>,
}

impl Ledger {
    /// A call of the session `name` begins.
    pub fn begin(&self, name: &str, rpc: Rpc) -> Call {
        let numbers = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            match sessions.get(name) {
                Some(numbers) => Arc::clone(numbers),
                None => Arc::clone(sessions.entry(name.to_owned()).or_default()),
            }
        };
        {
            let mut numbers = lock(&numbers);
            if rpc.follows_a_plan() {
                numbers.counts.running += 1;
            }
            numbers.act(rpc);
        }
        Call {
            numbers,
            rpc,
            operation: None,
        }
    }

    /// The numbers of a session that has had a call.
    pub fn of(&self, name: &str) -> Option<Counts> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(name).map(|numbers| lock(numbers).counts)
    }

    /// Forgets a session that is gone.
    pub fn forget(&self, name: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(name);
    }
}

impl Call {
    /// The server answers the call, which names this operation. A client that never heard of that sends the plan once more.
    pub fn answered(&mut self, operation: Option<&str>) {
        self.operation = operation.map(str::to_owned);
        let mut numbers = lock(&self.numbers);
        if self.rpc == Rpc::ExecutePlan && first_of(&mut numbers.begun, operation) {
            numbers.counts.queries += 1;
        }
    }

    /// The server ended the call with the status in these headers or trailers, if there is one in them.
    pub fn ended(&mut self, trailers: &HeaderMap) {
        let Some(status) = Status::from_header_map(trailers) else {
            return;
        };
        let mut numbers = lock(&self.numbers);
        if self.rpc == Rpc::AddArtifacts && status.code() == Code::Ok {
            numbers.counts.uploads += 1;
        }
        if self.rpc.follows_a_plan() && is_failure(&status) {
            let operation = self.operation.take();
            numbers.fail(operation.as_deref());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut numbers = lock(&self.numbers);
        if self.rpc.follows_a_plan() {
            numbers.counts.running -= 1;
        }
        numbers.act(self.rpc);
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

/// Error classes that tell of no plan's failure: somebody cancelled it, or the client asked after one that is not there.
const NO_FAILURE: [&str; 3] = ["OPERATION_CANCELED", "INVALID_HANDLE", "INVALID_CURSOR"];

/// Whether a plan failed.
fn is_failure(status: &Status) -> bool {
    let other = || {
        let info = status.get_details_error_info();
        let class = info.and_then(|info| info.metadata.get("errorClass").cloned());
        class.is_some_and(|class| NO_FAILURE.iter().any(|known| class.starts_with(known)))
    };
    match status.code() {
        Code::Ok | Code::Cancelled | Code::Unavailable => false, // these tell of the connection
        _ => !other(),
    }
}

fn lock(numbers: &Mutex<Numbers>) -> MutexGuard<'_, Numbers> {
    numbers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(status: &Status) -> HeaderMap {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        headers
    }

    fn of_class(class: &str) -> Status {
        let metadata = [("errorClass".to_owned(), class.to_owned())];
        let details = ErrorDetails::with_error_info("x", "org.apache.spark", metadata);
        Status::with_error_details(Code::Internal, "told", details)
    }

    #[test]
    fn an_operation_counts_once_however_often_it_is_followed() {
        let ledger = Ledger::default();
        let mut first = ledger.begin("ns/a", Rpc::ExecutePlan);
        first.answered(Some("op"));
        assert_eq!(ledger.of("ns/a").unwrap().running, 1);
        first.ended(&status(&Status::unavailable("cut")));
        drop(first);
        for _ in 0..2 {
            let mut again = ledger.begin("ns/a", Rpc::ReattachExecute);
            again.answered(Some("op"));
            again.ended(&status(&Status::internal("division by zero")));
        }
        ledger.begin("ns/a", Rpc::ExecutePlan).answered(Some("op"));
        for class in ["OPERATION_CANCELED", "INVALID_HANDLE.OPERATION_NOT_FOUND"] {
            let mut other = ledger.begin("ns/a", Rpc::ReattachExecute);
            other.answered(Some(class));
            other.ended(&status(&of_class(class)));
        }
        let counts = ledger.of("ns/a").unwrap();
        assert_eq!((counts.queries, counts.failed, counts.running), (1, 1, 0));
    }

    #[test]
    fn a_poll_is_no_activity() {
        let ledger = Ledger::default();
        drop(ledger.begin("ns/a", Rpc::GetStatus));
        assert_eq!(ledger.of("ns/a").unwrap(), Counts::default());
        drop(ledger.begin("ns/a", Rpc::Config));
        assert!(ledger.of("ns/a").unwrap().last_activity.is_some());
        ledger.forget("ns/a");
        assert_eq!(ledger.of("ns/a"), None);
    }
}
