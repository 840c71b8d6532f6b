//! Changes of a server that has sessions: inputs, size, suspension.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Shell, server_local, session};

const SERVER: &str = "sparkconnectserver/pool";

#[test]
fn changes_wait_for_sessions() {
    let namespace = Namespace::new("rollout");
    namespace.data("Secret", "login", &json!({"PASSWORD": "first"}));
    let inject = json!({"secrets": [{"name": "login", "as": "Env"}]});
    namespace.apply(&server_local("pool", &json!({"inject": inject})));
    a_rotated_secret_reaches_the_server_when_its_sessions_have_ended(&namespace);
    a_pool_grows_and_shrinks_around_its_sessions(&namespace);
    a_suspended_server_comes_back(&namespace);
}

/// The password as a function in a worker of the server sees it.
fn password(shell: &mut Shell) -> Value {
    shell.run(
        "
from pyspark.sql.functions import udf
@udf('string')
def password():
    import os
    return os.environ['PASSWORD']
spark.range(1).select(password()).first()[0]
",
    )
}

fn uid(pod: &Value) -> Value {
    pod["metadata"]["uid"].clone()
}

fn a_rotated_secret_reaches_the_server_when_its_sessions_have_ended(namespace: &Namespace) {
    namespace.apply(&session("old", "pool", &json!({})));
    let mut old = namespace.shell("old");
    assert_eq!(password(&mut old), "first");
    let before = namespace.drivers("pool");
    namespace.data("Secret", "login", &json!({"PASSWORD": "second"}));
    let why = namespace.until_condition(SERVER, "Progressing", "True", "Draining");
    assert!(why.contains("1 sessions in the way"), "{why}");
    namespace.apply(&session("new", "pool", &json!({})));
    namespace.until_condition("sparksession/new", "Assigned", "False", "NoReplicaReady");
    assert_eq!(password(&mut old), "first", "its session is not disturbed");
    assert_eq!(uid(&namespace.drivers("pool")[0]), uid(&before[0]));

    namespace.delete("sparksession/old");
    let mut new = namespace.shell("new");
    assert_eq!(password(&mut new), "second");
    assert_ne!(uid(&namespace.drivers("pool")[0]), uid(&before[0]));
    namespace.delete("sparksession/new");
    namespace.until_gone("sparksession/new");
}

fn a_pool_grows_and_shrinks_around_its_sessions(namespace: &Namespace) {
    let scale =
        |replicas: &str| namespace.kubectl(&["scale", SERVER, &format!("--replicas={replicas}")]);
    let ready = |count: i64| {
        namespace.until_object(SERVER, &format!("{count} replicas"), |found| {
            found["status"]["readyReplicas"] == count && found["status"]["replicas"] == count
        })
    };
    scale("3");
    ready(3);
    let names = ["one", "two", "three"];
    for name in names {
        namespace.apply(&session(name, "pool", &json!({})));
    }
    let home = |name: &&str| {
        let found = namespace.until_ready(&format!("sparksession/{name}"));
        found["status"]["server"]
            .as_str()
            .expect("a replica")
            .to_owned()
    };
    let mut homes: Vec<String> = names.iter().map(home).collect();
    let last = names[homes
        .iter()
        .position(|home| home == "pool-2")
        .expect("one on each")];
    homes.sort();
    assert_eq!(homes, ["pool-0", "pool-1", "pool-2"]);

    scale("1");
    let why = namespace.until_condition(SERVER, "Progressing", "True", "Draining");
    assert!(why.contains("2 sessions in the way"), "{why}");
    let mut shell = namespace.shell(last);
    assert_eq!(
        shell.run("spark.range(5).count()"),
        5,
        "a draining replica serves"
    );
    for name in names {
        namespace.delete(&format!("sparksession/{name}"));
    }
    ready(1);
    namespace.until_ready(SERVER);
}

fn a_suspended_server_comes_back(namespace: &Namespace) {
    namespace.apply(&session("lost", "pool", &json!({})));
    namespace.until_ready("sparksession/lost");
    namespace.patch(SERVER, &json!({"spec": {"suspend": true}}));
    namespace.until_condition("sparksession/lost", "Ended", "True", "ServerSuspended");
    namespace.until_object(SERVER, "suspended", |found| {
        found["status"]["phase"] == "Suspended" && found["status"]["replicas"] == 0
    });
    let lost = namespace
        .get("sparksession/lost")
        .expect("its resource stays");
    assert_eq!(lost["status"]["phase"], "Lost");
    namespace.patch(SERVER, &json!({"spec": {"suspend": false}}));
    namespace.until_ready(SERVER);
    namespace.apply(&session("again", "pool", &json!({})));
    assert_eq!(namespace.shell("again").run("spark.range(5).count()"), 5);
}
