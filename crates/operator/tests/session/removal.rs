//! Removal, as it is before the resource definitions go. What the tests play themselves is the garbage collector.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
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
use crate::world::{Kind, SERVER, World, eventually};

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
        is_deleted::<SparkSession>(&world, "ada").await;
        let server: SparkConnectServer = world.find(SERVER).await.expect("it waits for ada");
        assert_eq!(server.metadata.deletion_timestamp, None, "before ada");
        // As a gateway makes it for a client that comes back.
        world.session("late", json!({})).await;
        let released = operator.settle("ada").await;
        let released = released.expect("the garbage collector comes last");
        assert_eq!(released.finalizers(), ["foregroundDeletion"]);
        world.merge::<SparkSession>("ada", collected.clone()).await;
        let server = is_deleted::<SparkConnectServer>(&world, SERVER).await;
        assert_eq!(server.finalizers(), ["foregroundDeletion"]);
        let late = world.find::<SparkSession>("late").await;
        assert!(late.is_some(), "nobody waits for it");
        world
            .merge::<SparkConnectServer>(SERVER, collected.clone())
            .await;
        is_deleted::<SparkSession>(&world, "late").await;
        operator.settle("late").await;
        world.merge::<SparkSession>("late", collected).await;
    };
    let (removed, ()) = tokio::join!(remove::resources(&scopes, &world.client), play);
    removed.expect("all goes");
    assert!(world.find::<SparkConnectServer>(SERVER).await.is_none());
    let others = other.find::<SparkConnectServer>(SERVER).await;
    let others = others.expect("it is in another namespace");
    assert_eq!(others.metadata.deletion_timestamp, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_cannot_be_read_keeps_no_other() {
    let (closed, open) = (World::new(json!({})).await, World::new(json!({})).await);
    let group = "rbac.authorization.k8s.io";
    let rule =
        json!({"apiGroups": ["sparkconnect.dev"], "resources": ["*"], "verbs": ["list", "delete"]});
    let role = json!({"metadata": {"name": "remover"}, "rules": [rule]});
    open.create::<Role>(role).await;
    let subject = json!({"kind": "ServiceAccount", "name": "remover", "namespace": open.namespace});
    let binding = json!({"metadata": {"name": "remover"}, "subjects": [subject],
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "remover"}});
    open.create::<RoleBinding>(binding).await;
    let scopes = [&closed, &open].map(|world| Scope::Namespace(world.namespace.clone()));
    let client = open.as_account("remover").await;
    let play = async {
        is_deleted::<SparkConnectServer>(&open, SERVER).await;
        let collected = json!({"metadata": {"finalizers": []}});
        open.merge::<SparkConnectServer>(SERVER, collected).await;
    };
    let (removed, ()) = tokio::join!(remove::resources(&scopes, &client), play);
    let told = removed.expect_err("it is not all gone").to_string();
    assert!(
        told.contains("forbidden") && told.contains(&closed.namespace),
        "{told}"
    );
    assert!(open.find::<SparkConnectServer>(SERVER).await.is_none());
}

/// The object, once somebody has deleted it.
async fn is_deleted<K: Kind>(world: &World, name: &str) -> K {
    eventually(|| async {
        let object: Option<K> = world.find(name).await;
        let deleted = object.filter(|it| it.meta().deletion_timestamp.is_some());
        deleted.ok_or(format!("{name} is not deleted"))
    })
    .await
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
