//! What the gateway adds between a program and its session: whose session it is, and an address that stays.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Remote, Shell, server_local, session};
use sparkconnect_testkit::install::{self, NAMESPACE};

const SERVER: &str = "pool";
const GATEWAYS: &str = "app.kubernetes.io/name=sparkconnect-gateway";

/// A query that lasts so many seconds in a Python worker.
const SLEEP: &str = "
from pyspark.sql.functions import udf
@udf('long')
def slow(seconds):
    import time
    time.sleep(seconds)
    return seconds
";

#[test]
fn a_token_opens_its_own_session_and_no_other() {
    let namespace = Namespace::new("tokens");
    namespace.apply(&server_local(SERVER, &json!({})));
    for name in ["ada", "bob"] {
        namespace.apply(&session(name, SERVER, &json!({"user": name})));
        let ready = namespace.until_ready(&format!("sparksession/{name}"));
        let url = ready["status"]["url"].as_str().unwrap_or_default();
        let gateway = format!("sc://sparkconnect-gateway.{NAMESPACE}.svc:443/");
        assert!(url.starts_with(&gateway), "{url}");
        let object = format!("sparksession/{name}");
        namespace.until_condition(&object, "AccessEnforced", "True", "Gateway");
    }
    let id = |name: &str| namespace.secret(&format!("{name}-connection"), "sessionId");
    let with = |name: &str, from: &str, to: &str| {
        let remote = namespace.remote(name);
        assert!(remote.uri.contains(from), "the URL has it");
        let uri = remote.uri.replace(from, to);
        Shell::start("4.3.0", &Remote { uri, ..remote }).raises("spark.range(1).count()")
    };
    // Ada's token, and Bob's session: the same server, which would take both.
    let refused = with("ada", &id("ada"), &id("bob"));
    assert!(
        refused.contains("PERMISSION_DENIED") && refused.contains(&id("ada")),
        "{refused}"
    );
    // A token that nobody has.
    let token = namespace.secret("ada-connection", "token");
    let wrong: String = token.chars().rev().collect();
    let refused = with("ada", &token, &wrong);
    assert!(refused.contains("UNAUTHENTICATED"), "{refused}");
    assert_eq!(namespace.shell("ada").run("spark.range(3).count()"), 3);
    assert_eq!(namespace.shell("bob").run("spark.range(4).count()"), 4);
}

/// Every gateway is killed in turn, so that whichever carries the query is among them; each time another one is there.
#[test]
fn a_long_query_outlives_its_gateway() {
    let namespace = Namespace::alone("gateway");
    namespace.apply(&server_local(SERVER, &json!({})));
    namespace.apply(&session("long", SERVER, &json!({})));
    let mut shell = namespace.shell("long");
    shell.run(SLEEP);
    shell.run("spark.range(3).createOrReplaceTempView('kept')");
    shell.send("spark.range(45, 46, 1, 1).select(slow('id')).first()[0]");
    namespace.until_object("sparksession/long", "at work", is_active);

    let kubectl = &namespace.environment().kubectl;
    let run = |args: &[&str]| {
        let args = [&["-n", NAMESPACE], args].concat();
        kubectl.run(&args).unwrap_or_else(|error| panic!("{error}"))
    };
    let names = run(&[
        "get",
        "pods",
        "-l",
        GATEWAYS,
        "-o=jsonpath={.items[*].metadata.name}",
    ]);
    assert_eq!(names.split_whitespace().count(), 2, "{names}");
    for pod in names.split_whitespace() {
        run(&["delete", "pod", pod, "--force", "--grace-period=0"]);
        install::rolled_out(kubectl, NAMESPACE).unwrap_or_else(|error| panic!("{error}"));
    }
    let found = namespace.get("sparksession/long").expect("it is there");
    assert!(
        is_active(&found),
        "the query ended too early to prove anything: {found}"
    );
    assert_eq!(shell.answer(), Ok(json!(45)));
    assert_eq!(
        shell.run("spark.table('kept').count()"),
        3,
        "it is the same session"
    );
}

fn is_active(session: &Value) -> bool {
    session["status"]["metrics"]["activeQueries"] == 1
}
