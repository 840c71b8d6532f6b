//! A made-up server: what happened on it, what it shows of that at any moment, and what the totals are.

use proptest::prelude::*;
use uuid::Uuid;

use crate::monitor::bytes::Bytes;
use crate::monitor::cursor::SLACK;
use crate::monitor::history::{Connect, History, Raw};
use crate::monitor::{Account, SessionKey, SessionTotals, wire};

/// Something that happened from `begun` to `ended` in one of two sessions, or in none (2).
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) owner: usize,
    pub(super) begun: i64,
    pub(super) ended: i64,
    /// How much later than it happened Spark shows it.
    pub(super) delay: i64,
    pub(super) amount: u64,
    pub(super) odd: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    jobs: Vec<Happening>,
    executions: Vec<Happening>,
    operations: Vec<Happening>,
    /// How many ended ones of a kind Spark goes on showing.
    retained: usize,
}

pub(super) fn key(owner: usize) -> SessionKey {
    SessionKey::new("an_na/Session_", Uuid::from_u128(owner as u128 + 1))
}

/// In the order in which they begin.
fn happenings(most: usize, longest_delay: i64) -> impl Strategy<Value = Vec<Happening>> {
    let one = (
        0..3_usize,
        0..300_i64,
        0..4_000_i64,
        0..=longest_delay,
        0..1_000_u64,
        any::<bool>(),
    );
    prop::collection::vec(one, 0..most).prop_map(|raw| {
        let mut now = 1_000;
        raw.into_iter()
            .map(|(owner, gap, length, delay, amount, odd)| {
                now += gap;
                Happening {
                    owner,
                    begun: now,
                    ended: now + length,
                    delay,
                    amount,
                    odd,
                }
            })
            .collect()
    })
}

pub(super) fn servers(retained: usize) -> impl Strategy<Value = Server> {
    let delay = SLACK / 2;
    (
        happenings(60, 0),
        happenings(40, 200),
        happenings(60, delay),
    )
        .prop_map(move |(jobs, executions, operations)| Server {
            jobs,
            executions,
            operations,
            retained,
        })
}

impl Server {
    pub(super) fn end(&self) -> i64 {
        let all = self
            .jobs
            .iter()
            .chain(&self.executions)
            .chain(&self.operations);
        all.map(|it| it.ended + it.delay).max().unwrap_or(0) + 1
    }

    /// A job of nobody, after everything else.
    pub(super) fn add_newest_job(&mut self) {
        let begun = self.end();
        let ended = begun + 1;
        self.jobs.push(Happening {
            owner: 2,
            begun,
            ended,
            delay: 0,
            amount: 0,
            odd: false,
        });
    }

