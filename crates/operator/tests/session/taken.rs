//! Names that somebody else's objects have.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::ResourceExt;
use serde_json::json;
use sparkconnect_api::SparkConnectServer;

use crate::program::program;
use crate::world::{SERVER, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_left_alone_and_named() {
    let world = World::new(json!({})).await;
    let account: ServiceAccount = world.create(json!({"metadata": {"name": SERVER}})).await;
    let _program = program(&world, &[&world])
        .arg("--health-address=127.0.0.1:0")
        .spawn()
        .expect("the program");
    eventually(|| async {
        let server = world.find::<SparkConnectServer>(SERVER).await;
        let status = server.and_then(|server| server.status);
        let conditions = status.map(|it| it.conditions).unwrap_or_default();
        let told = |message: &str| message.contains("ServiceAccount demo is there already");
        if conditions
            .iter()
            .any(|it| it.type_ == "Degraded" && told(&it.message))
        {
            Ok(())
        } else {
            Err(format!("{conditions:?}"))
        }
    })
    .await;
    let left: ServiceAccount = world.find(SERVER).await.expect("it stays");
    assert_eq!(left.resource_version(), account.resource_version());
    assert!(world.find::<StatefulSet>(SERVER).await.is_none());
    world.delete::<ServiceAccount>(SERVER).await;
    eventually(|| async {
        let made = world.find::<StatefulSet>(SERVER).await.is_some();
        made.then_some(()).ok_or_else(|| "no pods".to_owned())
    })
    .await;
}
