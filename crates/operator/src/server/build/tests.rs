//! Snapshots of every object of three servers, and what holds for all of them.

use serde::Serialize;
use serde_json::{Value, json};
use sparkconnect_api::labels;

use super::fixtures::{self, Fixture, TOKEN};
use super::{Children, build};
use crate::server::inputs::{Inputs, SourceRef};

/// Every object by the name of its snapshot, as YAML; the Secret's file as text, for a reader.
fn objects(children: &Children) -> Vec<(&'static str, String)> {
    let mut secret = children.secret.clone();
    let file = secret
        .data
        .take()
        .unwrap_or_default()
        .remove("spark.properties");
    let file = file.map(|file| String::from_utf8(file.0).unwrap());
    let objects = [
        ("service-account", yaml(children.service_account.as_ref())),
        ("role", yaml(children.role.as_ref())),
        ("role-binding", yaml(children.role_binding.as_ref())),
        ("service", yaml(Some(&children.service))),
        ("config-map", yaml(Some(&children.config_map))),
        ("secret", yaml(Some(&secret))),
        ("spark.properties", file),
        ("network-policy", yaml(Some(&children.network_policy))),
        (
            "executor-network-policy",
            yaml(children.executor_network_policy.as_ref()),
        ),
        (
            "disruption-budget",
            yaml(children.disruption_budget.as_ref()),
        ),
        ("stateful-set", yaml(Some(&children.stateful_set))),
    ];
    let made = objects.into_iter();
    made.filter_map(|(name, text)| Some((name, text?)))
        .collect()
}

fn yaml(object: Option<&impl Serialize>) -> Option<String> {
    object.map(|object| serde_yaml::to_string(object).unwrap())
}

fn replicas(server: &Value) -> i32 {
    server["spec"]["replicas"]
        .as_i64()
        .map_or(1, |replicas| replicas as i32)
}

#[test]
fn every_object_is_as_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, fixture) in Fixture::ALL {
        let children = build(&fixture.validated(), replicas(&fixture.json()));
        for (object, text) in objects(&children) {
            settings.bind(|| insta::assert_snapshot!(format!("{name}-{object}"), text));
        }
    }
}

/// Snapshots have only the policy: the rest must be the same, so that a gateway that comes or goes restarts nobody.
#[test]
fn behind_a_gateway_only_the_network_policy_of_drivers_is_another() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, fixture) in Fixture::ALL {
        let (open, behind) = (fixture.validated(), fixture.behind_gateway());
        let (open, behind) = (objects(&build(&open, 2)), objects(&build(&behind, 2)));
        for ((object, before), (_, after)) in open.into_iter().zip(behind) {
            if object == "network-policy" {
                let snapshot = format!("{name}-{object}-gateway");
                settings.bind(|| insta::assert_snapshot!(snapshot, after));
            } else {
                assert_eq!(before, after, "{name} {object}");
            }
        }
    }
}

#[test]
fn the_installed_operator_has_the_label_that_lets_it_in() {
    let text = include_str!("../../../../../deploy/cluster-wide/operator/deployment.yaml");
    let deployment: Value = serde_yaml::from_str(text).unwrap();
    let own = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(own[labels::NAME], json!(labels::OPERATOR_APP));
}

#[test]
fn behind_a_gateway_nobody_comes_in_from_an_unknown_namespace() {
    let mut server = Fixture::Minimal.behind_gateway();
    server.operator_namespace = None;
    let policy = build(&server, 1).network_policy;
    let rules = policy.spec.unwrap().ingress.unwrap();
    assert!(rules.iter().all(|rule| rule.from.is_some()), "{rules:?}");
}

#[test]
fn the_same_server_gives_the_same_bytes() {
    for (name, fixture) in Fixture::ALL {
        let once = objects(&build(&fixture.validated(), 2));
        let again = objects(&build(&fixture.validated(), 2));
        assert_eq!(once, again, "{name}");
    }
}

#[test]
fn secret_values_are_in_the_properties_file_and_nowhere_else() {
    let server = Fixture::Everything.validated();
    let children = build(&server, 3);
    for (name, text) in objects(&children) {
        match name {
            "spark.properties" => {
                for value in [
                    "hidden-s3-secret",
                    "hidden-s3-user",
                    "hidden-login",
                    "hidden-azure-key",
                    TOKEN,
                ] {
                    assert!(
                        text.contains(value),
                        "{value} is not in the properties file"
                    );
                }
                assert!(
                    !text.contains("hidden-unused"),
                    "an unused key is in the properties file"
                );
            }
            _ => assert!(
                !text.contains("hidden-"),
                "{name} holds a secret value:\n{text}"
            ),
        }
    }
    let inputs = Fixture::Everything.inputs();
    for text in [
        format!("{server:?}"),
        format!("{inputs:?}"),
        format!("{:?}", server.properties),
    ] {
        assert!(
            !text.contains("hidden-"),
            "a Debug output holds a secret value:\n{text}"
        );
        let bytes = format!("{:?}", "hidden-".as_bytes());
        assert!(
            !text.contains(bytes.trim_matches(['[', ']'])),
            "a Debug output holds secret bytes"
        );
    }
}

/// A change to the fixture of everything, and whether replicas must restart for it.
struct Change {
    restarts: bool,
    what: &'static str,
    server: Value,
    inputs: fn(&mut Inputs),
}

fn of_spec(restarts: bool, what: &'static str, spec: &Value) -> Change {
    Change {
        restarts,
        what,
        server: json!({ "spec": spec }),
        inputs: |_| (),
    }
}

fn of_inputs(restarts: bool, what: &'static str, inputs: fn(&mut Inputs)) -> Change {
    Change {
        restarts,
        what,
        server: json!({}),
        inputs,
    }
}

