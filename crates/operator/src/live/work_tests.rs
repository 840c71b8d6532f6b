use std::collections::HashMap;

use jiff::Timestamp;

use super::super::tally::Told;
use super::*;

/// Every gateway's queries, failures and artifacts, and how many plans they follow.
fn heard(counted: &[(&str, u64, u64, u64)], running: u64) -> Option<Heard> {
    let told = |&(instance, queries, failed, artifacts): &(&str, u64, u64, u64)| {
        let told = Told {
            queries,
            failed,
            artifacts,
        };
        (instance.to_owned(), told)
    };
    Some(Heard {
        counted: counted.iter().map(told).collect(),
        running,
        last_activity: Timestamp::from_second(100).ok(),
        complete: true,
    })
}

/// A session on a server that tells of queries, or does not.
fn on(tells: bool, work: Work) -> Work {
    let activity = Some(Activity::default());
    Work {
        spark: Some(Shown { tells, activity }),
        ..work
    }
}

fn shown(work: &Work) -> SessionSeen {
    let mut seen = SessionSeen::default();
    work.show(&mut seen, true);
    seen
}

fn numbers(work: &Work) -> [Option<i64>; 4] {
    let metrics = shown(work).metrics;
    [
        metrics.queries_executed,
        metrics.failed_queries,
        metrics.artifacts_uploaded,
        metrics.active_queries,
    ]
}

/// As the next operator goes on with what the status has kept.
fn restarted(work: &Work, tells: bool) -> Work {
    let resumed = Work::resumed(&shown(work).metrics, work.cursor().as_deref());
    on(tells, resumed)
}

#[test]
fn what_spark_does_not_tell_is_what_gateways_saw() {
    let mut work = on(false, Work::default());
    assert_eq!(numbers(&work), [None; 4], "nobody has said anything");
    work.hear(None);
    assert_eq!(numbers(&work), [None; 4]);
    work.hear(heard(&[], 0));
    assert_eq!(numbers(&work), [Some(0); 4]);
    work.hear(heard(&[("a", 5, 1, 2), ("b", 1, 0, 0)], 2));
    assert_eq!(numbers(&work), [Some(6), Some(1), Some(2), Some(2)]);
    work.hear(None);
    assert_eq!(numbers(&work), [Some(6), Some(1), Some(2), Some(2)]);
}

#[test]
fn an_operator_that_is_restarted_counts_nothing_twice_and_loses_nothing() {
    let mut work = on(false, Work::default());
    work.hear(heard(&[("a", 5, 1, 2), ("b", 1, 0, 0)], 0));
    let mut work = restarted(&work, false);
    assert_eq!(numbers(&work)[..3], [Some(6), Some(1), Some(2)]);
    work.hear(heard(&[("a", 5, 1, 2), ("b", 3, 0, 1)], 0));
    assert_eq!(numbers(&work)[..3], [Some(8), Some(1), Some(3)]);
    let mut work = restarted(&work, false);
    work.hear(heard(&[("b", 3, 0, 1), ("a-anew", 2, 2, 0)], 0));
    assert_eq!(numbers(&work)[..3], [Some(10), Some(3), Some(3)]);
}

#[test]
fn what_spark_tells_stays_the_truth() {
    let mut work = on(true, Work::default());
    work.account.totals.queries_executed = Some(4);
    work.account.totals.failed_queries = Some(0);
    work.account.totals.active_queries = Some(0);
    work.hear(heard(&[("a", 5, 1, 2)], 1));
    assert_eq!(numbers(&work), [Some(4), Some(0), Some(2), Some(0)]);
    assert!(shown(&work).running, "it is at work all the same");
    let mut work = restarted(&work, false);
    work.hear(heard(&[("a", 6, 1, 2)], 0));
    assert_eq!(numbers(&work)[0], Some(5), "made anew on an older server");
}

#[test]
fn activity_is_the_latest_of_both_and_seen_only_where_both_are() {
    let mut work = on(false, Work::default());
    assert!(!shown(&work).observed, "no gateway has said anything");
    work.hear(heard(&[], 1));
    let seen = shown(&work);
    assert!(seen.observed && seen.running);
    assert_eq!(seen.last_activity, Timestamp::from_second(100).ok());
    work.hear(heard(&[], 0).map(|heard| Heard {
        complete: false,
        ..heard
    }));
    let seen = shown(&work);
    assert!(!seen.observed && !seen.running);
    work.hear(heard(&[], 0));
    assert!(shown(&work).observed);
    work.look_away();
    assert!(!shown(&work).observed, "Spark was not seen");
    let mut without = SessionSeen::default();
    on(false, Work::default()).show(&mut without, false);
    assert!(without.observed, "no gateway is needed where there is none");
}

#[test]
fn a_cursor_of_before_gateways_is_read_and_one_without_sense_begins_anew() {
    let metrics = SessionMetrics {
        data_read_bytes: Some(7),
        ..SessionMetrics::default()
    };
    let old = serde_json::to_string(&Cursor::default()).unwrap();
    assert_eq!(
        Work::resumed(&metrics, Some(&old))
            .metrics()
            .data_read_bytes,
        Some(7)
    );
    let fields: HashMap<String, serde_json::Value> =
        serde_json::from_str(&Work::default().cursor().unwrap()).unwrap();
    assert!(!fields.contains_key("gateways"), "{fields:?}");
    for nonsense in [None, Some("{}"), Some("soon")] {
        assert_eq!(
            Work::resumed(&metrics, nonsense).metrics(),
            SessionMetrics::default()
        );
    }
}
