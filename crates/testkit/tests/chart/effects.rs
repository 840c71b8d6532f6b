//! What values do: one by one as `effects.yaml` has it, and what a switch takes away.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sparkconnect_testkit::helm::chart;

use crate::rendered::{find, name, objects, text};

/// A line of `effects.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    with: Option<String>,
    of: String,
    at: Option<String>,
    env: Option<String>,
    #[serde(default)]
    is: Value,
}

#[test]
fn each_value_does_what_the_table_says() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("effects.yaml")).expect("a table");
    let mut wrong = Vec::new();
    for case in &cases {
        let args = case.with.iter().map(|with| format!("--set={with}"));
        let args: Vec<String> = args.collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let objects = objects("ns", &args);
        let found = looked_up(find(&objects, &case.of), case);
        if found != expected(&case.is) {
            wrong.push(format!("{case:?}: there is {found}"));
        }
    }
    assert!(cases.len() > 60 && wrong.is_empty(), "{wrong:#?}");
}

fn expected(is: &Value) -> Value {
    match is {
        Value::String(text) => json!(text.replace("VERSION", env!("CARGO_PKG_VERSION"))),
        other => other.clone(),
    }
}

/// What is there; the container's fields are named without the way to it.
fn looked_up(object: &Value, case: &Case) -> Value {
    let container = &object["spec"]["template"]["spec"]["containers"][0];
    if let Some(variable) = &case.env {
        let mut env = container["env"].as_array().into_iter().flatten();
        let found = env.find(|it| it["name"] == variable.as_str());
        return found.map_or(Value::Null, |it| it["value"].clone());
    }
    let at = case.at.as_deref().expect("a place or a variable");
    let from = match at {
        "/image" | "/imagePullPolicy" | "/args" => container,
        _ => object,
    };
    from.pointer(at).cloned().unwrap_or_default()
}

