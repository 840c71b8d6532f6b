//! The life of sessions, on one server in mode Local.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Shell, server_local, session};

const SERVER: &str = "pool";

/// A Python function that is not a query's work alone: it sleeps so many seconds in a worker.
const SLEEP: &str = "
from pyspark.sql.functions import udf
@udf('long')
def slow(seconds):
    import time
    time.sleep(seconds)
    return seconds
";

#[test]
fn sessions_live_as_their_resources_say() {
    let namespace = Namespace::new("sessions");
    a_session_waits_for_its_server(&namespace);
    sessions_do_not_see_each_other(&namespace);
    settings_change_while_it_lives(&namespace);
    artifacts_are_usable_in_functions(&namespace);
    missing_artifacts_are_waited_for(&namespace);
    an_idle_session_expires_and_a_running_query_keeps_it(&namespace);
    a_session_ends_at_its_ttl(&namespace);
    release_by_the_client_is_seen(&namespace);
    deletion_releases_the_session_on_its_server(&namespace);
}

fn metric(session: &Value, name: &str) -> Option<i64> {
    session["status"]["metrics"][name].as_i64()
}

fn phase_is(phase: &'static str) -> impl Fn(&Value) -> bool {
    move |found| found["status"]["phase"] == phase
}

fn a_session_waits_for_its_server(namespace: &Namespace) {
    namespace.apply(&session("early", SERVER, &json!({})));
    let why =
        namespace.until_condition("sparksession/early", "Assigned", "False", "ServerNotFound");
    assert!(why.contains(SERVER), "{why}");
    namespace.apply(&server_local(SERVER, &json!({})));
    namespace.until_ready("sparksession/early");
    namespace.delete("sparksession/early");
    namespace.until_gone("sparksession/early");
}

fn sessions_do_not_see_each_other(namespace: &Namespace) {
    for name in ["ada", "bob"] {
        namespace.apply(&session(name, SERVER, &json!({"user": name})));
    }
    let (mut ada, mut bob) = (namespace.shell("ada"), namespace.shell("bob"));
    ada.run("spark.range(3).createOrReplaceTempView('mine')");
    ada.run("spark.conf.set('spark.sql.session.timeZone', 'Asia/Tokyo')");
    assert_eq!(
        ada.run("spark.sql('select count(*) from mine').first()[0]"),
        3
    );
    let missing = bob.raises("spark.sql('select count(*) from mine').first()");
    assert!(missing.contains("TABLE_OR_VIEW_NOT_FOUND"), "{missing}");
    assert_ne!(
        bob.run("spark.conf.get('spark.sql.session.timeZone')"),
        "Asia/Tokyo"
    );
    namespace.delete("sparksession/ada");
    namespace.delete("sparksession/bob");
}

fn settings_change_while_it_lives(namespace: &Namespace) {
    let (zone, parts) = ("spark.sql.session.timeZone", "spark.sql.shuffle.partitions");
    let conf = |conf: Value| json!({"spec": {"sparkConf": conf}});
    namespace.apply(&session(
        "conf",
        SERVER,
        &json!({"sparkConf": {zone: "Asia/Tokyo"}}),
    ));
    let mut shell = namespace.shell("conf");
    let value = |shell: &mut Shell, key: &str| shell.run(&format!("spark.conf.get('{key}')"));
    assert_eq!(value(&mut shell, zone), "Asia/Tokyo");
    shell.run("spark.range(3).createOrReplaceTempView('kept')");

    namespace.patch("sparksession/conf", &conf(json!({zone: null, parts: "7"})));
    namespace.until_ready("sparksession/conf");
    assert_eq!(value(&mut shell, parts), "7");
    assert_ne!(
        value(&mut shell, zone),
        "Asia/Tokyo",
        "a removed setting goes back to its default"
    );

    namespace.patch("sparksession/conf", &conf(json!({parts: "many"})));
    let why =
        namespace.until_condition("sparksession/conf", "ConfApplied", "False", "ConfRejected");
    assert!(why.contains(parts), "{why}");
    namespace.until_event("sparksession/conf", "ConfRejected");
    namespace.patch("sparksession/conf", &conf(json!({parts: "5"})));
    namespace.until_condition("sparksession/conf", "ConfApplied", "True", "Applied");
    assert_eq!(value(&mut shell, parts), "5");
    assert_eq!(
        shell.run("spark.table('kept').count()"),
        3,
        "it is the same session"
    );
    namespace.delete("sparksession/conf");
}

