//! The gateway's certificate in its Secret, made and kept with the rights that the operator is installed with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};
use sparkconnect_api::{address, labels};
use sparkconnect_operator::gateway::certificate::{Leaf, names};
use sparkconnect_operator::gateway::keeper::{CA_SECRET, CONTROL_SECRET, TLS_SECRET};
use sparkconnect_operator::gateway::{Authority, Keeper, KeeperError};

use crate::recorder::{Recorder, is_write};
use crate::world::{World, eventually, from};

const HOST: &str = "gateway.example.com";
const ACCOUNT: &str = "sparkconnect-operator";

/// A world in which the operator may do what `deploy/` lets it do in its own namespace.
async fn installed() -> World {
    let world = World::new(json!({})).await;
    let text = include_str!("../../../../deploy/cluster-wide/operator/own-namespace.yaml");
    let documents = serde_yaml::Deserializer::from_str(text);
    for mut document in documents.map(|it| Value::deserialize(it).expect("it is YAML")) {
        document["metadata"]["namespace"] = json!(world.namespace);
        if document["kind"] == json!("Role") {
            world.create::<Role>(document).await;
        } else {
            let mut binding: RoleBinding = from(document);
            for subject in binding.subjects.iter_mut().flatten() {
                subject.namespace = Some(world.namespace.clone());
            }
            let bindings: Api<RoleBinding> = world.api();
            let created = bindings.create(&PostParams::default(), &binding).await;
            created.expect("a binding");
        }
    }
    world
}

/// A keeper with the operator's rights, whose calls are recorded.
async fn keeper(world: &World, host: &str, recorder: &Recorder) -> Keeper {
    let client = recorder.client(world.as_account(ACCOUNT).await);
    Keeper::new(client, &world.namespace, host)
}

fn in_days(days: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(24 * days)
}

async fn tls(world: &World) -> Secret {
    world.find(TLS_SECRET).await.expect("it is there")
}

fn entry(secret: &Secret, name: &str) -> String {
    let data = secret.data.as_ref().expect("it has data");
    String::from_utf8(data[name].0.clone()).expect("it is text")
}

