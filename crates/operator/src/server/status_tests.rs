//! The status of a server, as tables: what is observed on the left, what is told on the right.

use serde_json::json;
use sparkconnect_api::Reason;
use sparkconnect_api::condition::find;

use super::*;

const HASH: &str = "new";

pub(super) fn server(spec: &serde_json::Value) -> SparkConnectServer {
    let mut base = json!({"version": "4.3.0"});
    base.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "sparkconnect.dev/v1alpha1",
        "kind": "SparkConnectServer",
        "metadata": {"name": "demo", "namespace": "ns", "uid": "u", "generation": 3},
        "spec": base,
    }))
    .unwrap()
}

fn seen(state: State) -> Seen {
    let version = (state == State::Serving).then(|| "4.3.0".to_owned());
    Seen {
        state,
        version,
        ..Seen::nothing()
    }
}

pub(super) fn replica(ordinal: i32, state: State) -> Replica {
    Replica {
        name: format!("demo-{ordinal}"),
        uid: format!("uid-{ordinal}"),
        ordinal,
        inputs_hash: Some(HASH.to_owned()),
        deleting: false,
        running: true,
        host: Some("198.18.16.9".to_owned()),
        restarts: 0,
        trouble: None,
        sessions: 0,
        draining_since: None,
        seen: Some(seen(state)),
    }
}

pub(super) fn plan(replicas: i32) -> Plan {
    Plan {
        replicas,
        ..Plan::default()
    }
}

pub(super) fn told(
    server: &SparkConnectServer,
    replicas: &[Replica],
    plan: Option<&Plan>,
) -> ServerStatus {
    status(&observed(server, replicas, plan, &[], None))
}

fn observed<'a>(
    server: &'a SparkConnectServer,
    replicas: &'a [Replica],
    plan: Option<&'a Plan>,
    problems: &'a [Problem],
    obstacle: Option<&'a Trouble>,
) -> Observed<'a> {
    let now = Timestamp::from_second(100).unwrap();
    let inputs_hash = plan.map(|_| HASH);
    Observed {
        server,
        replicas,
        plan,
        inputs_hash,
        problems,
        obstacle,
        sessions_total: 4,
        now,
    }
}

#[track_caller]
pub(super) fn says(status: &ServerStatus, type_: &str, state: &str, reason: &str, words: &str) {
    let condition = find(&status.conditions, type_).expect(type_);
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_str()),
        (state, reason),
        "{condition:?}"
    );
    assert!(condition.message.contains(words), "{condition:?}");
    assert_eq!(condition.observed_generation, Some(3));
}

#[test]
fn a_server_whose_replicas_serve_is_ready() {
    let replicas = [replica(0, State::Serving), replica(1, State::Serving)];
    let status = told(&server(&json!({"replicas": 2})), &replicas, Some(&plan(2)));
    assert_eq!(status.phase, Some(ServerPhase::Ready));
    assert_eq!(
        (
            status.replicas,
            status.ready_replicas,
            status.updated_replicas
        ),
        (2, 2, 2)
    );
    assert_eq!(status.spark_version.as_deref(), Some("4.3.0"));
    assert_eq!(status.endpoint.as_deref(), Some("sc://demo.ns.svc:15002"));
    assert_eq!(
        status.ui_url.as_deref(),
        Some("http://demo-0.demo.ns.svc:4040")
    );
    assert_eq!(
        status.selector.as_deref(),
        Some("sparkconnect.dev/server=demo,app.kubernetes.io/component=driver")
    );
    assert_eq!(
        status.sessions,
        Some(SessionCounts {
            active: 0,
            total: 4
        })
    );
    says(
        &status,
        condition::READY,
        "True",
        "Serving",
        "2 of 2 replicas serve",
    );
    says(&status, condition::PROGRESSING, "False", "Settled", "");
    says(
        &status,
        condition::VERSION_MATCHED,
        "True",
        "VersionMatches",
        "4.3.0",
    );
    says(&status, condition::INPUTS_RESOLVED, "True", "Resolved", "");
    says(&status, condition::DEGRADED, "False", "AsExpected", "");
}

#[test]
fn a_server_that_starts_says_what_it_waits_for() {
    let replicas = [replica(
        0,
        State::Starting {
            why: "connection refused".to_owned(),
        },
    )];
    let status = told(&server(&json!({})), &replicas, Some(&plan(1)));
    assert_eq!(status.phase, Some(ServerPhase::Starting));
    assert_eq!(status.servers[0].phase, ReplicaPhase::Starting);
    assert_eq!((status.spark_version, status.ui_url), (None, None));
    let again = told(&server(&json!({})), &replicas, Some(&plan(1)));
    says(
        &again,
        condition::READY,
        "False",
        "Starting",
        "connection refused",
    );
    says(
        &again,
        condition::VERSION_MATCHED,
        "Unknown",
        "NotAnswered",
        "",
    );
    says(&again, condition::PROGRESSING, "True", "Starting", "0 of 1");
}

#[test]
fn missing_inputs_are_named_all_at_once_and_the_rest_goes_on() {
    let problem = |message: &str| Problem {
        condition: condition::INPUTS_RESOLVED,
        reason: Reason::SecretNotFound,
        message: message.to_owned(),
    };
    let problems = [
        problem("Secret a does not exist"),
        problem("Secret b does not exist"),
    ];
    let server = server(&json!({}));
    let nothing = status(&observed(&server, &[], None, &problems, None));
    assert_eq!(
        (nothing.phase, nothing.endpoint.as_deref()),
        (Some(ServerPhase::Pending), None)
    );
    says(
        &nothing,
        condition::INPUTS_RESOLVED,
        "False",
        "SecretNotFound",
        "Secret a does not exist; Secret b",
    );
    says(
        &nothing,
        condition::READY,
        "False",
        "SecretNotFound",
        "Secret a",
    );
    says(&nothing, condition::PROGRESSING, "False", "Blocked", "");
    let replicas = [replica(0, State::Serving)];
    let serving = status(&observed(&server, &replicas, None, &problems, None));
    says(&serving, condition::READY, "True", "Serving", "1 of 1");
    says(
        &serving,
        condition::RECONCILING,
        "True",
        "SecretNotFound",
        "Secret a does not exist; Secret b",
    );
}