fn artifacts_are_usable_in_functions(namespace: &Namespace) {
    namespace.data(
        "ConfigMap",
        "code",
        &json!({"helper.py": "def twice(n):\n    return 2 * n\n"}),
    );
    namespace.data("Secret", "model", &json!({"salt.txt": "from a Secret"}));
    let artifacts = json!([
        {"name": "pyfiles/helper.py", "configMapKeyRef": {"name": "code", "key": "helper.py"}},
        {"name": "files/salt.txt", "secretKeyRef": {"name": "model", "key": "salt.txt"}},
    ]);
    namespace.apply(&session(
        "artifacts",
        SERVER,
        &json!({"artifacts": artifacts}),
    ));
    let mut shell = namespace.shell("artifacts");
    shell.run(
        "
from pyspark.sql.functions import udf
@udf('string')
def both(n):
    import helper
    from pyspark import SparkFiles
    return f'{helper.twice(n)} {open(SparkFiles.get(\"salt.txt\")).read()}'
",
    );
    let answer = shell.run("spark.range(21, 22).select(both('id')).first()[0]");
    assert_eq!(answer, "42 from a Secret");
    let found = namespace.until_ready("sparksession/artifacts");
    assert_eq!(metric(&found, "artifactsUploaded"), Some(2));
    namespace.delete("sparksession/artifacts");
}

fn missing_artifacts_are_waited_for(namespace: &Namespace) {
    let reference = json!({"name": "later", "key": "a.py"});
    let artifacts = json!([{"name": "pyfiles/a.py", "configMapKeyRef": reference}]);
    namespace.apply(&session("waits", SERVER, &json!({"artifacts": artifacts})));
    let why = namespace.until_condition("sparksession/waits", "Ready", "False", "ArtifactNotFound");
    assert!(why.contains("ConfigMap later"), "{why}");
    namespace.until_event("sparksession/waits", "ArtifactNotFound");
    namespace.data("ConfigMap", "later", &json!({"a.py": ""}));
    namespace.until_ready("sparksession/waits");
    namespace.delete("sparksession/waits");
}

fn an_idle_session_expires_and_a_running_query_keeps_it(namespace: &Namespace) {
    let spec = json!({"idleTimeout": "8s", "retention": "1h"});
    namespace.apply(&session("idle", SERVER, &spec));
    let mut shell = namespace.shell("idle");
    shell.run(SLEEP);
    shell.send("spark.range(20, 21, 1, 1).select(slow('id')).first()[0]");
    namespace.until_object("sparksession/idle", "at work", |found| {
        metric(found, "activeQueries") == Some(1)
    });
    assert_eq!(
        shell.answer(),
        Ok(json!(20)),
        "a query of 20 s is not idleness of 8 s"
    );
    let ended = namespace.until_object("sparksession/idle", "expired", phase_is("Expired"));
    assert_eq!(metric(&ended, "activeQueries"), Some(0));
    let why = namespace.until_event("sparksession/idle", "Idle");
    assert!(why.contains("idleTimeout"), "{why}");
    namespace.until_gone("secret/idle-connection");
    let refused = shell.raises("spark.range(1).count()");
    assert!(
        refused.contains("idle has ended") && refused.contains("idleTimeout"),
        "{refused}"
    );
}

fn a_session_ends_at_its_ttl(namespace: &Namespace) {
    namespace.apply(&session(
        "brief",
        SERVER,
        &json!({"ttl": "3s", "retention": "1s"}),
    ));
    namespace.until_event("sparksession/brief", "TtlPassed");
    namespace.until_gone("sparksession/brief");
}

fn release_by_the_client_is_seen(namespace: &Namespace) {
    namespace.apply(&session("closed", SERVER, &json!({})));
    let mut shell = namespace.shell("closed");
    // Released in the moment after its query, which counts all the same.
    let both = "(spark.range(7).count(), spark.stop())[0]";
    assert_eq!(shell.run(both), 7);
    let closed = namespace.until_object("sparksession/closed", "closed", phase_is("Closed"));
    assert_eq!(
        metric(&closed, "queriesExecuted"),
        Some(1),
        "its metrics stay"
    );
    namespace.until_event("sparksession/closed", "ReleasedByClient");
    namespace.until_gone("secret/closed-connection");
}

fn deletion_releases_the_session_on_its_server(namespace: &Namespace) {
    namespace.apply(&session("deleted", SERVER, &json!({})));
    let mut shell = namespace.shell("deleted");
    shell.run("spark.range(1).count()");
    namespace.delete("sparksession/deleted");
    namespace.until_gone("sparksession/deleted");
    namespace.until_gone("secret/deleted-connection");
    let refused = shell.raises("spark.range(1).count()");
    assert!(refused.contains("its session has ended"), "{refused}");
}
