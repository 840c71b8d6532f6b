//! The accounting held against made-up histories of a server: however they are cut into polls, with the account written out
//! and read back between them, the totals are those of the history.

mod model;

use std::collections::HashMap;

use model::{Happening, execution, job, key, operation, servers};
use proptest::prelude::*;

use super::bytes::Bytes;
use super::history::{Connect, History, Raw};
use super::{Account, SessionTotals, wire};

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
        // That a number is missing shows when there is a newer one.
        let mut server = server;
        server.add_newest_job();
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
fn an_operation_that_was_never_closed_ends_with_its_session() {
    let happening = Happening {
        owner: 0,
        begun: 1_000,
        ended: 2_000,
        delay: 0,
        amount: 5,
        odd: false,
    };
    let account = |finish_timestamp: i64, before: &Account| {
        let open = wire::Operation {
            finish_timestamp: 0,
            close_timestamp: 0,
            ..operation((0, &happening, false))
        };
        let key = key(0);
        let session = wire::Session {
            session_id: key.session_id,
            user_id: key.user.clone(),
            finish_timestamp,
            total_execution: 1,
        };
        let connect = Connect {
            sessions: vec![session],
            operations: vec![open],
        };
        let raw = Raw {
            connect: Some(connect),
            ..empty("app-1")
        };
        let history = History::new(&raw, true);
        let running = history.activity(&key).running;
        assert_eq!(history.is_settled(&key), !running);
        (history.account(&key, before).account, running)
    };
    let (open, running) = account(0, &Account::default());
    assert!(running);
    assert_eq!(open.totals.active_queries, Some(1));
    assert_eq!(open.totals.queries_executed, Some(0));
    let (mut ended, mut running) = account(9_000, &open);
    for _ in 0..2 {
        assert!(!running);
        assert_eq!(ended.totals.active_queries, Some(0));
        assert_eq!(ended.totals.queries_executed, Some(1));
        (ended, running) = account(9_000, &ended);
    }
}

#[test]
fn before_4_3_a_session_has_settled_when_nothing_of_it_runs() {
    let happening = Happening {
        owner: 0,
        begun: 1,
        ended: 2,
        delay: 0,
        amount: 5,
        odd: false,
    };
    for ended in [false, true] {
        let raw = Raw {
            jobs: vec![job((0, &happening, ended))],
            ..empty("app-1")
        };
        assert_eq!(History::new(&raw, true).is_settled(&key(0)), ended);
    }
    assert!(History::new(&empty("app-1"), true).is_settled(&key(0)));
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
