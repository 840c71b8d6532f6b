//! The dashboards and alerts against a real Prometheus that scrapes the operator and the gateways of the cluster: every panel has
//! data, and every alert fires where it should and nowhere else.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use sparkconnect_e2e::{LONG, Namespace, Remote, Shell, eventually, server_local, session};
use sparkconnect_testkit::install::{NAMESPACE, repository};
use sparkconnect_testkit::prometheus::Prometheus;

const SERVER: &str = "measured";
const USER: &str = "ada@example.com";
const DASHBOARDS: &str = "charts/sparkconnect/files/dashboards";
/// Alerts of the servers and sessions that this test makes.
const TROUBLE: [&str; 3] = [
    "SparkConnectServerDown",
    "SparkConnectServerMisconfigured",
    "SparkConnectSessionsWait",
];
/// Queries that give nothing unless something fails in the operator itself.
const QUIET: [&str; 1] = ["sparkconnect_operator_reconcile_errors_total"];

#[test]
fn every_panel_has_data_and_alerts_fire_where_they_should() {
    let namespace = Namespace::new("dashboards");
    let prometheus = Prometheus::start(&configuration(&namespace)).expect("Prometheus starts");
    let mut shell = life_with_trouble(&namespace);
    let asked = |query: &str| prometheus.query(&filled_in(&namespace, query));

    let (queries, variables) = dashboards();
    let mut left: Vec<_> = queries.union(&variables).collect();
    let quiet = |query: &str| QUIET.iter().any(|metric| query.contains(metric));
    let mut round = 0;
    let shown = eventually(LONG, || {
        // A rate is of what came after the first scrape.
        round += 1;
        let spec = json!({"user": USER, "ttl": "1m"});
        namespace.apply(&session(&format!("round-{round}"), SERVER, &spec));
        shell.run("spark.range(10).count()");
        shell.raises("spark.sql(\"select raise_error('on purpose')\").collect()");
        left.retain(|query| {
            !has_data(
                &asked(query).unwrap_or_else(|error| panic!("{error}")),
                quiet(query),
            )
        });
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("no data: {left:#?}"))
        }
    });
    shown.unwrap_or_else(|seen| panic!("{seen}\n{}", namespace.explain()));
    alerts(&namespace, &prometheus);
}

/// Scrapes every pod of the installation as the chart's PodMonitors do, in a hurry: Debian's Prometheus cannot look for pods itself.
fn configuration(namespace: &Namespace) -> String {
    let jsonpath = "-o=jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{\"\\n\"}{end}";
    let ours = "-l=app.kubernetes.io/name in (sparkconnect-operator, sparkconnect-gateway)";
    let kubectl = &namespace.environment().kubectl;
    let pods = kubectl.run(&["-n", NAMESPACE, "get", "pods", ours, jsonpath]);
    let pods = pods.unwrap_or_else(|error| panic!("{error}"));
    let pods = pods.lines().filter_map(|line| line.split_once(' '));
    let targets = pods.map(|(name, address)| {
        let labels = json!({"namespace": NAMESPACE, "pod": name});
        json!({"targets": [format!("{address}:8080")], "labels": labels})
    });
    let targets: Vec<_> = targets.collect();
    let job = json!({"job_name": "sparkconnect", "honor_labels": true, "static_configs": targets});
    // YAML is a superset of JSON.
    json!({"global": {"scrape_interval": "2s"}, "scrape_configs": [job]}).to_string()
}

