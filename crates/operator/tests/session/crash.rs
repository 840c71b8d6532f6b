//! The process dies before or after any of its calls, and the next one ends where the first would have ended.

use serde_json::{Value, json};
use sparkconnect_api::SparkSession;
use sparkconnect_operator::session::{Error, identity};
use sparkconnect_spark::Existence;

use crate::operator::Operator;
use crate::recorder::{Cut, Recorder};
use crate::world::{Replica, World, eventually};

/// One part of a session's life: what begins it, once the session lives.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Make,
    Close,
    Expire,
    Delete,
}

#[tokio::test(flavor = "multi_thread")]
async fn making_may_be_cut_off_anywhere() {
    everywhere(Stage::Make, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_may_be_cut_off_anywhere() {
    everywhere(Stage::Close, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expiring_may_be_cut_off_anywhere() {
    everywhere(Stage::Expire, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_may_be_cut_off_anywhere() {
    everywhere(Stage::Delete, 2).await;
}

/// Runs the stage whole, which takes at least `least` calls, and then once for each call and each side of it.
async fn everywhere(stage: Stage, least: usize) {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    world.module("x = 1").await;
    let (expected, calls) = run(&world, &replica, stage, None).await;
    assert!(calls >= least, "{stage:?} took {calls} calls only");
    let lives = matches!(stage, Stage::Make);
    assert_eq!(expected["alive"], lives, "{stage:?}");
    assert_eq!(expected["secret"].is_object(), lives, "{stage:?}");
    for number in 0..calls {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let (found, _) = run(&world, &replica, stage, Some(cut)).await;
            assert_eq!(found, expected, "{stage:?} {cut:?}");
        }
    }
}

/// What a stage ends in, and how many calls its first process made.
async fn run(world: &World, replica: &Replica, stage: Stage, cut: Option<Cut>) -> (Value, usize) {
    let name = format!("s{}", uuid::Uuid::new_v4().simple());
    let session = begin(world, replica, stage, &name).await;
    let recorder = cut.map_or_else(Recorder::default, Recorder::cut);
    let first = Operator::recorded(world, &[replica], recorder).await;
    let result = work(&first, replica, &name, stage).await;
    assert!(cut.is_some() || result.is_ok(), "{result:?}");
    let calls = first.recorder.count();
    drop(first);
    let next = Operator::start(world, &[replica]).await;
    work(&next, replica, &name, stage)
        .await
        .expect("nothing is in the way of the next process");
    let end = fingerprint(world, &next, replica, &session).await;
    world.delete_if_there(&name).await;
    next.settle(&name).await;
    (end, calls)
}

/// Brings a session to the beginning of the stage.
async fn begin(world: &World, replica: &Replica, stage: Stage, name: &str) -> SparkSession {
    let artifacts =
        json!([{"name": "pyfiles/a.py", "configMapKeyRef": {"name": "code", "key": "a.py"}}]);
    let spec = json!({"user": "anna", "sparkConf": {"team.a": "1"}, "artifacts": artifacts});
    let session = world.session(name, spec).await;
    if let Stage::Make = stage {
        return session;
    }
    let operator = Operator::start(world, &[replica]).await;
    operator.settle(name).await;
    match stage {
        Stage::Make => {}
        Stage::Close => {
            let reference = identity::session_ref(&session).unwrap();
            operator
                .spark(replica)
                .release(&reference)
                .await
                .expect("released");
        }
        Stage::Expire => {
            world
                .merge::<SparkSession>(name, json!({"spec": {"ttl": "1s"}}))
                .await;
        }
        Stage::Delete => world.delete::<SparkSession>(name).await,
    }
    session
}

/// What a process does until nothing is left to do.
async fn work(
    operator: &Operator<'_>,
    replica: &Replica,
    name: &str,
    stage: Stage,
) -> Result<(), Error> {
    if let Stage::Expire = stage {
        eventually(|| async { aged(operator, name).await }).await;
    }
    operator.try_settle(name).await?;
    operator.context.live.look(&replica.uid()).await; // what a tracked session is, is known from here on
    operator.try_settle(name).await.map(drop)
}

/// Whether the session's ttl has passed.
async fn aged(operator: &Operator<'_>, name: &str) -> Result<(), String> {
    let session = operator.current(name).await.ok_or("it is gone")?;
    let start = session
        .status
        .and_then(|status| status.start_time)
        .ok_or("it never lived")?;
    let age = jiff::Timestamp::now().duration_since(start.0);
    if age.as_secs() >= 2 {
        Ok(())
    } else {
        Err(format!("it is {age} old"))
    }
}

/// The status without what differs from one run to another.
fn timeless(session: &SparkSession) -> Value {
    let mut status = json!(session.status);
    let Some(fields) = status.as_object_mut() else {
        return status;
    };
    fields.retain(|key, _| {
        !key.ends_with("Time") && key != "serverSideSessionId" && key != "metricsCursor"
    });
    let conditions = fields.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let condition = condition.as_object_mut().unwrap();
        condition.remove("lastTransitionTime");
    }
    status
}

/// Everything that outlives the process: the session, its Secret, and what its replica says. Without times and names.
async fn fingerprint(
    world: &World,
    operator: &Operator<'_>,
    replica: &Replica,
    session: &SparkSession,
) -> Value {
    let name = session.metadata.name.clone().unwrap();
    let uid = session.metadata.uid.clone().unwrap();
    let reference = identity::session_ref(session).unwrap();
    let existence = operator
        .spark(replica)
        .exists(&reference)
        .await
        .expect("an answer");
    let conf = ["team.a".to_owned()];
    let conf = operator
        .spark(replica)
        .get_conf(&reference, &conf)
        .await
        .ok();
    let found = world.find::<SparkSession>(&name).await;
    let status = found.as_ref().map(timeless).unwrap_or_default();
    let deleted = found.is_none();
    let secret = world
        .secret(&name)
        .await
        .filter(|_| !deleted)
        .and_then(|secret| secret.data);
    let end = json!({
        "finalizers": found.and_then(|found| found.metadata.finalizers),
        "status": status,
        "secret": secret.map(|data| data.into_iter().map(|(k, v)| (k, String::from_utf8(v.0).unwrap())).collect::<std::collections::BTreeMap<_, _>>()),
        "alive": matches!(existence, Existence::Alive { .. }),
        "conf": conf,
        "placed": operator.context.placement.count(&replica.uid()),
    });
    let token = operator
        .context
        .key
        .server_token(&world.server.metadata.uid.clone().unwrap());
    let text = end
        .to_string()
        .replace(&name, "NAME")
        .replace(&uid, "UID")
        .replace(token.expose(), "TOKEN");
    serde_json::from_str(&text).unwrap()
}
