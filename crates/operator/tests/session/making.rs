//! From nothing to a session that lives, and what keeps it from that.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use sparkconnect_api::SparkSession;
use sparkconnect_api::condition;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_operator::session::identity;
use sparkconnect_spark::{Artifact, Error, Existence};

use crate::operator::Operator;
use crate::recorder::is_write;
use crate::world::{Replica, World};

/// Phase, and reason of the condition Ready or Ended.
pub(crate) fn state(session: &SparkSession) -> (Option<SessionPhase>, String) {
    let status = session.status.clone().unwrap_or_default();
    let find = |type_| condition::find(&status.conditions, type_);
    let told = find(condition::ENDED).or_else(|| find(condition::READY));
    (
        status.phase,
        told.map(|told| told.reason.clone()).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_in_five_writes_and_then_rests() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.module("x = 1").await;
    let artifacts =
        json!([{"name": "pyfiles/a.py", "configMapKeyRef": {"name": "code", "key": "a.py"}}]);
    let spec =
        json!({"appName": "etl", "sparkConf": {"team.owner": "anna"}, "artifacts": artifacts});
    let new = world.session("nb", spec).await;
    operator.current("nb").await;

    operator.reconcile(new.clone()).await.expect("made");
    let calls = operator.recorder.take();
    let expected = [
        "GET sparksessions/nb",
        "PATCH sparksessions/nb",
        "PATCH sparksessions/nb/status",
        "GET configmaps/code",
        "GET secrets/nb-connection",
        "PATCH secrets/nb-connection",
        "PATCH sparksessions/nb/status",
        "POST events",
    ];
    assert_eq!(calls, expected);
    assert_eq!(calls.iter().filter(|call| is_write(call)).count(), 5);

    let made = operator.current("nb").await.expect("it is there");
    assert_eq!(
        state(&made),
        (Some(SessionPhase::Ready), "Created".to_owned())
    );
    operator.reconcile(made.clone()).await.expect("kept");
    assert_eq!(
        operator.recorder.take(),
        Vec::<String>::new(),
        "a steady state calls nobody"
    );
    operator
        .reconcile(new)
        .await
        .expect("a cache that is behind is no trouble");
    assert!(!operator.recorder.take().iter().any(|call| is_write(call)));

    lives_as_it_was_specified(&operator, &replica, &made).await;
}

/// On the replica, with the settings and the artifact.
async fn lives_as_it_was_specified(
    operator: &Operator<'_>,
    replica: &Replica,
    made: &SparkSession,
) {
    let (spark, reference) = (
        operator.spark(replica),
        identity::observed_ref(made).unwrap(),
    );
    assert!(matches!(
        spark.exists(&reference).await,
        Ok(Existence::Alive { .. })
    ));
    let keys = ["team.owner".to_owned(), "spark.app.name".to_owned()];
    let values = spark
        .get_conf(&reference, &keys)
        .await
        .expect("its settings");
    assert_eq!(values, [Some("anna".to_owned()), Some("etl".to_owned())]);
    let other = Artifact {
        name: "pyfiles/a.py".to_owned(),
        content: "x = 2".into(),
    };
    let there = spark.add_artifacts(&reference, &[other]).await;
    assert!(
        matches!(there, Err(Error::ArtifactExists { .. })),
        "{there:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_waits_for_a_replica_and_takes_the_emptiest() {
    let world = World::new(json!({})).await;
    let operator = Operator::start(&world, &[]).await;
    world.session("a", json!({})).await;
    world.session("b", json!({})).await;
    let waits = operator.settle("a").await.unwrap();
    assert_eq!(
        state(&waits),
        (Some(SessionPhase::Pending), "NoReplicaReady".to_owned())
    );
    assert_eq!(
        waits.metadata.finalizers, None,
        "nothing was made that a finalizer would guard"
    );
    let (first, second) = (world.replica(0).await, world.replica(1).await);
    operator.watch(&[&first, &second]).await;
    let mut homes = Vec::new();
    for name in ["a", "b"] {
        let made = operator.settle(name).await.unwrap();
        assert_eq!(state(&made).0, Some(SessionPhase::Ready));
        homes.extend(made.status.unwrap().server);
    }
    assert_eq!(homes, ["demo-0", "demo-1"]);
    assert_eq!(operator.context.placement.count(&first.uid()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_may_come_late() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let artifacts =
        json!([{"name": "pyfiles/a.py", "configMapKeyRef": {"name": "code", "key": "a.py"}}]);
    world.session("nb", json!({"artifacts": artifacts})).await;
    let waits = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&waits),
        (Some(SessionPhase::Pending), "ArtifactNotFound".to_owned())
    );
    let message = waits.status.unwrap().conditions[1].message.clone();
    assert!(message.contains("ConfigMap code"), "{message}");
    world.module("x = 1").await;
    let made = operator.settle("nb").await.unwrap();
    assert_eq!(state(&made).0, Some(SessionPhase::Ready));
    assert_eq!(
        made.status.unwrap().metrics.unwrap().artifacts_uploaded,
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_setting_waits_to_be_mended() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let bad = json!({"spark.sql.shuffle.partitions": "many"});
    world.session("nb", json!({"sparkConf": bad})).await;
    let waits = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&waits),
        (Some(SessionPhase::Pending), "ConfRejected".to_owned())
    );
    let good = json!({"spec": {"sparkConf": {"spark.sql.shuffle.partitions": "7"}}});
    world.merge::<SparkSession>("nb", good).await;
    let made = operator.settle("nb").await.unwrap();
    assert_eq!(state(&made).0, Some(SessionPhase::Ready));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_used_before_fails_and_leaves_nothing() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let id = uuid::Uuid::new_v4().to_string();
    let session = world.session("nb", json!({"sessionId": id})).await;
    let (spark, reference) = (
        operator.spark(&replica),
        identity::session_ref(&session).unwrap(),
    );
    spark
        .create(&reference, &[])
        .await
        .expect("made by somebody");
    spark.release(&reference).await.expect("and released");
    let failed = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&failed),
        (Some(SessionPhase::Failed), "SessionIdUsed".to_owned())
    );
    assert_eq!(failed.metadata.finalizers, None);
    assert!(world.secret("nb").await.is_none());
    assert_eq!(operator.context.placement.count(&replica.uid()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_cannot_have_the_same_id_of_the_same_user() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let spec = json!({"sessionId": uuid::Uuid::new_v4().to_string(), "user": "ada"});
    world.session("first", spec.clone()).await;
    operator.settle("first").await.unwrap();
    world.session("second", spec.clone()).await;
    let failed = operator.settle("second").await.unwrap();
    assert_eq!(
        state(&failed),
        (Some(SessionPhase::Failed), "SessionIdTaken".to_owned())
    );
    assert_eq!(failed.metadata.finalizers, None);
    let first = operator.settle("first").await.unwrap();
    assert_eq!(state(&first).0, Some(SessionPhase::Ready));
    let mut other = spec;
    other["user"] = json!("bob");
    world.session("third", other).await;
    let third = operator.settle("third").await.unwrap();
    assert_eq!(state(&third).0, Some(SessionPhase::Ready));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_secret_is_left_alone() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    let theirs = json!({"metadata": {"name": "nb-connection"}, "stringData": {"k": "v"}});
    let theirs: Secret = world.create(theirs).await;
    world.session("nb", json!({})).await;
    let waits = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&waits),
        (Some(SessionPhase::Pending), "SecretNameTaken".to_owned())
    );
    assert_eq!(world.secret("nb").await.unwrap().data, theirs.data);
    world.delete::<Secret>("nb-connection").await;
    assert_eq!(
        state(&operator.settle("nb").await.unwrap()).0,
        Some(SessionPhase::Ready)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_former_session_of_the_name_is_replaced() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    operator.settle("nb").await;
    world.delete::<SparkSession>("nb").await;
    assert!(operator.settle("nb").await.is_none());
    let former = world
        .secret("nb")
        .await
        .expect("nothing collects garbage here");
    let session = world.session("nb", json!({})).await;
    let made = operator.settle("nb").await.unwrap();
    assert_eq!(state(&made).0, Some(SessionPhase::Ready));
    let secret = world.secret("nb").await.unwrap();
    assert_ne!(secret.metadata.uid, former.metadata.uid);
    assert_eq!(
        secret.metadata.owner_references.unwrap()[0].uid,
        session.metadata.uid.unwrap()
    );
}