    /// What Spark shows of `all` at `now`: the number, the happening and whether it shows as ended.
    fn shown<'a>(&self, all: &'a [Happening], now: i64) -> Vec<(u64, &'a Happening, bool)> {
        let mut shown: Vec<_> = (0..)
            .zip(all)
            .filter(|(_, it)| it.begun + it.delay <= now)
            .map(|(number, it)| (number, it, it.ended + it.delay <= now))
            .collect();
        let mut ended: Vec<_> = shown
            .iter()
            .filter(|it| it.2)
            .map(|it| (it.1.ended, it.0))
            .collect();
        ended.sort_unstable();
        let forgotten = ended.len().saturating_sub(self.retained);
        let forgotten: Vec<u64> = ended[..forgotten].iter().map(|it| it.1).collect();
        shown.retain(|it| !forgotten.contains(&it.0));
        shown
    }

    pub(super) fn raw(&self, now: i64, connect: bool) -> Raw {
        let jobs = self.shown(&self.jobs, now);
        let bytes = jobs.iter().filter(|it| it.2).map(|&(number, it, _)| {
            (
                number,
                Some(Bytes {
                    read: it.amount,
                    written: it.amount * 3,
                }),
            )
        });
        let (executions, connect) = match connect {
            true => (Vec::new(), Some(self.connect(now))),
            // Spark shows more than those whose numbers may show late.
            false => (
                Server {
                    retained: usize::MAX,
                    ..self.clone()
                }
                .executions(now),
                None,
            ),
        };
        Raw {
            application_id: "app-1".to_owned(),
            bytes: bytes.collect(),
            jobs: jobs.into_iter().map(job).collect(),
            executions,
            connect,
        }
    }

    fn executions(&self, now: i64) -> Vec<wire::Execution> {
        self.shown(&self.executions, now)
            .into_iter()
            .map(execution)
            .collect()
    }

    fn connect(&self, now: i64) -> Connect {
        let shown = self.shown(&self.operations, now);
        let sessions = (0..2).map(|owner| {
            let begun = self
                .operations
                .iter()
                .filter(|it| it.begun + it.delay <= now);
            let total_execution = begun.filter(|it| it.owner == owner).count() as u64;
            let key = key(owner);
            let (session_id, user_id) = (key.session_id, key.user);
            wire::Session {
                session_id,
                user_id,
                finish_timestamp: 0,
                total_execution,
            }
        });
        Connect {
            sessions: sessions.collect(),
            operations: shown.into_iter().map(operation).collect(),
        }
    }

    pub(super) fn truth(&self, owner: usize, connect: bool) -> SessionTotals {
        let sum = |all: &[Happening], of: fn(&Happening) -> u64| {
            Some(all.iter().filter(|it| it.owner == owner).map(of).sum())
        };
        let shared = SessionTotals {
            data_read_bytes: sum(&self.jobs, |it| it.amount),
            data_written_bytes: sum(&self.jobs, |it| it.amount * 3),
            active_queries: Some(0),
            ..SessionTotals::default()
        };
        if !connect {
            let execution_time_ms = sum(&self.executions, |it| it.amount);
            return SessionTotals {
                execution_time_ms,
                ..shared
            };
        }
        SessionTotals {
            queries_executed: sum(&self.operations, |_| 1),
            failed_queries: sum(&self.operations, |it| u64::from(it.odd)),
            execution_time_ms: sum(&self.operations, |it| it.amount),
            ..shared
        }
    }

    /// The account after polls at `times` and one at the end, and what was reported missed.
    pub(super) fn polled(&self, owner: usize, connect: bool, times: &[i64]) -> (Account, u64) {
        let mut account = Account::default();
        let mut missed = 0;
        for &now in times.iter().chain(&[self.end()]) {
            let written = serde_json::to_string(&account).expect("it can be written");
            let read = serde_json::from_str(&written).expect("it can be read");
            let step = History::new(&self.raw(now, connect), true).account(&key(owner), &read);
            account = step.account;
            missed += step.missed;
        }
        (account, missed)
    }
}

pub(super) fn job((number, it, ended): (u64, &Happening, bool)) -> wire::Job {
    let key = key(it.owner);
    let tag = format!(
        "SparkConnect_OperationTag_User_{}_Session_{}_Operation_{}",
        key.user,
        key.session_id,
        Uuid::from_u128(number.into())
    );
    wire::Job {
        job_id: number,
        submission_time: Some(it.begun),
        completion_time: ended.then_some(it.ended),
        stage_ids: vec![number],
        job_tags: if it.owner < 2 { vec![tag] } else { Vec::new() },
        status: if ended { "SUCCEEDED" } else { "RUNNING" }.to_owned(),
    }
}

pub(super) fn execution((number, it, ended): (u64, &Happening, bool)) -> wire::Execution {
    let session = key(it.owner).session_id;
    wire::Execution {
        id: number,
        status: if ended { "COMPLETED" } else { "RUNNING" }.to_owned(),
        description: match it.owner {
            0 | 1 => format!("Spark Connect - session_id: \"{session}\"\nuser_con..."),
            _ => "somebody else's".to_owned(),
        },
        submission_time: Some(it.begun),
        duration: if ended { it.amount } else { 1 },
        running_job_ids: Vec::new(),
        success_job_ids: Vec::new(),
        failed_job_ids: Vec::new(),
        root_execution_id: i64::try_from(number).ok(),
    }
}

pub(super) fn operation((number, it, ended): (u64, &Happening, bool)) -> wire::Operation {
    let key = key(it.owner);
    wire::Operation {
        operation_id: Uuid::from_u128(u128::from(number) << 90),
        session_id: key.session_id,
        user_id: key.user,
        start_timestamp: it.begun,
        finish_timestamp: if ended { it.ended } else { 0 },
        close_timestamp: if ended { it.ended } else { 0 },
        execution_time: if ended { it.amount } else { 1 },
        detail: if ended && it.odd {
            "failed".to_owned()
        } else {
            String::new()
        },
    }
}
