//! What stays when the product goes: with the resource definitions kept, users' resources and all that they need to go on; without them,
//! nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sparkconnect_e2e::{Environment, Namespace, server_local, session};
use sparkconnect_testkit::helm::chart;
use sparkconnect_testkit::install::NAMESPACE;

use crate::release::{Release, Restored};
use crate::work::Work;

/// What stays of the product itself when its definitions do.
const STATE: [&str; 7] = [
    "CustomResourceDefinition sparkconnectservers.sparkconnect.dev",
    "CustomResourceDefinition sparksessions.sparkconnect.dev",
    "Lease sparkconnect-operator",
    "Secret sparkconnect-gateway-ca",
    "Secret sparkconnect-gateway-control",
    "Secret sparkconnect-gateway-tls",
    "Secret sparkconnect-installation-key",
];

#[test]
fn without_the_product_a_query_ends_well_and_with_it_again_the_session_goes_on() {
    let mut namespace = Namespace::alone("uninstall");
    let folder = namespace.volume("data");
    let _restored = Restored(&namespace);
    let environment = namespace.environment();
    let release = Release::of(environment);
    let before = release.seen();
    let mut work = Work::begin(&namespace, folder);
    release.uninstall();
    let left = namespace.until("only the state to stay", || {
        let left = left(environment);
        if left.len() > STATE.len() {
            Err(format!("{left:?}"))
        } else {
            Ok(left)
        }
    });
    assert_eq!(left, STATE.map(str::to_owned).into());
    release.become_chart(&chart(), &environment.images, &[]);
    assert!(release.seen() == before, "it is another installation");
    work.goes_on("uninstalling and installing again");
    work.end();
    work.answers();
}

#[test]
fn helm_takes_over_from_kubectl_and_uninstalling_with_the_definitions_leaves_nothing() {
    let namespace = Namespace::alone("nothing-left");
    let _restored = Restored(&namespace);
    let environment = namespace.environment();
    let release = Release::of(environment);
    release.uninstall();
    release.become_manifests();
    namespace.apply(&server_local("pool", &json!({})));
    namespace.apply(&session("ada", "pool", &json!({})));
    let mut shell = namespace.shell("ada");
    shell.run("spark.range(5).createOrReplaceTempView('kept')");
    let (before, driver) = (release.seen(), namespace.drivers("pool"));
    let values = [
        "--take-ownership",
        "--force-conflicts",
        "--set=crds.keep=false",
    ];
    release.become_chart(&chart(), &environment.images, &values);
    assert!(release.seen() == before, "it is another installation");
    assert_eq!(shell.run("spark.table('kept').count()"), 5);
    assert_eq!(uids(&namespace.drivers("pool")), uids(&driver));
    release.uninstall();
    namespace.until("nothing to be left", || {
        let left = left(environment);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
    assert!(
        namespace.everything().iter().all(is_the_clusters),
        "the server left something in its namespace"
    );
}

fn uids(pods: &[Value]) -> Vec<&Value> {
    pods.iter().map(|pod| &pod["metadata"]["uid"]).collect()
}

/// Every object of the cluster that has to do with the product, but for users' own namespaces and events, as in `Secret theirs`.
fn left(environment: &Environment) -> BTreeSet<String> {
    let run = |args: &[&str]| {
        environment
            .kubectl
            .run(args)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let kinds = |namespaced: &str| {
        run(&["api-resources", namespaced, "--verbs=list", "-o=name"])
            .lines()
            .collect::<Vec<_>>()
            .join(",")
    };
    let cluster = run(&["get", &kinds("--namespaced=false"), "-o=json"]);
    let own = run(&[
        "-n",
        NAMESPACE,
        "get",
        &kinds("--namespaced=true"),
        "-o=json",
    ]);
    [cluster, own]
        .iter()
        .flat_map(|text| objects(text))
        .filter(is_ours)
        .map(|object| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!(
                "{} {}",
                text(&object["kind"]),
                text(&object["metadata"]["name"])
            )
        })
        .collect()
}

fn objects(text: &str) -> Vec<Value> {
    let mut list: Value = serde_json::from_str(text).expect("kubectl writes JSON");
    list["items"]
        .as_array_mut()
        .map(std::mem::take)
        .unwrap_or_default()
}

/// Whether an object has a name of the product's, or is labelled as part of it. Its namespace is left by Helm, and the kinds' APIService is
/// Kubernetes' own; the local cluster calls itself `sparkconnect` too.
fn is_ours(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let labels = &metadata["labels"];
    let kind = object["kind"].as_str().unwrap_or_default();
    let named = name.starts_with("sparkconnect-")
        || name.ends_with("sparkconnect.dev")
        || name.starts_with("sh.helm.release.v1.sparkconnect.");
    let labelled = labels["app.kubernetes.io/part-of"] == "sparkconnect"
        || labels["app.kubernetes.io/managed-by"] == "sparkconnect";
    !["Namespace", "Event", "APIService"].contains(&kind) && (named || labelled)
}

/// What Kubernetes puts into every namespace.
fn is_the_clusters(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    object["kind"] == "Event" || ["default", "kube-root-ca.crt"].contains(&name)
}
