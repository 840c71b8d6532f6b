//! Values and their schema say the same: every value is in the schema with a description, and the schema has no others.

use serde_json::Value;
use sparkconnect_testkit::helm::chart;

fn read(name: &str) -> String {
    let path = chart().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_value_is_described_and_every_described_value_is_one() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("it is JSON");
    let values: Value = serde_yaml::from_str(&read("values.yaml")).expect("it is YAML");
    let mut wrong = Vec::new();
    compare("", &schema, &values, &mut wrong);
    // What Helm hands a chart that another one depends on.
    wrong.retain(|it| it != "/enabled: no value" && it != "/global: no value");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where the schema has properties, they are the value's; where it has none, the value is a whole.
fn compare(path: &str, schema: &Value, value: &Value, wrong: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    if schema["additionalProperties"] != Value::Bool(false) {
        wrong.push(format!("{path}: takes any property"));
    }
    for (name, below) in properties {
        let place = format!("{path}/{name}");
        if below["description"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{place}: no description"));
        }
        match value.get(name) {
            Some(value) => compare(&place, below, value, wrong),
            None => wrong.push(format!("{place}: no value")),
        }
    }
    for name in value.as_object().into_iter().flat_map(|it| it.keys()) {
        if !properties.contains_key(name) {
            wrong.push(format!("{path}/{name}: not in the schema"));
        }
    }
}
