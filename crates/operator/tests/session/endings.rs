//! Every way in which a session ends, and what is left of it.

use std::process::{Command, Stdio};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use sparkconnect_api::SparkSession;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_operator::session::identity;
use sparkconnect_spark::Existence;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::making::state;
use crate::operator::Operator;
use crate::recorder::is_write;
use crate::world::{PATIENCE, Replica, SPARK, World, eventually};

/// Nothing is left of an ended session but its resource.
async fn assert_over(
    world: &World,
    operator: &Operator<'_>,
    replica: &Replica,
    over: &SparkSession,
) {
    let status = over.status.clone().unwrap();
    assert!(status.end_time.is_some() && status.url.is_none() && status.binding.is_none());
    assert_eq!(over.metadata.finalizers, None);
    assert!(
        world.secret("nb").await.is_none(),
        "it holds the server's token"
    );
    assert_eq!(operator.context.placement.count(&replica.uid()), 0);
    operator.recorder.take();
    operator
        .reconcile(over.clone())
        .await
        .expect("nothing to do");
    assert_eq!(operator.recorder.take(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_releases_the_session_closes_it() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let session = operator.settle("nb").await.unwrap();
    let reference = identity::session_ref(&session).unwrap();
    operator
        .spark(&replica)
        .release(&reference)
        .await
        .expect("released");
    operator.context.live.look(&replica.uid()).await;
    let closed = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&closed),
        (Some(SessionPhase::Closed), "ReleasedByClient".to_owned())
    );
    assert_over(&world, &operator, &replica, &closed).await;
    let retention = json!({"spec": {"retention": "0s"}});
    world.merge::<SparkSession>("nb", retention).await;
    assert!(operator.settle("nb").await.is_none());
}

