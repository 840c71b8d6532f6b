//! Every folder of `examples/` that has a page, on the cluster: the page's commands are run, in their order, and what they print is compared with what the
//! page says. Needs root.

mod page;

use page::Example;
use serde_json::{Value, json};
use sparkconnect_e2e::{Remote, Shell};

/// Version of every server of the examples.
const SPARK: &str = "4.3.0";

#[test]
fn minimal() {
    Example::new("minimal").follow().end();
}

#[test]
fn local() {
    Example::new("local").follow().end();
}

#[test]
fn autoscaling() {
    Example::new("autoscaling").follow().end();
}

#[test]
fn artifacts() {
    let example = Example::new("artifacts").follow();
    let executors = ["logs", "-l", "spark-role=executor", "--tail=-1"];
    let log = example.ns.kubectl(&executors);
    assert!(
        log.contains("Running task"),
        "the function ran in an executor: {log}"
    );
    example.end();
}

#[test]
fn notebook() {
    let example = Example::new("notebook").follow();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let made = |object: &str| {
        let found = example.ns.get(object).expect("it is there");
        (text(&found["metadata"]["creationTimestamp"]), found)
    };
    let (pod_made, pod) = made("pod/notebook");
    let (secret_made, _) = made("secret/grace-connection");
    let started = text(&pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]);
    // RFC 3339 in UTC, so in the order of the letters.
    assert!(
        pod_made < secret_made && secret_made <= started,
        "the pod was there first and waited: {pod_made}, {secret_made}, {started}"
    );
    example.end();
}

#[test]
fn streaming() {
    let mut example = Example::new("streaming");
    example.ns.storage("data");
    example.follow().end();
}

#[test]
fn team() {
    let example = Example::new("team").follow();
    // The page asks RBAC who may connect; here the gateway does, of the program that may and of one that may not.
    example.ns.apply(
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "stranger"}}),
    );
    let count = "spark.range(7).count()";
    assert_eq!(connected(&example, "nightly").run(count), 7);
    let refused = connected(&example, "stranger").raises(count);
    assert!(
        refused.contains("`connect` on sparkconnectservers"),
        "{refused}"
    );
    example.end();
}

/// PySpark with the token of a ServiceAccount, at the team's server.
fn connected(example: &Example, account: &str) -> Shell {
    let token = ["create", "token", account, "--audience=sparkconnect"];
    let token = example.ns.kubectl(&token);
    let gateway = example.ns.remote("report");
    let (address, _) = gateway.uri.split_once("/;").expect("a URL with parameters");
    let server = format!("shared.{}", example.ns.name);
    let uri = format!("{address}/;token={token};x-sparkconnect-server={server}");
    Shell::start(SPARK, &Remote { uri, ..gateway })
}

#[test]
fn every_page_is_followed() {
    let mut untold = page::folders();
    let told = include_str!("main.rs");
    untold.retain(|name| !told.contains(&format!("Example::new(\"{name}\")")));
    assert_eq!(untold, Vec::<String>::new(), "examples without a test here");
}