/// A server with a session that works, one that ended and one that somebody else tried to get into; a server without its Secret, and a
/// session that waits for it.
fn life_with_trouble(namespace: &Namespace) -> Shell {
    let missing = json!({"name": "spark.hadoop.fs.s3a.secret.key", "valueFrom": {"secretKeyRef": {"name": "not-there", "key": "key"}}});
    namespace.apply(&server_local(SERVER, &json!({})));
    namespace.apply(&server_local(
        "broken",
        &json!({"sparkConfFrom": [missing]}),
    ));
    namespace.apply(&session(
        "works",
        SERVER,
        &json!({"user": USER, "idleTimeout": "2h", "ttl": "8h"}),
    ));
    namespace.apply(&session(
        "rests",
        SERVER,
        &json!({"user": USER, "idleTimeout": "1h"}),
    ));
    namespace.apply(&session("waits", "broken", &json!({"user": USER})));
    let shell = namespace.shell("works");
    namespace.apply(&session("short", SERVER, &json!({"ttl": "3s"})));
    namespace.until_condition("sparksession/short", "Ended", "True", "TtlPassed");
    let remote = namespace.remote("works");
    let token = namespace.secret("works-connection", "token");
    let wrong: String = token.chars().rev().collect();
    let uri = remote.uri.replace(&token, &wrong);
    Shell::start("4.3.0", &Remote { uri, ..remote }).raises("spark.range(1).count()");
    shell
}

/// What Grafana puts in the place of its variables.
fn filled_in(namespace: &Namespace, query: &str) -> String {
    query
        .replace("$namespace", &namespace.name)
        .replace("$server", SERVER)
        .replace("$user", USER)
        .replace("$__rate_interval", "5m")
        .replace("$__range", "1h")
}

/// The queries of all panels, and those that stand for what their variables look up.
fn dashboards() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut queries, mut variables) = (BTreeSet::new(), BTreeSet::new());
    for name in ["fleet", "server", "user"] {
        let text = fs::read_to_string(repository().join(DASHBOARDS).join(format!("{name}.json")));
        let dashboard: Value = serde_json::from_str(&text.expect("the dashboard")).expect("JSON");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        for panel in list(&dashboard["panels"]) {
            let targets = list(&panel["targets"]);
            queries.extend(
                targets
                    .iter()
                    .filter_map(|it| it["expr"].as_str())
                    .map(str::to_owned),
            );
        }
        for variable in list(&dashboard["templating"]["list"]) {
            let looked_up = variable["query"]["query"]
                .as_str()
                .and_then(|it| it.strip_prefix("label_values("));
            if let Some((series, label)) =
                looked_up.and_then(|it| it.strip_suffix(')')?.rsplit_once(", "))
            {
                variables.insert(format!("count by ({label}) ({series})"));
            }
        }
    }
    assert!(
        queries.len() > 50 && variables.len() >= 3,
        "{queries:?} {variables:?}"
    );
    (queries, variables)
}

/// Whether there is a number among the samples, where there must be one.
fn has_data(samples: &[Value], quiet: bool) -> bool {
    quiet || samples.iter().any(|sample| sample["value"][1] != "NaN")
}

/// Those of this test's servers and sessions, and of the programs of the installation.
fn alerts(namespace: &Namespace, prometheus: &Prometheus) {
    let text = fs::read_to_string(repository().join("charts/sparkconnect/files/alerts.yaml"))
        .expect("the rules");
    let rules: Value = serde_yaml::from_str(&text).expect("YAML");
    let groups = rules["groups"].as_array().into_iter().flatten();
    let mut firing = BTreeSet::new();
    for rule in groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()) {
        let (name, expr) = (
            rule["alert"].as_str().unwrap_or_default(),
            rule["expr"].as_str().unwrap_or_default(),
        );
        let samples = prometheus
            .query(expr)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let ours = |sample: &Value| sample["metric"]["namespace"] == namespace.name;
        if samples.iter().any(ours) {
            firing.insert(name.to_owned());
        }
        let down = [
            "SparkConnectOperatorDown",
            "SparkConnectGatewayDown",
            "SparkConnectGatewayCertificateEnds",
        ];
        assert!(
            samples.is_empty() || !down.contains(&name),
            "{name}: {samples:?}"
        );
    }
    assert_eq!(firing, BTreeSet::from(TROUBLE.map(str::to_owned)));
}
