//! The tables in `tests/cases`: each case is a patch on a valid manifest, and what the API server says to the result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kube::api::{Api, DeleteParams, DynamicObject};
use serde::Deserialize;
use serde_json::Value;
use sparkconnect_api::{SparkConnectServer, SparkSession};

use crate::fixture::{Outcome, api, create, merged, replace};
use crate::schema::{Kind, plain_path, rules, walk};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: Kind,
    /// A manifest that is accepted as it is.
    base: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Merged into the base.
    #[serde(default)]
    patch: Value,
    /// Merged into what the patch gives; then it is an update of that which is judged.
    update: Option<Value>,
    /// Every cause of the refusal, as field and message; empty means that it is accepted.
    #[serde(default)]
    refused: BTreeMap<String, String>,
    /// The whole spec that an accepted object is stored with.
    stored: Option<Value>,
}

/// What the API server adds where a value has the wrong type or size, so that it could not look at rules.
const UNCHECKED: &str = "some validation rules were not checked because the object was invalid";

impl Table {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        ["server.yaml", "reserved-settings.yaml", "session.yaml"]
            .map(|name| {
                let path = folder.join(name);
                let text = std::fs::read_to_string(&path).expect("the table is there");
                serde_yaml::from_str(&text)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            })
            .into()
    }

    fn manifest(&self, case: &Case) -> Value {
        if case.patch.is_null() {
            return self.base.clone();
        }
        merged(&self.base, &case.patch)
    }
}

#[tokio::test]
async fn every_case_is_judged_as_the_tables_say() {
    let mut wrong = Vec::new();
    for table in Table::all() {
        let api = api(&table.kind.resource()).await;
        for (number, case) in table.cases.iter().enumerate() {
            let outcome = judged(&api, &table, case, number).await;
            if let Err(difference) = compare(table.kind, case, &outcome) {
                wrong.push(format!("{:?}, {}: {difference}", table.kind, case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn judged(api: &Api<DynamicObject>, table: &Table, case: &Case, number: usize) -> Outcome {
    let resource = table.kind.resource();
    let mut manifest = table.manifest(case);
    let Some(update) = &case.update else {
        return create(api, &resource, &manifest, true).await;
    };
    let name = format!("case-{number}");
    manifest["metadata"]["name"] = name.as_str().into();
    let old = create(api, &resource, &manifest, false)
        .await
        .unwrap_or_else(|causes| panic!("{}: the first version is refused: {causes:?}", case.name));
    let outcome = replace(api, &resource, &old, &merged(&manifest, update)).await;
    let deleted = api.delete(&name, &DeleteParams::default()).await;
    deleted.expect("what was created can be deleted");
    outcome
}

fn compare(kind: Kind, case: &Case, outcome: &Outcome) -> Result<(), String> {
    match outcome {
        Ok(_) if !case.refused.is_empty() => Err("it is accepted".to_owned()),
        Ok(object) => {
            if let Some(spec) = &case.stored
                && object.data["spec"] != *spec
            {
                return Err(format!("it is stored as {}", object.data["spec"]));
            }
            read(kind, object).map_err(|error| format!("the types cannot read it: {error}"))
        }
        Err(causes) => {
            let seen: BTreeSet<(String, String)> = causes
                .iter()
                .filter(|cause| !cause.message.contains(UNCHECKED))
                .map(|cause| (cause.field.clone(), sentence(&cause.message)))
                .collect();
            let wanted: BTreeSet<(String, String)> = case.refused.clone().into_iter().collect();
            if seen == wanted {
                return Ok(());
            }
            Err(format!("it is refused with {seen:?}"))
        }
    }
}

/// Whether the Rust types read what the API server keeps.
fn read(kind: Kind, object: &DynamicObject) -> serde_json::Result<()> {
    let value = serde_json::to_value(object)?;
    match kind {
        Kind::SparkConnectServer => serde_json::from_value::<SparkConnectServer>(value).map(drop),
        Kind::SparkSession => serde_json::from_value::<SparkSession>(value).map(drop),
    }
}

/// The message without what the API server puts before it: `Invalid value: "x": `, or without a value `Invalid value: `.
fn sentence(message: &str) -> String {
    let after = message.strip_prefix("Invalid value: ").unwrap_or(message);
    let value_ends = match after.chars().next() {
        Some('"') => after[1..].find("\": ").map(|place| place + 4),
        Some('{' | '[' | '-' | '0'..='9') => after.find(": ").map(|place| place + 2),
        _ => None,
    };
    after[value_ends.unwrap_or(0)..].to_owned()
}

#[test]
fn every_rule_has_a_case_that_it_refuses() {
    let mut refused: BTreeSet<(Kind, String, String)> = BTreeSet::new();
    for table in Table::all() {
        for case in &table.cases {
            let causes = case.refused.iter();
            refused
                .extend(causes.map(|(field, text)| (table.kind, plain_path(field), text.clone())));
        }
    }
    let missing: Vec<_> = Kind::ALL
        .into_iter()
        .flat_map(|kind| {
            rules(kind)
                .into_iter()
                .map(move |(path, text)| (kind, path, text))
        })
        .filter(|rule| !refused.contains(rule))
        .collect();
    assert!(
        missing.is_empty(),
        "rules that no case in tests/cases is refused by: {missing:#?}"
    );
}

/// The passing side: the accepted manifests have, between them, a value at every path that has a rule.
#[test]
fn every_rule_has_a_case_that_it_lets_pass() {
    let tables = Table::all();
    for kind in Kind::ALL {
        let accepted: Vec<Value> = tables
            .iter()
            .filter(|table| table.kind == kind)
            .flat_map(|table| table.cases.iter().map(move |case| (table, case)))
            .filter(|(_, case)| case.refused.is_empty() && case.update.is_none())
            .map(|(table, case)| table.manifest(case))
            .collect();
        walk("", &kind.schema(), &mut |path, schema| {
            let has_rule = schema.get("x-kubernetes-validations").is_some();
            let is_there = accepted.iter().any(|manifest| has(manifest, path));
            assert!(
                !has_rule || is_there,
                "no accepted case of {kind:?} has {path}"
            );
        });
    }
}

/// Whether `value` has something at `path`.
fn has(value: &Value, path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    if let Some(rest) = path.strip_prefix("[]") {
        let rest = rest.trim_start_matches('.');
        return match value {
            Value::Array(items) => items.iter().any(|item| has(item, rest)),
            Value::Object(entries) => entries.values().any(|entry| has(entry, rest)),
            _ => false,
        };
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    value
        .get(name)
        .is_some_and(|below| has(below, rest.trim_start_matches('.')))
}

#[test]
fn a_message_loses_the_value_before_it() {
    for message in [
        "Invalid value: \"1Gi\": must be so",
        "Invalid value: must be so",
        "Invalid value: 3: must be so",
    ] {
        assert_eq!(sentence(message), "must be so");
    }
}
