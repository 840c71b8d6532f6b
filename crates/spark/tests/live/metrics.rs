//! The monitor's totals against what a PySpark program is known to do.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Instant;

use sparkconnect_spark::SessionRef;
use sparkconnect_spark::monitor::{
    Account, Monitor, MonitorOptions, SessionKey, SessionTotals, Snapshot,
};
use sparkconnect_testkit::spark::{Options, SparkServer as Fixture};

use crate::{client, endpoint, eventually, fresh, on_every_version, program};

on_every_version!(
    the_server_describes_itself,
    totals_are_what_the_program_did_across_a_hand_over,
    a_running_query_is_active_and_a_cancelled_one_has_not_failed,
    polling_is_nobodys_activity,
);

/// The operations of `known_work.py`.
const OPERATIONS: u64 = 7;

fn monitor(fixture: &Fixture) -> Monitor {
    Monitor::new(&endpoint(fixture), MonitorOptions { count_reads: true }).expect("a monitor")
}

fn key(session: &SessionRef) -> SessionKey {
    SessionKey::new(session.user.clone(), session.session_id)
}

fn tells_operations(fixture: &Fixture) -> bool {
    fixture.home().version() == "4.3.0"
}

async fn poll(monitor: &mut Monitor) -> Snapshot {
    monitor.poll().await.expect("an answer")
}

async fn the_server_describes_itself(fixture: &Fixture) {
    let snapshot = poll(&mut monitor(fixture)).await;
    assert_eq!(snapshot.spark_version, fixture.home().version());
    assert!(
        snapshot.application_id.starts_with("local-"),
        "{snapshot:?}"
    );
    assert_eq!(
        snapshot.executors, 0,
        "local mode has none beside the driver"
    );
    assert!(snapshot.started_at < jiff::Timestamp::now(), "{snapshot:?}");
}

/// Reads one line of a program's output.
fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    line
}

fn started(mut command: std::process::Command) -> (Child, BufReader<ChildStdout>) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("PySpark starts");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    (child, output)
}

/// Bytes in the data files of a folder that Spark wrote.
fn written(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let files = entries.map(|entry| entry.expect("an entry"));
    let data = files.filter(|file| file.file_name().to_string_lossy().starts_with("part-"));
    data.map(|file| file.metadata().expect("its size").len())
        .sum()
}

/// Polls until the account satisfies `complete`.
async fn account_until(
    monitor: &mut Monitor,
    session: &SessionRef,
    from: &Account,
    complete: impl Fn(&SessionTotals) -> bool,
) -> Account {
    eventually(async || {
        let step = poll(monitor).await.account(&key(session), from);
        assert_eq!(step.missed, 0);
        match complete(&step.account.totals) {
            true => Ok(step.account),
            false => Err(format!("{:?}", step.account)),
        }
    })
    .await
}

async fn totals_are_what_the_program_did_across_a_hand_over(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let folder = fixture.folder().join(session.session_id.to_string());
    std::fs::create_dir(&folder).expect("a folder");
    let input = "some words in a line\n".repeat(2000);
    std::fs::write(folder.join("input.txt"), &input).expect("an input");

    let mut command = program(fixture, &session, "known_work.py");
    command.arg(&folder);
    let began = Instant::now();
    let (mut child, mut output) = started(command);
    assert_eq!(line(&mut output), "middle\n");
    let half = written(&folder.join("output"));
    let mut first = monitor(fixture);
    let account = account_until(&mut first, &session, &Account::default(), |totals| {
        totals.data_written_bytes == Some(half)
            && totals.data_read_bytes == Some(input.len() as u64)
    })
    .await;

    let stored = serde_json::to_string(&account).expect("it can be written");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(b"go on\n")
        .expect("told");
    assert!(child.wait().expect("an end").success());
    let took = u64::try_from(began.elapsed().as_millis()).expect("a short time");
    let all = written(&folder.join("output"));

    let account: Account = serde_json::from_str(&stored).expect("it can be read");
    let complete = |totals: &SessionTotals| {
        totals.data_written_bytes == Some(all)
            && totals
                .queries_executed
                .is_none_or(|executed| executed == OPERATIONS)
    };
    let handed_over = account_until(&mut monitor(fixture), &session, &account, complete).await;
    let uninterrupted = account_until(&mut first, &session, &account, complete).await;
    let at_once = account_until(
        &mut monitor(fixture),
        &session,
        &Account::default(),
        complete,
    )
    .await;
    assert_eq!(handed_over, uninterrupted);
    assert_eq!(handed_over.totals, at_once.totals);
    check(
        fixture,
        &handed_over.totals,
        (input.len() as u64, half, all),
        took,
    );
}

