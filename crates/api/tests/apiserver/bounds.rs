//! Every bound and list of values in the specs' schemas, at its edge and beyond, made from the schemas themselves. Other rules
//! may refuse such a value too; only what the bound says is looked at.

use serde_json::{Value, json};

use crate::fixture::{Outcome, api, create};
use crate::schema::{Kind, walk};

/// A value at the edge of a bound, one beyond it, and how the refusal of the second begins or ends.
struct Edge {
    path: String,
    inside: Value,
    beyond: Value,
    words: String,
}

#[tokio::test]
async fn bounds_hold_at_their_edge() {
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        let (resource, edges) = (kind.resource(), edges(kind));
        assert!(
            edges.len() >= 15,
            "only {} bounds of {kind:?} were found",
            edges.len()
        );
        let api = api(&resource).await;
        for edge in edges {
            let (inside, beyond) = (
                manifest(kind, &edge.path, &edge.inside),
                manifest(kind, &edge.path, &edge.beyond),
            );
            let inside = create(&api, &resource, &inside, true).await;
            let beyond = create(&api, &resource, &beyond, true).await;
            if says(&inside, &edge.words) || !says(&beyond, &edge.words) {
                let (path, words) = (edge.path, edge.words);
                wrong.push(format!(
                    "{path} `{words}`: inside {inside:?}, beyond {beyond:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn says(outcome: &Outcome, words: &str) -> bool {
    outcome
        .as_ref()
        .is_err_and(|causes| causes.iter().any(|cause| cause.message.contains(words)))
}

fn edges(kind: Kind) -> Vec<Edge> {
    let mut edges = Vec::new();
    walk(
        "spec",
        &kind.schema()["properties"]["spec"],
        &mut |path, schema| {
            let number = |key: &str| schema[key].as_i64();
            let mut edge = |inside: Value, beyond: Value, words: String| {
                let path = path.to_owned();
                edges.push(Edge {
                    path,
                    inside,
                    beyond,
                    words,
                });
            };
            if let Some(least) = number("minimum") {
                let words = format!("should be greater than or equal to {least}");
                edge(json!(least), json!(least - 1), words);
            }
            if let Some(most) = number("maximum") {
                let words = format!("should be less than or equal to {most}");
                edge(json!(most), json!(most + 1), words);
            }
            if let Some(most) = size(schema, "maxLength") {
                let words = format!("may not be more than {most} bytes");
                edge(json!("a".repeat(most)), json!("a".repeat(most + 1)), words);
            }
            if let Some(most) = size(schema, "maxItems") {
                let list = |count: usize| json!(vec![sample(&schema["items"]); count]);
                edge(
                    list(most),
                    list(most + 1),
                    format!("must have at most {most} items"),
                );
            }
            if let Some(most) = size(schema, "maxProperties") {
                let map = |count: usize| {
                    (0..count)
                        .map(|n| (format!("spark.{n}"), json!("1")))
                        .collect()
                };
                edge(
                    Value::Object(map(most)),
                    Value::Object(map(most + 1)),
                    format!("must have at most {most} items"),
                );
            }
            if let Some(values) = schema["enum"].as_array() {
                edge(
                    values[0].clone(),
                    json!("Other"),
                    "supported values: ".to_owned(),
                );
            }
        },
    );
    edges
}

fn size(schema: &Value, key: &str) -> Option<usize> {
    schema[key]
        .as_u64()
        .and_then(|bound| usize::try_from(bound).ok())
}

/// A value of the type that `schema` asks for, with what it requires.
fn sample(schema: &Value) -> Value {
    if schema["type"] != "object" {
        return json!("a:b:c");
    }
    let required = schema["required"].as_array().into_iter().flatten();
    required
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), sample(&schema["properties"][name])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A manifest with `value` at `path`, and beside it what the objects on the way require.
fn manifest(kind: Kind, path: &str, value: &Value) -> Value {
    let schema = kind.schema();
    let mut object = json!({ "metadata": { "name": "edge" } });
    object["spec"] = sample(&schema["properties"]["spec"]);
    let path = path.strip_prefix("spec").unwrap_or(path);
    put(
        &mut object["spec"],
        &schema["properties"]["spec"],
        path,
        value,
    );
    object
}

fn put(place: &mut Value, schema: &Value, path: &str, value: &Value) {
    if path.is_empty() {
        *place = value.clone();
        return;
    }
    if let Some(rest) = path.strip_prefix("[]") {
        if schema["items"].is_object() {
            *place = json!([sample(&schema["items"])]);
            return put(&mut place[0], &schema["items"], rest, value);
        }
        *place = json!({ "cpu": null });
        return put(
            &mut place["cpu"],
            &schema["additionalProperties"],
            rest,
            value,
        );
    }
    let path = path.trim_start_matches('.');
    let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let below = &schema["properties"][name];
    if place[name].is_null() && below["type"] == "object" {
        place[name] = sample(below);
    }
    put(&mut place[name], below, rest, value);
}
