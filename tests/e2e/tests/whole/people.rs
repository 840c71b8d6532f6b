//! People and programs that the cluster knows, without a session made before: their ServiceAccount's token and RBAC's `connect`
//! bring them to a server. And clones of sessions, which come to be in the same way.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Remote, Shell, server_local, session};

const VERSION: &str = "4.3.0";

/// A ServiceAccount, which may use the namespace's servers or not.
pub(crate) fn account(ns: &Namespace, name: &str, may_connect: bool) {
    ns.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}));
    if may_connect {
        ns.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": format!("{name}-connects")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sparkconnect-connect"},
            "subjects": [{"kind": "ServiceAccount", "name": name}],
        }));
    }
}

/// PySpark with the token of a ServiceAccount, and `more` in its URL.
pub(crate) fn shell(ns: &Namespace, name: &str, more: &str) -> Shell {
    let token = ns.kubectl(&["create", "token", name, "--audience=sparkconnect"]);
    let gateway = ns.remote("nb");
    let (address, _) = gateway.uri.split_once("/;").expect("a URL with parameters");
    let uri = format!("{address}/;token={}{more}", token.trim());
    Shell::start(VERSION, &Remote { uri, ..gateway })
}

/// The one session with these labels, once it is in `phase`.
pub(crate) fn the(ns: &Namespace, labels: &str, phase: &str) -> Value {
    let what = format!("the session with {labels} to be {phase}");
    ns.until(&what, || {
        let found = ns.list("sparksessions", labels);
        match &found[..] {
            [one] if one["status"]["phase"] == phase => Ok(one.clone()),
            _ => Err(format!("{found:?}")),
        }
    })
}

#[test]
fn who_may_connect_needs_no_session_made_before() {
    let ns = Namespace::new("people");
    ns.apply(&server_local("demo", &json!({})));
    ns.apply(&session("nb", "demo", &json!({})));
    ns.until_ready("sparksession/nb");
    account(&ns, "ada", true);
    account(&ns, "eve", false);
    let server = format!(";x-sparkconnect-server=demo.{}", ns.name);

    let refused = shell(&ns, "eve", &server).raises("spark.range(1).count()");
    assert!(
        refused.contains("`connect` on sparkconnectservers"),
        "{refused}"
    );
    let which = shell(&ns, "ada", "").raises("spark.range(1).count()");
    assert!(which.contains("x-sparkconnect-server"), "{which}");
    let made = ns.list("sparksessions", "sparkconnect.dev/ad-hoc");
    assert!(made.is_empty(), "{made:?}");

    let mut ada = shell(&ns, "ada", &server);
    assert_eq!(ada.run("spark.range(10).count()"), 10);
    let made = the(&ns, "sparkconnect.dev/ad-hoc", "Ready");
    let user = format!("system:serviceaccount:{}:ada", ns.name);
    assert_eq!(made["spec"]["user"], user);
    assert_eq!(made["spec"]["sessionId"], ada.run("spark.session_id"));
    assert_eq!(made["spec"]["retention"], "1h");
    // The session is hers, on whichever gateway, and nobody else's by its id.
    let id = made["spec"]["sessionId"].as_str().unwrap_or_default();
    let same = format!(";session_id={id}");
    ada.run("spark.conf.set('spark.sql.session.timeZone', 'Asia/Tokyo')");
    let zone = "spark.conf.get('spark.sql.session.timeZone')";
    assert_eq!(shell(&ns, "ada", &same).run(zone), "Asia/Tokyo");
    account(&ns, "eve", true);
    let theirs = shell(&ns, "eve", &same).raises(zone);
    assert!(theirs.contains("no session of yours"), "{theirs}");

    ada.run("spark.stop()");
    let ended = the(&ns, "sparkconnect.dev/ad-hoc", "Closed");
    assert_eq!(ended["metadata"]["name"], made["metadata"]["name"]);
}

#[test]
fn a_clone_is_a_session_too() {
    let ns = Namespace::new("clones");
    ns.apply(&server_local("demo", &json!({"replicas": 2})));
    ns.apply(&session("nb", "demo", &json!({})));
    ns.until_ready("sparksession/nb");
    let mut shell = ns.shell("nb");
    shell.run("spark.range(7).createTempView('seven')");
    shell.run("clone = spark.cloneSession()");
    assert_eq!(shell.run("clone.table('seven').count()"), 7);
    shell.run("clone.catalog.dropTempView('seven')");
    assert_eq!(
        shell.run("spark.table('seven').count()"),
        7,
        "they are apart"
    );
    let clone = the(&ns, "sparkconnect.dev/cloned-from=nb", "Ready");
    let source = ns.until_ready("sparksession/nb");
    assert_eq!(clone["spec"]["sessionId"], shell.run("clone.session_id"));
    assert_eq!(clone["status"]["user"], source["status"]["user"]);
    assert_eq!(
        clone["status"]["replicaUid"],
        source["status"]["replicaUid"]
    );
    shell.run("clone.stop()");
    the(&ns, "sparkconnect.dev/cloned-from=nb", "Closed");
    assert_eq!(shell.run("spark.table('seven').count()"), 7);
    ns.delete("sparksession/nb");
}