/// Everything that the version tells, and nothing else.
fn check(fixture: &Fixture, totals: &SessionTotals, (text, half, all): (u64, u64, u64), took: u64) {
    let told = tells_operations(fixture);
    assert_eq!(totals.queries_executed, told.then_some(OPERATIONS));
    assert_eq!(totals.failed_queries, told.then_some(1));
    assert_eq!(totals.active_queries, Some(0));
    assert_eq!(totals.data_written_bytes, Some(all));
    // Counting rows of Parquet reads the footers of the first half's files, more than once, and no data.
    let read = totals.data_read_bytes.expect("bytes read");
    assert!(
        read > text && read < text + 3 * half,
        "{read} of {text} and {half}"
    );
    let time = totals.execution_time_ms.expect("a time");
    assert!(time > 0 && time <= took, "{time} of {took} ms");
}

async fn a_running_query_is_active_and_a_cancelled_one_has_not_failed(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let (mut child, mut output) = started(program(fixture, &session, "long_query.py"));
    assert_eq!(line(&mut output), "running\n");
    let mut monitor = monitor(fixture);
    let running = account_until(&mut monitor, &session, &Account::default(), |totals| {
        totals.active_queries == Some(1)
    })
    .await;
    assert!(poll(&mut monitor).await.activity(&key(&session)).running);
    server.interrupt_all(&session).await.expect("interrupted");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "interrupted\n");
    assert!(child.wait().expect("an end").success());
    // PySpark releases an interrupted operation in the background and may end before: Spark keeps it open for minutes then.
    server.release(&session).await.expect("released");
    let ended = account_until(&mut monitor, &session, &running, |totals| {
        totals.active_queries == Some(0) && totals.queries_executed.is_none_or(|all| all >= 1)
    })
    .await;
    assert_eq!(
        ended.totals.failed_queries,
        tells_operations(fixture).then_some(0)
    );
    assert!(!poll(&mut monitor).await.activity(&key(&session)).running);
}

async fn polling_is_nobodys_activity(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let mut monitor = monitor(fixture);
    assert_eq!(poll(&mut monitor).await.activity(&key(&session)).last, None);
    let command = &mut program(fixture, &session, "two_queries.py");
    sparkconnect_testkit::command::output(command).expect("PySpark ends well");
    let after = jiff::Timestamp::now();
    let last = eventually(async || {
        let activity = poll(&mut monitor).await.activity(&key(&session));
        match activity.last {
            Some(last) if !activity.running => Ok(last),
            _ => Err(format!("{activity:?}")),
        }
    })
    .await;
    assert!(last <= after, "{last} after {after}");
    for _ in 0..3 {
        let activity = poll(&mut monitor).await.activity(&key(&session));
        assert_eq!((activity.last, activity.running), (Some(last), false));
    }
    server.release(&session).await.expect("released");
}

/// A server that remembers little, asked once before a burst of queries and once after.
#[tokio::test(flavor = "multi_thread")]
async fn what_spark_forgot_is_reported() {
    const QUERIES: u64 = 40;
    let little = [
        "spark.ui.retainedJobs",
        "spark.ui.retainedStages",
        "spark.sql.connect.ui.retainedStatements",
    ];
    let conf = little.map(|key| (key.to_owned(), "10".to_owned())).into();
    let options = Options {
        conf,
        ..Options::default()
    };
    let fixture = Fixture::start("4.3.0", options).expect("a Spark Connect server");
    let (server, session) = (client(&fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let mut monitor = monitor(&fixture);
    let before = poll(&mut monitor)
        .await
        .account(&key(&session), &Account::default());
    assert_eq!(before.missed, 0);

    let mut command = program(&fixture, &session, "many_queries.py");
    command.arg(QUERIES.to_string());
    sparkconnect_testkit::command::output(&mut command).expect("PySpark ends well");
    let after = eventually(async || {
        let step = poll(&mut monitor)
            .await
            .account(&key(&session), &before.account);
        match step.account.totals.queries_executed {
            Some(QUERIES) => Ok(step),
            _ => Err(format!("{step:?}")),
        }
    })
    .await;
    assert!(after.missed > 0, "{after:?}");
    let again = poll(&mut monitor)
        .await
        .account(&key(&session), &after.account);
    assert_eq!((again.missed, again.account), (0, after.account));
}