#[test]
fn another_version_than_asked_for_is_told() {
    let mut odd = replica(0, State::Serving);
    odd.seen.as_mut().unwrap().version = Some("4.2.1".to_owned());
    let status = told(&server(&json!({})), &[odd], Some(&plan(1)));
    says(
        &status,
        condition::VERSION_MATCHED,
        "False",
        "VersionDiffers",
        "demo-0 reports Spark 4.2.1",
    );
    assert_eq!(status.spark_version.as_deref(), Some("4.2.1"));
    says(&status, condition::READY, "True", "Serving", "1 of 1");
    says(&status, condition::STALLED, "True", "VersionDiffers", "");
    let message = status.message.unwrap_or_default();
    assert!(message.contains("reports Spark 4.2.1"), "{message}");
}

#[test]
fn trouble_of_a_pod_degrades_under_a_reason_of_ours() {
    for (word, reason) in [
        ("ImagePullBackOff", "ImageNotPulled"),
        ("CrashLoopBackOff", "DriverFails"),
        ("OOMKilled", "OutOfMemory"),
        ("Unschedulable", "Unschedulable"),
        ("SomethingNew", "PodTrouble"),
    ] {
        let mut pod = replica(0, State::Unknown);
        pod.running = false;
        pod.trouble = Some(Trouble {
            reason: word.to_owned(),
            message: "the cause".to_owned(),
        });
        let status = told(
            &server(&json!({})),
            std::slice::from_ref(&pod),
            Some(&plan(1)),
        );
        assert_eq!(status.phase, Some(ServerPhase::Degraded));
        says(&status, condition::DEGRADED, "True", reason, "demo-0: ");
        says(&status, condition::READY, "False", reason, "the cause");
        pod.deleting = true;
        let going = told(&server(&json!({})), &[pod], Some(&plan(1)));
        says(&going, condition::DEGRADED, "False", "AsExpected", "");
    }
}

#[test]
fn a_refusal_of_pods_degrades() {
    let obstacle = Trouble {
        reason: "FailedCreate".to_owned(),
        message: "exceeded quota: small".to_owned(),
    };
    let (server, plan) = (server(&json!({})), plan(1));
    let status = status(&observed(&server, &[], Some(&plan), &[], Some(&obstacle)));
    says(
        &status,
        condition::DEGRADED,
        "True",
        "PodsRefused",
        "exceeded quota",
    );
}

#[test]
fn a_suspended_server_is_not_ready_and_not_degraded() {
    let server = server(&json!({"suspend": true}));
    let status = told(&server, &[], Some(&plan(0)));
    assert_eq!(status.phase, Some(ServerPhase::Suspended));
    says(
        &status,
        condition::SUSPENDED,
        "True",
        "Suspended",
        "spec.suspend",
    );
    says(&status, condition::PROGRESSING, "False", "Settled", "");
    assert_eq!(find(&status.conditions, condition::READY), None);
    assert_eq!(status.message.as_deref(), Some("stopped by spec.suspend"));
}

#[test]
fn what_is_true_no_more_is_gone() {
    let mut server = server(&json!({"suspend": true}));
    server.status = Some(told(&server, &[], Some(&plan(0))));
    server.spec.suspend = false;
    let starting = told(&server, &[], Some(&plan(1)));
    assert_eq!(find(&starting.conditions, condition::SUSPENDED), None);
    says(
        &starting,
        condition::RECONCILING,
        "True",
        "Starting",
        "made",
    );
    assert_eq!(
        starting.message.as_deref(),
        Some("the driver pods are being made")
    );
    server.status = Some(starting);
    let ready = told(&server, &[replica(0, State::Serving)], Some(&plan(1)));
    assert_eq!(find(&ready.conditions, condition::RECONCILING), None);
    assert_eq!(ready.message.as_deref(), Some("1 of 1 replicas serve"));
}

#[test]
fn an_unchanged_observation_gives_the_same_status() {
    let replicas = [replica(0, State::Serving)];
    let mut server = server(&json!({}));
    let first = told(&server, &replicas, Some(&plan(1)));
    server.status = Some(first.clone());
    let mut later = observed(&server, &replicas, None, &[], None);
    let plan = plan(1);
    (later.plan, later.inputs_hash) = (Some(&plan), Some(HASH));
    later.now = Timestamp::from_second(999).unwrap();
    assert_eq!(status(&later), first);
}

#[test]
fn a_status_that_the_api_server_gives_back_is_no_change() {
    let fine: Timestamp = "2026-01-02T03:04:05.678901234Z".parse().unwrap();
    let mut replica = replica(0, State::Serving);
    replica.seen.as_mut().unwrap().start_time = Some(fine);
    let mut draining = plan(1);
    draining.draining = vec![(replica.name.clone(), fine)];
    let mut server = server(&json!({}));
    let replicas = [replica];
    let written = told(&server, &replicas, Some(&draining));
    let given_back: ServerStatus = serde_json::from_value(json!(written)).unwrap();
    server.status = Some(given_back.clone());
    assert_eq!(told(&server, &replicas, Some(&draining)), given_back);
}
