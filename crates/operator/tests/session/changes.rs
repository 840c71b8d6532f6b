//! What changes while a session lives: its settings, its Secret, whether its replica answers.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use sparkconnect_api::condition::{self, CONF_APPLIED, READY};
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{SessionStatus, SparkSession};
use sparkconnect_operator::session::identity;

use crate::making::state;
use crate::operator::Operator;
use crate::world::{World, eventually};

fn reason(status: &SessionStatus, type_: &str) -> String {
    condition::find(&status.conditions, type_)
        .map(|it| it.reason.clone())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_follow_the_spec() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world
        .session("nb", json!({"sparkConf": {"team.a": "1", "team.b": "1"}}))
        .await;
    let session = operator.settle("nb").await.unwrap();
    let (spark, reference) = (
        operator.spark(&replica),
        identity::observed_ref(&session).unwrap(),
    );
    let keys = ["team.a", "team.b", "team.c"].map(str::to_owned);

    let change = json!({"spec": {"sparkConf": {"team.a": null, "team.b": "2", "team.c": "2"}}});
    world.merge::<SparkSession>("nb", change).await;
    let status = operator.settle("nb").await.unwrap().status.unwrap();
    let two = || Some("2".to_owned());
    assert_eq!(
        spark.get_conf(&reference, &keys).await.unwrap(),
        [None, two(), two()]
    );
    assert_eq!(status.applied_conf, ["team.b", "team.c"]);
    assert_eq!(reason(&status, CONF_APPLIED), "Applied");

    let refused = json!({"spec": {"sparkConf": {"spark.executor.memory": "1g"}}});
    world.merge::<SparkSession>("nb", refused).await;
    let status = operator.settle("nb").await.unwrap().status.unwrap();
    assert_eq!(
        (reason(&status, CONF_APPLIED), reason(&status, READY)),
        ("ConfRejected".into(), "Created".into())
    );

    let mended = json!({"spec": {"sparkConf": {"spark.executor.memory": null, "team.b": null, "team.c": null}}});
    world.merge::<SparkSession>("nb", mended).await;
    let status = operator.settle("nb").await.unwrap().status.unwrap();
    assert_eq!(reason(&status, CONF_APPLIED), "Applied");
    assert_eq!(
        spark.get_conf(&reference, &keys).await.unwrap(),
        [None, None, None]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_deleted_or_changed_is_written_again() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    operator.settle("nb").await;
    let written = world.secret("nb").await.unwrap().data;
    world.delete::<Secret>("nb-connection").await;
    operator.settle("nb").await;
    assert_eq!(world.secret("nb").await.unwrap().data, written);
    world
        .merge::<Secret>(
            "nb-connection",
            json!({"stringData": {"host": "elsewhere"}}),
        )
        .await;
    operator.settle("nb").await;
    assert_eq!(world.secret("nb").await.unwrap().data, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_does_not_answer_loses_no_session() {
    let world = World::new(json!({"onServerLoss": "Recreate"})).await;
    let mut replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let before = operator.settle("nb").await.unwrap();
    let uid = replica.uid();
    let serves = |wanted: bool| {
        let (operator, uid) = (&operator, &uid);
        eventually(move || async move {
            operator.context.live.look(uid).await;
            let serves = operator
                .context
                .live
                .seen(uid)
                .is_some_and(|seen| seen.serves());
            if serves == wanted {
                Ok(())
            } else {
                Err(format!("serves: {serves}"))
            }
        })
    };
    drop(replica.wire.take());
    serves(false).await;
    let down = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&down),
        (Some(SessionPhase::Ready), "ReplicaUnreachable".to_owned())
    );
    replica.wire = Some(crate::world::plug(&replica.host).await);
    serves(true).await;
    let up = operator.settle("nb").await.unwrap();
    assert_eq!(
        state(&up),
        (Some(SessionPhase::Ready), "Created".to_owned())
    );
    let made = |session: SparkSession| session.status.unwrap().server_side_session_id;
    assert_eq!(made(up), made(before));
    assert_eq!(operator.context.placement.count(&uid), 1);
}
