//! What a session did, by the REST API of its server's UI where that is reachable. Does I/O: HTTP.

use std::sync::OnceLock;
use std::time::Duration;

use sparkconnect_spark::monitor::{Account, Monitor, MonitorOptions, SessionKey, SessionTotals};
use sparkconnect_spark::{Endpoint, SessionRef, Timeouts};
use tokio::sync::Mutex;

use crate::{Counted, SessionMetrics, Source};

/// A UI that takes longer to connect to is not reachable.
const CONNECT: Duration = Duration::from_secs(2);

/// Reads one session's numbers.
#[derive(Debug)]
pub(super) struct Meter {
    /// Of the UI, once it has answered with the session.
    address: OnceLock<String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    at: String,
    monitor: Option<Monitor>,
    account: Account,
}

impl Meter {
    /// Asks at `ui` (host and port) when it is read.
    pub(super) fn new((host, port): (String, u16), timeouts: Timeouts) -> Self {
        let endpoint = Endpoint {
            host,
            grpc_port: port,
            tls: None,
            metadata: Vec::new(),
            ui_port: Some(port),
            token: None,
            timeouts: Timeouts {
                connect: CONNECT,
                ..timeouts
            },
        };
        // Bytes read are right only on a server that is set up for that, which cannot be seen from here.
        let monitor = Monitor::new(&endpoint, MonitorOptions { count_reads: false });
        Self {
            address: OnceLock::new(),
            state: Mutex::new(State {
                at: format!("http://{}:{port}", endpoint.host),
                monitor: monitor.ok(),
                account: Account::default(),
            }),
        }
    }

    /// The UI's address, if it has answered.
    pub(super) fn reached(&self) -> Option<String> {
        self.address.get().cloned()
    }

    /// The numbers; none where the UI is not reachable, or is not that of a Spark server.
    pub(super) async fn read(&self, session: &SessionRef) -> SessionMetrics {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let Some(monitor) = &mut state.monitor else {
            return SessionMetrics::default();
        };
        match monitor.poll().await {
            Ok(snapshot) => {
                let key = SessionKey::from(session);
                // A host's port 4040 may be another server's: a session that it does not show is none of its.
                if snapshot.sessions().any(|shown| *shown == key) {
                    self.address.get_or_init(|| state.at.clone());
                    state.account = snapshot.account(&key, &state.account).account;
                }
                counted(&state.account.totals)
            }
            Err(error) => {
                tracing::debug!(%error, "the server's UI does not answer: it is not asked again");
                state.monitor = None;
                counted(&state.account.totals)
            }
        }
    }
}

fn counted(totals: &SessionTotals) -> SessionMetrics {
    let number = |number: Option<u64>| {
        Some(Counted {
            value: i64::try_from(number?).ok()?,
            source: Source::Server,
        })
    };
    SessionMetrics {
        queries_executed: number(totals.queries_executed),
        active_queries: number(totals.active_queries),
        failed_queries: number(totals.failed_queries),
        artifacts_uploaded: None,
        data_read_bytes: number(totals.data_read_bytes),
        data_written_bytes: number(totals.data_written_bytes),
        execution_time_ms: number(totals.execution_time_ms),
    }
}