/// Writes to the folder that it is given and releases its session, once it is told to.
const WRITES_AND_GOES: &str = "import sys\n\
    from pyspark.sql import SparkSession\n\
    spark = SparkSession.builder.getOrCreate()\n\
    print('ready', flush=True)\n\
    sys.stdin.readline()\n\
    spark.range(100).selectExpr('cast(id as string)').write.text(sys.argv[1])\n\
    spark.stop()\n\
    print('gone', flush=True)\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_did_in_the_moment_of_its_end_is_counted() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let session = operator.settle("nb").await.unwrap();
    let reference = identity::session_ref(&session).unwrap();
    let folder = SPARK.folder().join(&world.namespace);
    let mut python = SPARK.python(&reference.user, &reference.session_id.to_string());
    python.args(["-c", WRITES_AND_GOES]).arg(&folder);
    let mut python = tokio::process::Command::from(python)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python starts");
    let mut told = BufReader::new(python.stdout.take().expect("a pipe")).lines();
    let mut line = async || {
        let line = tokio::time::timeout(PATIENCE, told.next_line()).await;
        line.expect("in time").expect("a line")
    };
    assert_eq!(line().await.as_deref(), Some("ready"));
    // It works and goes while the operator has looked at its work and not yet at whether it is there.
    let gate = replica
        .wire
        .as_ref()
        .expect("it is plugged in")
        .gate
        .clone();
    gate.hold().await;
    let mut input = python.stdin.take().expect("a pipe");
    input.write_all(b"go\n").await.expect("python listens");
    assert_eq!(line().await.as_deref(), Some("gone"));
    gate.open();
    let closed = until(&operator, SessionPhase::Closed).await;
    let written = std::fs::read_dir(&folder).expect("it was written");
    let written = written
        .map(|file| file.expect("a file"))
        .filter(|file| file.file_name().to_string_lossy().starts_with("part-"))
        .map(|file| file.metadata().expect("its size").len());
    let metrics = closed.status.unwrap().metrics.unwrap();
    let counted = metrics.data_written_bytes.map(i64::cast_unsigned);
    assert_eq!(counted, Some(written.sum()), "{metrics:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_releases_the_session() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let session = operator.settle("nb").await.unwrap();
    world.delete::<SparkSession>("nb").await;
    assert!(operator.settle("nb").await.is_none());
    let reference = identity::session_ref(&session).unwrap();
    let existence = operator.spark(&replica).exists(&reference).await;
    assert_eq!(existence.expect("an answer"), Existence::Closed);
    assert_eq!(operator.context.placement.count(&replica.uid()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_gone_takes_its_session_along() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    operator.settle("nb").await;
    world.delete::<Pod>("demo-0").await;
    operator.forget_pod("demo-0").await;
    let lost = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&lost),
        (Some(SessionPhase::Lost), "ServerLost".to_owned())
    );
    assert_over(&world, &operator, &replica, &lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_made_anew_on_another_replica() {
    let world = World::new(json!({"onServerLoss": "Recreate"})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    operator.settle("nb").await;
    let other = world.replica(1).await;
    world.delete::<Pod>("demo-0").await;
    operator.watch(&[&other]).await;
    operator.forget_pod("demo-0").await;
    let again = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&again),
        (Some(SessionPhase::Ready), "Created".to_owned())
    );
    let status = again.status.unwrap();
    assert_eq!(status.server.as_deref(), Some("demo-1"));
    assert!(status.url.unwrap().starts_with("sc://demo-1."));
    let host = &world.secret("nb").await.unwrap().data.unwrap()["host"];
    assert!(host.0.starts_with(b"demo-1."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_rewinds_loses_no_session() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let session = operator.settle("nb").await.unwrap();
    // Of another operator, whose cache has not seen the pod: nothing is lost on its word.
    let blind = World {
        client: world.client.clone(),
        namespace: "default".to_owned(),
        server: world.server.clone(),
    };
    let blind = Operator::start(&blind, &[]).await;
    blind.reconcile(session).await.expect("kept");
    let kept = world.find::<SparkSession>("nb").await.unwrap();
    assert_eq!(state(&kept).0, Some(SessionPhase::Ready));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_rests_on_an_old_read_is_refused() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    // Of a former leader, say, that sees no replica and has not heard what became of the session.
    let former = Operator::start(&world, &[]).await;
    let old = world.session("nb", json!({})).await;
    operator.settle("nb").await;
    former
        .reconcile(old)
        .await
        .expect("a refusal is no failure");
    let calls = former.recorder.take();
    assert_eq!(
        calls,
        ["PATCH sparksessions/nb/status"],
        "it tried to tell that it waits"
    );
    let kept = world.find::<SparkSession>("nb").await.unwrap();
    assert_eq!(
        state(&kept),
        (Some(SessionPhase::Ready), "Created".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_not_given_up_on_an_old_read() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let old = world.session("nb", json!({})).await;
    operator.settle("nb").await;
    // It knows the session's place, and sees no replica: on what it read it would have the session wait, and the pod might go.
    let later = Operator::start(&world, &[]).await;
    later.reconcile(old).await.expect("kept");
    assert!(!later.recorder.take().iter().any(|call| is_write(call)));
    assert_eq!(later.context.placement.count(&replica.uid()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn age_ends_a_session() {
    let world = World::new(json!({"ttl": "1s"})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let expired = until(&operator, SessionPhase::Expired).await;
    assert_eq!(state(&expired).1, "TtlPassed");
    let reference = identity::session_ref(&expired).unwrap();
    let existence = operator.spark(&replica).exists(&reference).await;
    assert_eq!(existence.expect("an answer"), Existence::Closed);
    assert_over(&world, &operator, &replica, &expired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idleness_ends_a_session_but_never_one_that_works() {
    let world = World::new(json!({"idleTimeout": "1s"})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let session = world.session("nb", json!({"idleTimeout": "1h"})).await;
    operator.settle("nb").await;
    let reference = identity::session_ref(&session).unwrap();
    let mut python = SPARK.python(&reference.user, &reference.session_id.to_string());
    let mut client = long_query(&mut python).spawn().expect("python starts");
    working(&operator, &replica).await;
    client.kill().expect("the client is ours");
    client.wait().expect("it has ended"); // its query goes on
    let idle_timeout = json!({"spec": {"idleTimeout": "1s"}});
    world.merge::<SparkSession>("nb", idle_timeout).await;
    let started = Timestamp::now();
    while Timestamp::now().duration_since(started).as_secs() < 3 {
        let kept = operator.settle("nb").await.unwrap();
        let seen = operator
            .context
            .live
            .session(&replica.uid(), "nb")
            .expect("it is watched");
        assert!(seen.running, "the query has not ended yet");
        assert_eq!(state(&kept).0, Some(SessionPhase::Ready));
        operator.context.live.look(&replica.uid()).await;
    }
    let expired = until(&operator, SessionPhase::Expired).await;
    assert_eq!(state(&expired).1, "Idle");
    let seen = expired.status.clone().unwrap().metrics.unwrap();
    assert!(seen.execution_time_ms.is_some_and(|ms| ms > 0), "{seen:?}");
    assert_over(&world, &operator, &replica, &expired).await;
}

/// A query of 15 seconds.
fn long_query(python: &mut Command) -> &mut Command {
    let program = "from pyspark.sql import SparkSession\n\
        spark = SparkSession.builder.getOrCreate()\n\
        sleep = \"java_method('java.lang.Thread', 'sleep', 15000L)\"\n\
        spark.range(1).selectExpr(sleep).collect()\n";
    python
        .args(["-c", program])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// Waits until the session's query runs.
async fn working(operator: &Operator<'_>, replica: &Replica) {
    eventually(|| async {
        operator.context.live.look(&replica.uid()).await;
        let seen = operator.context.live.session(&replica.uid(), "nb");
        if seen.as_ref().is_some_and(|seen| seen.running) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await;
}

/// Reconciles until the session is in `phase`, as its timers would.
async fn until(operator: &Operator<'_>, phase: SessionPhase) -> SparkSession {
    eventually(|| async {
        let session = operator.settle("nb").await.expect("it is there");
        if state(&session).0 == Some(phase) {
            Ok(session)
        } else {
            Err(format!("{:?}", state(&session)))
        }
    })
    .await
}
