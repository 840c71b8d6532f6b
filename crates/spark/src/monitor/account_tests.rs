//! The accounting held against made-up histories of a server: however they are cut into polls, with the account written out
//! and read back between them, the totals are those of the history.

use std::collections::HashMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::bytes::Bytes;
use super::cursor::SLACK;
use super::history::{Connect, History, Raw};
use super::{Account, SessionKey, SessionTotals, wire};

/// Something that happened from `begun` to `ended` in one of two sessions, or in none (2).
#[derive(Clone, Debug)]
struct Happening {
    owner: usize,
    begun: i64,
    ended: i64,
    /// How much later than it happened Spark shows it.
    delay: i64,
    amount: u64,
    odd: bool,
}

#[derive(Clone, Debug)]
struct Server {
    jobs: Vec<Happening>,
    executions: Vec<Happening>,
    operations: Vec<Happening>,
    /// How many ended ones of a kind Spark goes on showing.
    retained: usize,
}

fn key(owner: usize) -> SessionKey {
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

fn servers(retained: usize) -> impl Strategy<Value = Server> {
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
    fn end(&self) -> i64 {
        let all = self
            .jobs
            .iter()
            .chain(&self.executions)
            .chain(&self.operations);
        all.map(|it| it.ended + it.delay).max().unwrap_or(0) + 1
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

    fn raw(&self, now: i64, connect: bool) -> Raw {
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

    fn truth(&self, owner: usize, connect: bool) -> SessionTotals {
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
    fn polled(&self, owner: usize, connect: bool, times: &[i64]) -> (Account, u64) {
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

fn job((number, it, ended): (u64, &Happening, bool)) -> wire::Job {
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

fn execution((number, it, ended): (u64, &Happening, bool)) -> wire::Execution {
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

fn operation((number, it, ended): (u64, &Happening, bool)) -> wire::Operation {
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

fn polls() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(1_000..20_000_i64, 0..12).prop_map(|mut times| {
        times.sort_unstable();
        times
    })
}

proptest! {
    #[test]
    fn polls_and_restarts_change_no_total(
        server in servers(usize::MAX), times in polls(), connect: bool,
    ) {
        for owner in 0..2 {
            let (account, missed) = server.polled(owner, connect, &times);
            prop_assert_eq!(&account.totals, &server.truth(owner, connect));
            prop_assert_eq!(missed, 0);
        }
    }

    #[test]
    fn what_spark_forgets_is_reported_or_counted(
        server in servers(15), later in polls(), connect: bool,
    ) {
        let times: Vec<i64> = std::iter::once(1_000).chain(later).collect();
        for owner in 0..2 {
            let (account, missed) = server.polled(owner, connect, &times);
            let truth = server.truth(owner, connect);
            if missed == 0 {
                prop_assert_eq!(&account.totals, &truth);
            }
            // Spark's own count of operations outlives them.
            prop_assert_eq!(account.totals.queries_executed, truth.queries_executed);
            prop_assert!(account.totals.data_read_bytes <= truth.data_read_bytes);
        }
    }

    #[test]
    fn the_same_step_twice_gives_the_same(server in servers(usize::MAX), now in 1_000..20_000_i64) {
        let history = History::new(&server.raw(now, true), true);
        let first = history.account(&key(0), &Account::default());
        prop_assert_eq!(&history.account(&key(0), &Account::default()), &first);
        let second = history.account(&key(0), &first.account);
        prop_assert_eq!(second.account, first.account);
    }
}

fn empty(application_id: &str) -> Raw {
    Raw {
        application_id: application_id.to_owned(),
        ..Raw::default()
    }
}

#[test]
fn another_application_counts_on_from_the_totals() {
    let happening = Happening {
        owner: 0,
        begun: 1,
        ended: 2,
        delay: 0,
        amount: 5,
        odd: false,
    };
    let raw = |application: &str| Raw {
        jobs: vec![job((0, &happening, true))],
        bytes: HashMap::from([(
            0,
            Some(Bytes {
                read: 5,
                written: 1,
            }),
        )]),
        ..empty(application)
    };
    let first = History::new(&raw("app-1"), true).account(&key(0), &Account::default());
    let again = History::new(&raw("app-1"), true).account(&key(0), &first.account);
    let other = History::new(&raw("app-2"), true).account(&key(0), &again.account);
    assert_eq!(again.account.totals.data_read_bytes, Some(5));
    assert_eq!(other.account.totals.data_read_bytes, Some(10));
}

#[test]
fn what_a_version_does_not_tell_is_absent() {
    let before = History::new(&empty("app-1"), false).account(&key(0), &Account::default());
    let totals = before.account.totals;
    let told = SessionTotals {
        active_queries: Some(0),
        data_written_bytes: Some(0),
        execution_time_ms: Some(0),
        ..SessionTotals::default()
    };
    assert_eq!(totals, told);
    let connect = Raw {
        connect: Some(Connect::default()),
        ..empty("app-1")
    };
    let since = History::new(&connect, true).account(&key(0), &Account::default());
    let told = SessionTotals {
        queries_executed: Some(0),
        failed_queries: Some(0),
        data_read_bytes: Some(0),
        ..told
    };
    assert_eq!(since.account.totals, told);
}

#[test]
fn a_job_whose_stages_spark_forgot_is_missed() {
    let happening = Happening {
        owner: 0,
        begun: 1,
        ended: 2,
        delay: 0,
        amount: 5,
        odd: false,
    };
    let raw = Raw {
        jobs: vec![job((0, &happening, true))],
        bytes: HashMap::from([(0, None)]),
        ..empty("app-1")
    };
    let step = History::new(&raw, true).account(&key(0), &Account::default());
    assert_eq!(step.missed, 1);
}

#[test]
fn before_4_2_the_time_of_an_execution_inside_another_counts_once() {
    let outer = Happening {
        owner: 0,
        begun: 10,
        ended: 100,
        delay: 0,
        amount: 90,
        odd: false,
    };
    let inner = Happening {
        begun: 20,
        ended: 30,
        amount: 10,
        ..outer.clone()
    };
    let beside = Happening {
        begun: 90,
        ended: 120,
        amount: 30,
        ..outer.clone()
    };
    let execution = |number, it| wire::Execution {
        root_execution_id: None,
        ..execution((number, it, true))
    };
    let raw = Raw {
        executions: vec![
            execution(0, &outer),
            execution(1, &inner),
            execution(2, &beside),
        ],
        ..empty("app-1")
    };
    let step = History::new(&raw, true).account(&key(0), &Account::default());
    assert_eq!(step.account.totals.execution_time_ms, Some(120));
}

#[test]
fn an_account_at_rest_is_small() {
    let step =
        History::new(&empty("app-20261123151235-0001"), true).account(&key(0), &Account::default());
    let written = serde_json::to_string(&step.account).expect("it can be written");
    assert!(written.len() < 200, "{} bytes: {written}", written.len());
}