fn serves(world: &World, secret: &Secret, host: &str, now: Timestamp) -> bool {
    let leaf = Leaf::read(secret.data.as_ref().expect("it has data"));
    let names = names(host, &world.namespace);
    leaf.expect("it is complete").serves(&names, now)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_made_once_and_anew_when_it_must_be() {
    let world = installed().await;
    let recorder = Recorder::default();
    let keeper_ = keeper(&world, HOST, &recorder).await;
    let authority = keeper_.ensure(in_days(0)).await.expect("made");
    let first = tls(&world).await;
    assert_eq!(first.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(first.labels()[labels::MANAGED_BY], labels::MANAGER);
    assert!(serves(&world, &first, HOST, in_days(0)));
    assert_eq!(authority, Some(entry(&first, "ca.crt")));
    let ca: Secret = world.find(CA_SECRET).await.expect("it is there");
    assert_eq!(entry(&ca, "tls.crt"), entry(&first, "ca.crt"));
    assert_ne!(entry(&ca, "tls.key"), entry(&first, "tls.key"));
    let control: Secret = world.find(CONTROL_SECRET).await.expect("it is there");
    assert_eq!(entry(&ca, "tls.crt"), entry(&control, "ca.crt"));
    let leaf = Leaf::read(control.data.as_ref().unwrap()).expect("it is complete");
    assert!(leaf.serves(&[address::CONTROL_SERVER.to_owned()], in_days(0)));
    assert!(keeper_.credentials().config().is_some());

    recorder.take();
    assert_eq!(keeper_.ensure(in_days(200)).await.unwrap(), authority);
    let read =
        ["ca", "control", "tls"].map(|name| format!("GET secrets/sparkconnect-gateway-{name}"));
    assert_eq!(recorder.take(), read);

    assert_eq!(keeper_.ensure(in_days(250)).await.unwrap(), authority);
    let second = tls(&world).await;
    assert_ne!(entry(&first, "tls.crt"), entry(&second, "tls.crt"));
    assert!(serves(&world, &second, HOST, in_days(250)));

    let elsewhere = keeper(&world, "192.0.2.7", &recorder).await;
    assert_eq!(elsewhere.ensure(in_days(251)).await.unwrap(), authority);
    assert!(serves(
        &world,
        &tls(&world).await,
        "192.0.2.7",
        in_days(251)
    ));

    let years = in_days(365 * 9 + 10);
    let before: Secret = world.find(CONTROL_SECRET).await.expect("it is there");
    let next = elsewhere.ensure(years).await.unwrap();
    let control: Secret = world.find(CONTROL_SECRET).await.expect("it is there");
    assert_ne!(entry(&before, "ca.crt"), entry(&control, "ca.crt"));
    assert_ne!(
        next, authority,
        "the authority would not outlast a certificate"
    );
    assert!(serves(&world, &tls(&world).await, "192.0.2.7", years));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_was_spoilt_is_made_anew() {
    let world = installed().await;
    let keeper = keeper(&world, HOST, &Recorder::default()).await;
    let first = keeper.ensure(in_days(0)).await.unwrap();
    let spoilt = json!({"stringData": {"made": "2001-01-01"}});
    world.merge::<Secret>(CA_SECRET, spoilt).await;
    let second = keeper.ensure(in_days(0)).await.unwrap();
    assert_ne!(first, second);
    assert!(serves(&world, &tls(&world).await, HOST, in_days(0)));
    let control: Secret = world.find(CONTROL_SECRET).await.expect("it is there");
    assert_eq!(second, Some(entry(&control, "ca.crt")));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_secrets_are_left_alone() {
    let world = installed().await;
    let recorder = Recorder::default();
    let keeper = keeper(&world, HOST, &recorder).await;
    let theirs = json!({
        "metadata": {"name": CA_SECRET}, "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": "theirs", "tls.key": "theirs"},
    });
    let mut theirs = theirs;
    for name in [CA_SECRET, CONTROL_SECRET] {
        theirs["metadata"]["name"] = json!(name);
        world.create::<Secret>(theirs.clone()).await;
        let refused = keeper.ensure(in_days(0)).await.expect_err("refused");
        assert!(
            matches!(refused, KeeperError::Foreign { secret, .. } if secret == name),
            "{refused}"
        );
        world.delete::<Secret>(name).await;
    }

    theirs["metadata"]["name"] = json!(TLS_SECRET);
    world.create::<Secret>(theirs).await;
    assert_eq!(keeper.ensure(in_days(0)).await.unwrap(), None);
    let control = world.find::<Secret>(CONTROL_SECRET).await;
    assert!(
        control.is_some(),
        "operator and gateways know each other all the same"
    );
    recorder.take();
    let authority = json!({"stringData": {"ca.crt": "their authority"}});
    world.merge::<Secret>(TLS_SECRET, authority).await;
    let known = keeper.ensure(in_days(0)).await.unwrap();
    assert_eq!(known.as_deref(), Some("their authority"));
    assert!(!recorder.take().iter().any(|call| is_write(call)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_given_is_read_and_never_written() {
    const GIVEN: &str = "from-cert-manager";
    let world = World::new(json!({})).await;
    let recorder = Recorder::default();
    let keeper = Keeper::new(
        recorder.client(world.client.clone()),
        &world.namespace,
        HOST,
    )
    .with_certificate(Some(GIVEN.to_owned()));
    assert_eq!(keeper.ensure(in_days(0)).await.unwrap(), None);
    assert!(world.find::<Secret>(GIVEN).await.is_none());
    assert!(world.find::<Secret>(TLS_SECRET).await.is_none());
    let control = world.find::<Secret>(CONTROL_SECRET).await;
    assert!(
        control.is_some(),
        "operator and gateways know each other all the same"
    );
    // Whatever it is labelled with, and however long it lasts.
    let given = json!({
        "metadata": {"name": GIVEN, "labels": {labels::MANAGED_BY: labels::MANAGER}},
        "stringData": {"tls.crt": "theirs", "tls.key": "theirs", "ca.crt": "their authority"},
    });
    world.create::<Secret>(given).await;
    recorder.take();
    let known = keeper.ensure(in_days(0)).await.unwrap();
    assert_eq!(known.as_deref(), Some("their authority"));
    assert!(!recorder.take().iter().any(|call| is_write(call)));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_said() {
    let world = installed().await;
    let keeper = Keeper::new(world.as_account("nobody").await, &world.namespace, HOST);
    let error = keeper
        .ensure(in_days(0))
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("grant the operator get and update"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_follows_the_secret() {
    let world = installed().await;
    let (authority, changes) = (Authority::default(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&changes);
    let keeper = keeper(&world, HOST, &Recorder::default()).await;
    let kept = tokio::spawn(keeper.keep(authority.clone(), move || {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    let known = |wanted: Option<&str>| {
        let (authority, wanted) = (&authority, wanted.map(str::to_owned));
        eventually(move || {
            let (known, wanted) = (authority.certificate(), wanted.clone());
            async move {
                let right = wanted.as_ref().map_or(known.is_some(), |_| known == wanted);
                if right {
                    Ok(())
                } else {
                    Err(format!("{known:?}"))
                }
            }
        })
    };
    known(None).await;
    let own = authority.certificate();
    world.delete::<Secret>(TLS_SECRET).await;
    eventually(|| async {
        let there = world.find::<Secret>(TLS_SECRET).await.is_some();
        if there {
            Ok(())
        } else {
            Err("not made again".to_owned())
        }
    })
    .await;
    let theirs = json!({
        "metadata": {"labels": {labels::MANAGED_BY: null}},
        "stringData": {"ca.crt": "their authority"},
    });
    world.merge::<Secret>(TLS_SECRET, theirs).await;
    known(Some("their authority")).await;
    assert_ne!(authority.certificate(), own);
    // It is told of right after it is known.
    eventually(|| async {
        let told = changes.load(Ordering::Relaxed);
        if told >= 2 {
            Ok(())
        } else {
            Err(told.to_string())
        }
    })
    .await;
    assert_eq!(
        changes.load(Ordering::Relaxed),
        2,
        "the same one is no change"
    );
    kept.abort();
}
