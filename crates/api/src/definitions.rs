//! The two CustomResourceDefinitions as they are installed: the derived ones, with a schema made readable. No I/O.
//!
//! Three things differ from what the derive gives. The meaning of each enum value is in the description, so that `kubectl
//! explain` shows it. Nothing is nullable: an explicit null then counts as absent, as it does in Kubernetes' own types, and
//! defaults fill it. A status has no defaults, so that what was not observed stays absent, but for a generation that no
//! resource has: tools that wait take a resource without an observed generation for one that needs none.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;
use kube::core::schema::{OptionalEnum, StructuralSchemaRewriter};
use schemars::generate::SchemaSettings;
use schemars::transform::{AddNullable, RecursiveTransform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::{SparkConnectServer, SparkSession};

/// The definitions of SparkConnectServer and SparkSession, in this order.
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [
        definition::<SparkConnectServer>(),
        definition::<SparkSession>(),
    ]
}

fn definition<K: CustomResourceExt + JsonSchema>() -> CustomResourceDefinition {
    let mut definition = K::crd();
    let schema = definition.spec.versions[0]
        .schema
        .as_mut()
        .expect("the derive gives every version a schema");
    schema.open_api_v3_schema = Some(schema_of::<K>());
    definition
}

fn schema_of<K: JsonSchema>() -> JSONSchemaProps {
    let schema = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(RecursiveTransform(explain_values))
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(RecursiveTransform(tidy))
        .into_generator()
        .into_root_schema_for::<K>();
    let mut props: JSONSchemaProps = serde_json::from_value(schema.to_value())
        .expect("a structural schema has the form of the definition's type");
    props
        .properties
        .iter_mut()
        .filter_map(|properties| properties.get_mut("status"))
        .for_each(|status| {
            drop_defaults(status);
            status.default = Some(JSON(json!({"observedGeneration": -1})));
        });
    props
}

/// Adds what each value of an enum means to the description of the field that has it.
fn explain_values(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let has_words = object.contains_key("description");
    let optional = object.get_mut("anyOf").and_then(|any| any.get_mut(0));
    let inner = optional.and_then(Value::as_object_mut);
    let values = match inner {
        Some(inner) if inner.contains_key("oneOf") => {
            // The field's own words are the ones to keep; the type's would take their place later.
            if has_words {
                inner.remove("description");
            }
            values_of(inner)
        }
        _ => values_of(object),
    };
    let Some(Value::String(text)) = object.get_mut("description") else {
        return;
    };
    if !values.is_empty() {
        *text = format!("{}\n\n{}", one_line(text), values.join("\n"));
    }
}

fn values_of(schema: &Map<String, Value>) -> Vec<String> {
    let variants = schema.get("oneOf").and_then(Value::as_array);
    variants
        .into_iter()
        .flatten()
        .filter_map(|variant| {
            // `const` is a list of one by now: an earlier step of these settings turns it into that.
            let value = variant.get("enum")?.get(0)?.as_str()?;
            let words = variant.get("description")?.as_str()?;
            Some(format!("- {value}: {}", one_line(words)))
        })
        .collect()
}

/// Removes what the derive adds and an API server has no use for, and joins the lines of a paragraph.
fn tidy(schema: &mut Schema) {
    for key in ["nullable", "title"] {
        schema.remove(key);
    }
    if let Some(Value::String(text)) = schema.get_mut("description")
        && !text.contains("\n- ")
    {
        let paragraphs: Vec<String> = text.split("\n\n").map(one_line).collect();
        *text = paragraphs.join("\n\n");
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn drop_defaults(schema: &mut JSONSchemaProps) {
    schema.default = None;
    schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .for_each(drop_defaults);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(definition: usize, path: &[&str]) -> JSONSchemaProps {
        let definitions = definitions();
        let schema = definitions[definition].spec.versions[0].schema.clone();
        let root = schema.unwrap().open_api_v3_schema.unwrap();
        path.iter().fold(root, |schema, name| {
            schema.properties.unwrap().remove(*name).unwrap()
        })
    }

    #[test]
    fn the_meaning_of_each_value_follows_the_fields_own_words() {
        let mode = field(0, &["spec", "mode"]).description.unwrap();
        assert_eq!(
            mode,
            "Where executors run.\n\n- Cluster: Executors are pods of their own.\n\
             - Local: Everything runs in the driver: `local[*]`."
        );
        let optional = field(1, &["spec", "onServerLoss"]).description.unwrap();
        assert!(optional.contains("Absent: the server's"), "{optional}");
        assert!(
            optional.ends_with("- Recreate: It is made anew, empty, on a serving replica."),
            "{optional}"
        );
    }

    #[test]
    fn a_status_has_no_defaults_but_of_its_generation_and_a_spec_has_them() {
        for kind in [0, 1] {
            let status = field(kind, &["status"]).default;
            assert_eq!(status, Some(JSON(json!({"observedGeneration": -1}))));
        }
        assert_eq!(field(0, &["status", "replicas"]).default, None);
        assert!(field(0, &["spec", "replicas"]).default.is_some());
    }

    #[test]
    fn nothing_is_nullable() {
        for definition in definitions() {
            let text = serde_json::to_string(&definition).unwrap();
            assert!(!text.contains("nullable"), "{text}");
        }
    }
}
