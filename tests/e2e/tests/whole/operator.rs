//! The operator under faults, and installed for one namespace. These tests run alone: the others need the operator.

use std::time::Duration;

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Signal, eventually, server_local, session, signal};
use sparkconnect_testkit::install::{self, NAMESPACE};

/// How long a lease holds without renewal, in seconds: the lease itself says so too.
const LEASE: f64 = 10.0;
/// The bound on a take-over, and as much again for a busy machine.
const TAKE_OVER: Duration = Duration::from_secs(30);

#[test]
fn faults_of_the_operator_are_bridged() {
    let namespace = Namespace::alone("faults");
    killed_while_it_makes_a_server(&namespace);
    a_frozen_leader_is_replaced(&namespace);
    a_leader_that_is_told_to_end_hands_over(&namespace);
}

/// The lease in the cluster-wide operator's namespace.
fn lease(namespace: &Namespace) -> Value {
    let get = [
        "-n",
        NAMESPACE,
        "get",
        "lease",
        "sparkconnect-operator",
        "-o=json",
    ];
    let text = namespace
        .environment()
        .kubectl
        .run(&get)
        .unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_str(&text).expect("kubectl writes JSON")
}

fn holder(lease: &Value) -> String {
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn leader(namespace: &Namespace) -> String {
    namespace.within(TAKE_OVER, "a leader", || {
        let holder = holder(&lease(namespace));
        if holder.is_empty() {
            Err("nobody leads".to_owned())
        } else {
            Ok(holder)
        }
    })
}

/// Sends a signal to the operator in the pod.
fn send(namespace: &Namespace, pod: &str, what: Signal) {
    let entry = format!("POD_NAME={pod}");
    signal(
        &namespace.environment().cluster,
        "sparkconnect-operator",
        &[&entry],
        what,
    );
}

fn killed_while_it_makes_a_server(namespace: &Namespace) {
    let pod = leader(namespace);
    namespace.apply(&server_local("made", &json!({})));
    namespace.apply(&session("made", "made", &json!({})));
    namespace.until("the first of the server's objects", || {
        namespace
            .get("service/made")
            .ok_or_else(|| "no Service".to_owned())
    });
    send(namespace, &pod, Signal::KILL);
    assert_eq!(namespace.shell("made").run("spark.range(5).count()"), 5);
    assert_eq!(namespace.drivers("made").len(), 1);
}

/// Nothing is given back: the lease runs out. The old leader wakes up and must not act any more.
fn a_frozen_leader_is_replaced(namespace: &Namespace) {
    let old = leader(namespace);
    send(namespace, &old, Signal::STOP);
    let new = eventually(TAKE_OVER, || {
        let holder = holder(&lease(namespace));
        if holder == old {
            Err(format!("{old} still leads"))
        } else {
            Ok(holder)
        }
    });
    namespace.apply(&session("second", "made", &json!({})));
    let ready = new
        .is_ok()
        .then(|| namespace.until_ready("sparksession/second"));
    send(namespace, &old, Signal::CONT);
    let new = new.unwrap_or_else(|seen| panic!("{seen}"));
    assert!(ready.is_some(), "{new} serves");
    // Its process ends and is started anew as a standby.
    namespace.until("the old leader's restart", || {
        let restarts = "-o=jsonpath={.status.containerStatuses[0].restartCount}";
        let get = ["-n", NAMESPACE, "get", "pod", &old, restarts];
        let text = namespace
            .environment()
            .kubectl
            .run(&get)
            .unwrap_or_default();
        if text.parse().is_ok_and(|count: u32| count > 0) {
            Ok(())
        } else {
            Err(text)
        }
    });
    assert_eq!(leader(namespace), new);
}

fn a_leader_that_is_told_to_end_hands_over(namespace: &Namespace) {
    let old = leader(namespace);
    let renewed = |lease: &Value| lease["spec"]["renewTime"].as_str().map(str::to_owned);
    let mut last = renewed(&lease(namespace)).expect("a lease that is held was renewed");
    let kubectl = &namespace.environment().kubectl;
    let delete = ["-n", NAMESPACE, "delete", "pod", &old, "--wait=false"];
    kubectl
        .run(&delete)
        .unwrap_or_else(|error| panic!("{error}"));
    let new = namespace.within(TAKE_OVER, "another leader", || {
        let lease = lease(namespace);
        let holder = holder(&lease);
        if holder == old {
            last = renewed(&lease).unwrap_or_default();
        }
        if holder.is_empty() || holder == old {
            Err(format!("{holder:?} leads"))
        } else {
            Ok(lease)
        }
    });
    let acquired = new["spec"]["acquireTime"].as_str().expect("a time");
    let between = (seconds(acquired) - seconds(&last)).rem_euclid(24.0 * 3600.0);
    // A lease that is not given back is taken no earlier than when it has run out.
    assert!(
        between < LEASE,
        "taken {between} s after the last renewal: it was not given back"
    );
    namespace.apply(&session("third", "made", &json!({})));
    namespace.until_ready("sparksession/third");
    install::rolled_out(kubectl, NAMESPACE).unwrap_or_else(|error| panic!("{error}"));
}

/// Seconds of the day in a time such as 2026-11-23T15:40:00.123456Z.
fn seconds(time: &str) -> f64 {
    let clock = time
        .trim_end_matches('Z')
        .rsplit('T')
        .next()
        .unwrap_or_default();
    clock.split(':').fold(0.0, |sum, part| {
        sum * 60.0 + part.parse::<f64>().expect("a number")
    })
}

/// The cluster-wide operator rests meanwhile: two operators must not serve one namespace.
#[test]
fn operator_and_gateway_of_one_namespace_need_no_more_than_roles() {
    let namespace = Namespace::alone("namespaced");
    let _rest = Rest::begin(&namespace);
    let reviews = Reviews(&namespace);
    install_for(&namespace, &[]);
    namespace.apply(&server_local("own", &json!({})));
    through_the_gateway(&namespace);
    install_for(&namespace, &["without-gateway"]);
    namespace.delete("deployment/sparkconnect-gateway");
    to_the_server_itself(&namespace);
    // Nothing is left that the cluster-wide operator would take up when it is back.
    namespace.delete("sparkconnectserver/own");
    namespace.until_gone("statefulset/own");
    namespace.delete("deployment/sparkconnect-operator");
    drop(reviews);
}

fn install_for(namespace: &Namespace, components: &[&str]) {
    let environment = namespace.environment();
    let (kubectl, images) = (&environment.kubectl, &environment.images);
    install::namespaced(kubectl, images, &namespace.name, components)
        .unwrap_or_else(|error| panic!("{error}\n{}", namespace.explain()));
}

fn through_the_gateway(namespace: &Namespace) {
    namespace.apply(&session("own", "own", &json!({})));
    assert_eq!(namespace.shell("own").run("spark.range(5).count()"), 5);
    let own = "sparksession/own";
    namespace.until_condition(own, "AccessEnforced", "True", "Gateway");
    // The one right beyond its namespace is to ask whose a token is and what they may.
    let gateway = format!(
        "--as=system:serviceaccount:{}:sparkconnect-gateway",
        namespace.name
    );
    let may = |verb: &str, what: &str, of: &str| {
        let kubectl = &namespace.environment().kubectl;
        let args = ["auth", "can-i", verb, what, of, &gateway];
        kubectl.run(&args).is_ok()
    };
    assert!(may("create", "tokenreviews", "-A") && may("create", "subjectaccessreviews", "-A"));
    assert!(may(
        "list",
        "sparksessions",
        &format!("-n={}", namespace.name)
    ));
    assert!(!may("list", "sparksessions", "-n=default") && !may("get", "secrets", "-A"));
    namespace.delete(own);
    namespace.until_gone(own);
}

fn to_the_server_itself(namespace: &Namespace) {
    namespace.apply(&session("direct", "own", &json!({})));
    assert_eq!(namespace.shell("direct").run("spark.range(6).count()"), 6);
    let direct = "sparksession/direct";
    namespace.until_condition(direct, "AccessEnforced", "False", "NoGateway");
    namespace.delete(direct);
    namespace.until_gone(direct);
    crate::client::a_replica_is_reached_through_a_port(namespace, "own-0");
}

/// What the installation for a namespace leaves outside of it; gone on drop.
struct Reviews<'a>(&'a Namespace);

impl Drop for Reviews<'_> {
    fn drop(&mut self) {
        let binding = format!("sparkconnect-gateway-reviews:{}", self.0.name);
        let delete = [
            "delete",
            "clusterrolebinding",
            &binding,
            "--ignore-not-found",
        ];
        if let Err(error) = self.0.environment().kubectl.run(&delete) {
            eprintln!("{error}");
        }
    }
}

/// The cluster-wide operator has no replicas while this lives.
pub(crate) struct Rest<'a>(&'a Namespace);

impl<'a> Rest<'a> {
    pub(crate) fn begin(namespace: &'a Namespace) -> Self {
        let rest = Self(namespace);
        rest.scale("0");
        rest
    }

    fn scale(&self, replicas: &str) {
        let kubectl = &self.0.environment().kubectl;
        let replicas = format!("--replicas={replicas}");
        let scale = [
            "-n",
            NAMESPACE,
            "scale",
            "deployment/sparkconnect-operator",
            &replicas,
        ];
        let scaled = kubectl.run(&scale);
        if let Err(error) = scaled.and_then(|_| install::rolled_out(kubectl, NAMESPACE)) {
            eprintln!("{error}");
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.scale("2");
    }
}
