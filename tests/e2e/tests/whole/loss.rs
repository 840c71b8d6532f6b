//! Replicas that are lost: what becomes of their sessions, and of the executors that they leave behind.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Shell, Signal, server_with_executors, session, signal};

const SERVER: &str = "sparkconnectserver/fragile";

#[test]
fn a_lost_replica_is_replaced_and_its_sessions_do_as_they_were_told() {
    let namespace = Namespace::new("loss");
    namespace.apply(&server_with_executors("fragile", &json!({})));
    namespace.apply(&session(
        "stays",
        "fragile",
        &json!({"onServerLoss": "Recreate"}),
    ));
    a_driver_that_crashes(&namespace);
    a_driver_pod_that_is_deleted(&namespace);
}

/// The container restarts in the same pod; the executors of its former life stay behind and belong to nobody.
fn a_driver_that_crashes(namespace: &Namespace) {
    namespace.apply(&session("fails", "fragile", &json!({})));
    namespace.until_ready("sparksession/fails");
    let before = namespace.until_ready("sparksession/stays");
    works(&mut namespace.shell("stays"));
    let old = application(namespace);
    assert_eq!(executors_of(namespace, &old).len(), 1);

    let cluster = &namespace.environment().cluster;
    let entries = [
        "POD_NAME=fragile-0",
        "SPARK_CONF_DIR=/etc/sparkconnect/no-conf-dir",
    ];
    signal(cluster, "java", &entries, Signal::KILL);
    let why = namespace.until_condition("sparksession/fails", "Ended", "True", "ServerLost");
    assert!(why.contains("fragile-0"), "{why}");
    namespace.until_event("sparksession/fails", "ServerLost");
    let lost = namespace
        .get("sparksession/fails")
        .expect("its resource stays");
    assert_eq!(lost["status"]["phase"], "Lost");
    made_anew(namespace, &before);
    namespace.until("the executors of the former application to be gone", || {
        let left = executors_of(namespace, &old);
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join(", "))
        }
    });
    assert_ne!(application(namespace), old);
}

/// The pod is another one.
fn a_driver_pod_that_is_deleted(namespace: &Namespace) {
    let before = namespace.until_ready("sparksession/stays");
    namespace.kubectl(&["delete", "pod", "fragile-0", "--force", "--grace-period=0"]);
    let now = made_anew(namespace, &before);
    assert_ne!(now["status"]["replicaUid"], before["status"]["replicaUid"]);
}

/// Waits until the session is another one on the server, and uses it.
fn made_anew(namespace: &Namespace, before: &Value) -> Value {
    let is_new = |found: &Value| {
        let (now, then) = (&found["status"], &before["status"]);
        now["phase"] == "Ready" && now["serverSideSessionId"] != then["serverSideSessionId"]
    };
    let now = namespace.until_object("sparksession/stays", "made anew", is_new);
    assert_eq!(now["status"]["sessionId"], before["status"]["sessionId"]);
    works(&mut namespace.shell("stays"));
    now
}

/// A query that needs an executor.
fn works(shell: &mut Shell) {
    assert_eq!(
        shell.run("spark.range(0, 100, 1, 2).selectExpr('sum(id)').first()[0]"),
        4950
    );
}

fn application(namespace: &Namespace) -> String {
    let is_known = |found: &Value| found["status"]["servers"][0]["applicationId"].is_string();
    let found = namespace.until_object(SERVER, "an application", is_known);
    found["status"]["servers"][0]["applicationId"]
        .as_str()
        .expect("as was waited for")
        .to_owned()
}

fn executors_of(namespace: &Namespace, application: &str) -> Vec<String> {
    let pods = namespace.executors("fragile").into_iter();
    let own = pods.filter(|pod| pod["metadata"]["labels"]["spark-app-selector"] == application);
    own.map(|pod| {
        pod["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    })
    .collect()
}
