//! Removal, as it is before the resource definitions go. What the tests play themselves is the garbage collector.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use sparkconnect_api::{SparkConnectServer, SparkSession};
use sparkconnect_operator::gateway::Keeper;
use sparkconnect_operator::gateway::keeper::TLS_SECRET;
use sparkconnect_operator::key;
use sparkconnect_operator::leader::Elector;
use sparkconnect_operator::remove;
use sparkconnect_operator::watch::Scope;
use tokio_util::sync::CancellationToken;

use crate::operator::Operator;
use crate::world::{SERVER, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_released_while_their_server_is_there_and_other_namespaces_stay() {
    let (world, other) = (World::new(json!({})).await, World::new(json!({})).await);
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("ada", json!({})).await;
    let made = operator.settle("ada").await.expect("it is there");
    assert_eq!(made.finalizers().len(), 1, "nothing would wait for it");
    let scopes = [Scope::Namespace(world.namespace.clone())];
    let collected = json!({"metadata": {"finalizers": []}});
    let play = async {
        eventually(|| async {
            let session: Option<SparkSession> = world.find("ada").await;
            let deleted = session.and_then(|session| session.metadata.deletion_timestamp);
            deleted.map(drop).ok_or("ada is not deleted".to_owned())
        })
        .await;
        let server: SparkConnectServer = world.find(SERVER).await.expect("it waits for ada");
        assert_eq!(server.metadata.deletion_timestamp, None, "before ada");
        let released = operator.settle("ada").await;
        let released = released.expect("the garbage collector comes last");
        assert_eq!(released.finalizers(), ["foregroundDeletion"]);
        world.merge::<SparkSession>("ada", collected.clone()).await;
        let server = eventually(|| async {
            let server: Option<SparkConnectServer> = world.find(SERVER).await;
            let deleted = server.filter(|server| server.metadata.deletion_timestamp.is_some());
            deleted.ok_or("the server is not deleted".to_owned())
        })
        .await;
        assert_eq!(server.finalizers(), ["foregroundDeletion"]);
        world.merge::<SparkConnectServer>(SERVER, collected).await;
    };
    let (removed, ()) = tokio::join!(remove::resources(&scopes, &world.client), play);
    removed.expect("all goes");
    assert!(world.find::<SparkConnectServer>(SERVER).await.is_none());
    let others = other.find::<SparkConnectServer>(SERVER).await;
    let others = others.expect("it is in another namespace");
    assert_eq!(others.metadata.deletion_timestamp, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_made_for_itself_goes_and_nothing_else() {
    let world = World::new(json!({})).await;
    let (client, namespace) = (&world.client, world.namespace.as_str());
    let made = key::load_or_create(client.clone(), namespace).await;
    made.expect("a key");
    let keeper = Keeper::new(client.clone(), namespace, "gateway.example");
    let kept = keeper.ensure(jiff::Timestamp::now()).await;
    kept.expect("a certificate");
    let mut elector = Elector::new(client.clone(), namespace, "test");
    assert!(elector.acquire(&CancellationToken::new()).await);
    let theirs = json!({"metadata": {"name": "theirs"}});
    world.create::<Secret>(theirs.clone()).await;
    world.create::<ConfigMap>(theirs).await;
    assert_eq!(secrets(&world).await.len(), 5, "the test knows them all");
    for _twice in 0..2 {
        let removed = remove::state(client.clone(), namespace).await;
        removed.expect("what is gone is no error");
        assert_eq!(secrets(&world).await, ["theirs"]);
    }
    let given = json!({"metadata": {"name": TLS_SECRET}});
    world.create::<Secret>(given).await;
    let removed = remove::state(client.clone(), namespace).await;
    removed.expect("a certificate of somebody else's is no error");
    assert_eq!(secrets(&world).await, [TLS_SECRET, "theirs"]);
    let leases = world.api::<Lease>().list(&ListParams::default()).await;
    assert!(leases.expect("an answer").items.is_empty());
    assert!(world.find::<ConfigMap>("theirs").await.is_some());
}

async fn secrets(world: &World) -> Vec<String> {
    let listed = world.api::<Secret>().list(&ListParams::default()).await;
    let listed = listed.expect("an answer").items;
    listed.iter().map(ResourceExt::name_any).collect()
}
