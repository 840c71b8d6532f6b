//! Sessions of an installation that has a gateway, and of one that gets or loses it.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;
use sparkconnect_api::condition::{self, ACCESS_ENFORCED};
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{SessionStatus, SparkSession};
use sparkconnect_operator::gateway::Gateway;
use sparkconnect_spark::key::token_hash;

use crate::making::state;
use crate::operator::Operator;
use crate::world::World;

const ADDRESS: &str = "gateway.example.com:443";

fn gateway() -> Gateway {
    Gateway::new(ADDRESS.parse().expect("an address"))
}

/// The entries of the session's connection Secret, as text.
async fn entries(world: &World, session: &str) -> BTreeMap<String, String> {
    let secret: Secret = world.secret(session).await.expect("it is written");
    let text = |value: ByteString| String::from_utf8(value.0).expect("all of it is text");
    let data = secret.data.into_iter().flatten();
    data.map(|(key, value)| (key, text(value))).collect()
}

fn access(status: &SessionStatus) -> (&str, &str) {
    let access = condition::find(&status.conditions, ACCESS_ENFORCED).expect("it is said");
    (&access.status, &access.reason)
}

fn expected(operator: &Operator<'_>, session: &SparkSession) -> BTreeMap<String, String> {
    let uid = session.uid().expect("a created object has a UID");
    let token = operator.context.key.session_token(&uid);
    let token = token.expose();
    let user = format!("{}/nb", session.namespace().unwrap_or_default());
    let entries = [
        ("type", "spark-connect"),
        ("provider", "sparkconnect"),
        ("host", "gateway.example.com"),
        ("port", "443"),
        (
            "uri",
            &format!("sc://{ADDRESS}/;token={token};session_id={uid}"),
        ),
        ("token", token),
        ("sessionId", &uid),
        ("userId", &user),
    ];
    entries
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_reached_through_the_gateway_with_a_token_of_its_own() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let gateway = gateway();
    let operator = Operator::with_gateway(&world, &[&replica], &gateway).await;
    world.session("nb", json!({})).await;
    let made = operator.settle("nb").await.unwrap();
    assert_eq!(state(&made).0, Some(SessionPhase::Ready));
    let mut expected = expected(&operator, &made);
    assert_eq!(entries(&world, "nb").await, expected);
    let (uid, status) = (made.uid().unwrap(), made.status.unwrap());
    assert_eq!(access(&status), ("True", "Gateway"));
    let url = format!("sc://{ADDRESS}/;session_id={uid}");
    assert_eq!(status.url.as_deref(), Some(url.as_str()));
    let token = operator.context.key.session_token(&uid);
    assert_eq!(status.token_hash, Some(token_hash(&token)));

    gateway.authority.set(Some("PEM".to_owned()));
    operator.settle("nb").await;
    expected.insert("ca.crt".to_owned(), "PEM".to_owned());
    assert_eq!(entries(&world, "nb").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lives_follows_when_the_gateway_comes_and_goes() {
    let world = World::new(json!({})).await;
    let replica = world.replica(0).await;
    let operator = Operator::start(&world, &[&replica]).await;
    world.session("nb", json!({})).await;
    let first = operator.settle("nb").await.unwrap();
    let direct = entries(&world, "nb").await;
    assert_eq!(
        access(first.status.as_ref().unwrap()),
        ("False", "NoGateway")
    );
    drop(operator);

    let operator = Operator::with_gateway(&world, &[&replica], &gateway()).await;
    let session = operator.settle("nb").await.unwrap();
    assert_eq!(entries(&world, "nb").await, expected(&operator, &session));
    let status = session.status.unwrap();
    assert_eq!(access(&status), ("True", "Gateway"));
    assert!(status.token_hash.is_some());
    assert!(
        status
            .url
            .unwrap()
            .starts_with("sc://gateway.example.com:443/;")
    );
    drop(operator);

    let operator = Operator::start(&world, &[&replica]).await;
    let last = operator.settle("nb").await.unwrap().status.unwrap();
    let first = first.status.unwrap();
    assert_eq!(entries(&world, "nb").await, direct);
    assert_eq!(access(&last), ("False", "NoGateway"));
    assert_eq!((last.url, last.token_hash), (first.url, None));
    let made = |status: Option<String>| status.expect("it was made");
    let (before, after) = (first.server_side_session_id, last.server_side_session_id);
    assert_eq!(made(before), made(after), "the session itself goes on");
}