fn put(inputs: &mut Inputs, reference: &SourceRef, key: &str, value: &str) {
    let source = inputs
        .named
        .get_mut(reference)
        .and_then(Option::as_mut)
        .unwrap();
    source.data.insert(key.to_owned(), value.into());
}

fn changes() -> Vec<Change> {
    let annotated = |name: &str| json!({ "metadata": { "annotations": { name: "later" } } });
    let annotation = |restarts, what, name| Change {
        restarts,
        what,
        server: annotated(name),
        inputs: |_| (),
    };
    let annotations = [
        annotation(true, "restarted-at", "sparkconnect.dev/restarted-at"),
        annotation(false, "another annotation", "example.com/other"),
    ];
    let all = changes_of_the_spec().into_iter().chain(annotations);
    all.chain(changes_of_inputs()).collect()
}

fn changes_of_the_spec() -> Vec<Change> {
    let core = json!({ "resources": { "limits": { "cpu": 4 } } });
    let sessions = json!({ "idleTimeout": "5m", "ttl": "48h" });
    let rollout = json!({ "drainTimeout": "5m" });
    let conf = json!({ "spark.sql.shuffle.partitions": "65" });
    let template = json!({ "template": { "spec": { "nodeSelector": { "pool": "x" } } } });
    let image = "registry.example.com/spark:other";
    let changes = [
        (false, "replicas", json!({ "replicas": 5 })),
        (false, "suspend", json!({ "suspend": true })),
        (false, "sessions", json!({ "sessions": sessions })),
        (false, "rollout", json!({ "rollout": rollout })),
        (
            false,
            "the same core written otherwise",
            json!({ "driver": core }),
        ),
        (true, "image", json!({ "image": image })),
        (true, "a setting", json!({ "sparkConf": conf })),
        (
            true,
            "driver memory",
            json!({ "driver": { "memory": "5g" } }),
        ),
        (
            true,
            "executor memory",
            json!({ "executor": { "memory": "9g" } }),
        ),
        (true, "executor template", json!({ "executor": template })),
        (
            true,
            "java options",
            json!({ "javaOptions": "-Dteam=other" }),
        ),
        (true, "web interface", json!({ "ui": { "enabled": false } })),
    ];
    let change = |(restarts, what, spec)| of_spec(restarts, what, &spec);
    changes.into_iter().map(change).collect()
}

fn changes_of_inputs() -> Vec<Change> {
    vec![
        of_inputs(true, "a secret setting", |inputs| {
            put(inputs, &SourceRef::secret("s3"), "secret", "new");
        }),
        of_inputs(true, "an injected file", |inputs| {
            put(inputs, &SourceRef::secret("keytab"), "spark.keytab", "new");
        }),
        of_inputs(true, "an injected variable", |inputs| {
            put(inputs, &SourceRef::config_map("flags"), "FLAG", "off");
        }),
        of_inputs(true, "an injected setting", |inputs| {
            put(inputs, &SourceRef::config_map("site"), "fs.new", "x");
        }),
        of_inputs(true, "a labelled object less", |inputs| {
            drop(inputs.labelled.remove(0));
        }),
        of_inputs(false, "a key that nothing uses", |inputs| {
            put(inputs, &SourceRef::secret("s3"), "unused", "new");
        }),
        of_inputs(false, "order of labelled objects", |inputs| {
            inputs.labelled.reverse();
        }),
    ]
}

#[test]
fn the_hash_changes_exactly_when_replicas_must_restart() {
    let hash = build(&Fixture::Everything.validated(), 1).inputs_hash;
    assert_eq!(hash.len(), 16);
    for change in changes() {
        let mut server = Fixture::Everything.json();
        let mut inputs = Fixture::Everything.inputs();
        fixtures::patch(&mut server, change.server);
        (change.inputs)(&mut inputs);
        let replicas = replicas(&server);
        let server = fixtures::check(&server, &inputs).unwrap();
        let changed = build(&server, replicas).inputs_hash != hash;
        assert_eq!(changed, change.restarts, "{}", change.what);
    }
}

#[test]
fn the_hash_is_an_annotation_of_the_pods() {
    let children = build(&Fixture::Minimal.validated(), 1);
    let pod = children
        .stateful_set
        .spec
        .unwrap()
        .template
        .metadata
        .unwrap();
    assert_eq!(
        pod.annotations.unwrap()["sparkconnect.dev/inputs-hash"],
        children.inputs_hash
    );
}

#[test]
fn every_object_belongs_to_the_server() {
    for (name, fixture) in Fixture::ALL {
        for (object, text) in objects(&build(&fixture.validated(), 2)) {
            let Ok(read) = serde_yaml::from_str::<Value>(&text) else {
                continue;
            };
            if object == "spark.properties" {
                continue;
            }
            let metadata = &read["metadata"];
            assert_eq!(
                metadata["ownerReferences"][0]["controller"],
                json!(true),
                "{name} {object}"
            );
            assert_eq!(
                metadata["ownerReferences"][0]["blockOwnerDeletion"],
                json!(true),
                "{name} {object}"
            );
            assert_eq!(metadata["namespace"], json!("analytics"), "{name} {object}");
            assert_eq!(
                metadata["labels"]["app.kubernetes.io/managed-by"],
                json!("sparkconnect"),
                "{name} {object}"
            );
        }
    }
}

#[test]
fn only_a_pool_has_a_disruption_budget() {
    let server = Fixture::Minimal.validated();
    for (replicas, expected) in [(0, false), (1, false), (2, true)] {
        assert_eq!(
            build(&server, replicas).disruption_budget.is_some(),
            expected,
            "{replicas}"
        );
    }
}