/// A parser as strict as Flux's refuses a key that is there twice.
#[test]
fn what_is_given_twice_is_there_once() {
    let labels = r#"{"a": "b", "app.kubernetes.io/component": "c"}"#;
    let mut args = vec!["--set=gateway.podAnnotations.prometheus\\.io/scrape=no".to_owned()];
    for place in [
        "commonLabels",
        "operator.podLabels",
        "gateway.podLabels",
        "gateway.service.labels",
        "monitoring.podMonitor.labels",
        "monitoring.prometheusRule.labels",
        "monitoring.dashboards.labels",
    ] {
        args.push(format!("--set-json={place}={labels}"));
    }
    for kind in ["podMonitor", "prometheusRule", "dashboards"] {
        args.push(format!("--set=monitoring.{kind}.enabled=true"));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let text = text("ns", &args);
    for document in serde_yaml::Deserializer::from_str(&text) {
        let read = serde_yaml::Value::deserialize(document);
        read.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The operator may write a certificate's Secret only where it is the one who makes it.
#[test]
fn rights_to_the_certificate() {
    let writable = |args: &[&str]| {
        let objects = objects("ns", args);
        let rules = find(&objects, "Role/sparkconnect-operator-own")["rules"].clone();
        let rules = rules.as_array().expect("rules").clone();
        let writes = rules.iter().filter(|rule| {
            rule["verbs"]
                .as_array()
                .expect("verbs")
                .contains(&json!("update"))
        });
        let names = writes
            .filter(|rule| rule["resources"] == json!(["secrets"]))
            .flat_map(|rule| rule["resourceNames"].as_array().expect("names").clone());
        names
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let own = ["sparkconnect-gateway-ca", "sparkconnect-gateway-control"];
    assert_eq!(
        writable(&[]),
        [&own[..], &["sparkconnect-gateway-tls"]].concat()
    );
    assert_eq!(writable(&["--set=gateway.tls.existingSecret=mine"]), own);
    assert!(writable(&["--set=gateway.enabled=false"]).is_empty());
}

#[test]
fn alerts_lead_to_the_book_where_it_is_served() {
    let args = [
        "--set=monitoring.prometheusRule.enabled=true",
        "--set=monitoring.prometheusRule.runbooks=https://docs.example.org/book/",
    ];
    let objects = objects("ns", &args);
    let groups = &find(&objects, "PrometheusRule/sparkconnect")["spec"]["groups"];
    let groups = groups.as_array().expect("groups");
    let rules = groups
        .iter()
        .flat_map(|it| it["rules"].as_array().expect("rules"));
    let page = "https://docs.example.org/book/operations/alerts.html";
    for rule in rules {
        let name = rule["alert"].as_str().expect("a name").to_lowercase();
        let url = rule["annotations"]["runbook_url"].as_str();
        assert_eq!(url, Some(&*format!("{page}#{name}")));
    }
}

#[test]
fn alerts_and_dashboards_are_the_files() {
    let args = ["--set=monitoring.prometheusRule.enabled=true,monitoring.dashboards.enabled=true"];
    let objects = objects("ns", &args);
    let files = chart().join("files");
    let read = |path: &Path| std::fs::read_to_string(path).expect("it is there");
    let alerts: Value = serde_yaml::from_str(&read(&files.join("alerts.yaml"))).expect("YAML");
    assert_eq!(
        find(&objects, "PrometheusRule/sparkconnect")["spec"],
        alerts
    );
    let dashboards = std::fs::read_dir(files.join("dashboards")).expect("it is there");
    let paths: Vec<_> = dashboards
        .map(|entry| entry.expect("a file").path())
        .collect();
    assert!(!paths.is_empty());
    for path in paths {
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        let map = find(
            &objects,
            &format!("ConfigMap/sparkconnect-dashboard-{stem}"),
        );
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        let text = map["data"][format!("{stem}.json")].as_str().expect("text");
        assert_eq!(text.trim_end(), read(&path).trim_end(), "{stem}");
    }
}

/// Switches, and what each takes away.
const SWITCHES: &[(&str, &[&str])] = &[
    (
        "crds.install",
        &[
            "CustomResourceDefinition/sparkconnectservers.sparkconnect.dev",
            "CustomResourceDefinition/sparksessions.sparkconnect.dev",
        ],
    ),
    (
        "access.admissionPolicy",
        &[
            "ValidatingAdmissionPolicy/sparkconnect-session-user",
            "ValidatingAdmissionPolicyBinding/sparkconnect-session-user",
        ],
    ),
    (
        "access.clusterRoles",
        &[
            "ClusterRole/sparkconnect-connect",
            "ClusterRole/sparkconnect-edit",
            "ClusterRole/sparkconnect-view",
        ],
    ),
    (
        "operator.networkPolicy.enabled",
        &["NetworkPolicy/sparkconnect-operator"],
    ),
    (
        "gateway.networkPolicy.enabled",
        &["NetworkPolicy/sparkconnect-gateway"],
    ),
    (
        "operator.podDisruptionBudget.enabled",
        &["PodDisruptionBudget/sparkconnect-operator"],
    ),
    (
        "gateway.podDisruptionBudget.enabled",
        &["PodDisruptionBudget/sparkconnect-gateway"],
    ),
    (
        "operator.serviceAccount.create",
        &["ServiceAccount/sparkconnect-operator"],
    ),
    (
        "gateway.serviceAccount.create",
        &["ServiceAccount/sparkconnect-gateway"],
    ),
];

#[test]
fn a_switch_takes_away_what_it_says_and_nothing_beside() {
    let all = objects("ns", &["--skip-tests"]);
    let all: Vec<String> = all.iter().map(name).collect();
    for (switch, gone) in SWITCHES {
        let left = objects("ns", &["--skip-tests", &format!("--set={switch}=false")]);
        let left: Vec<String> = left.iter().map(name).collect();
        let mut taken: Vec<&str> = all
            .iter()
            .filter(|it| !left.contains(it))
            .map(String::as_str)
            .collect();
        taken.sort_unstable();
        assert_eq!(taken, *gone, "{switch}");
    }
    let without = objects(
        "ns",
        &["--set=gateway.enabled=false,monitoring.podMonitor.enabled=true"],
    );
    let of_gateway: Vec<_> = without
        .iter()
        .map(name)
        .filter(|it| it.contains("gateway"))
        .collect();
    assert!(of_gateway.is_empty(), "{of_gateway:?}");
}

#[test]
fn named_namespaces_need_no_rights_beyond_but_one() {
    let objects = objects(
        "ops",
        &[
            "--skip-tests",
            "--set=watchNamespaces={team-a,team-b},access.clusterRoles=false",
        ],
    );
    let wide = |object: &&Value| name(object).starts_with("ClusterRole");
    let wide: Vec<_> = objects.iter().filter(wide).map(name).collect();
    assert_eq!(
        wide,
        ["ClusterRoleBinding/sparkconnect-gateway-reviews:ops"]
    );
    for program in ["operator", "gateway"] {
        let binding = format!("RoleBinding/sparkconnect-{program}");
        let bindings = objects.iter().filter(|it| name(it) == binding);
        let from_to = |it: &Value| {
            let [namespace, subject] = [&it["metadata"], &it["subjects"][0]];
            (namespace["namespace"].clone(), subject["namespace"].clone())
        };
        let from_to: Vec<_> = bindings.map(from_to).collect();
        let wanted = ["team-a", "team-b"].map(|team| (team.into(), "ops".into()));
        assert_eq!(from_to, wanted, "{program}");
    }
}
