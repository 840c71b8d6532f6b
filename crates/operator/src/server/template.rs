//! A user's pod template: read strictly, checked for what it must not touch, merged over the operator's. No I/O.

mod check;
pub(crate) mod quantity;

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use serde_json::Value;

use super::validate::layout::CONTAINER;

pub(crate) use check::{Role, refusals};

/// Maps of text that the API server drops where they are empty. Other empty objects say something, as in `emptyDir: {}`.
const PLAIN_MAPS: [&str; 6] = [
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "requests",
];
/// Texts that say something where they are empty.
const MEANT_EMPTY: [&str; 2] = ["apiGroup", "storageClassName"];
/// Fields that the API server drops where they have this, their default.
const DROPPED_FALSE: [&str; 7] = [
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
];
/// As [`DROPPED_FALSE`], for zero.
const DROPPED_ZERO: [&str; 2] = ["hostPort", "initialDelaySeconds"];

/// Reads a template, in the form that the API server would print it.
///
/// # Errors
/// What is wrong, without the field's name: a value of another type, or every unknown field.
pub fn parse(raw: &Value) -> Result<PodTemplateSpec, Vec<String>> {
    let raw = prune(raw);
    let mut template: PodTemplateSpec = serde_path_to_error::deserialize(&raw)
        .map_err(|error| vec![format!("{}: {}", error.path(), error.inner())])?;
    let known =
        serde_json::to_value(&template).expect("a pod template is made of maps with text keys");
    let mut unknown = Vec::new();
    compare(&raw, &known, "", &mut unknown);
    if !unknown.is_empty() {
        return Err(unknown);
    }
    template.spec.iter_mut().for_each(quantity::canonical_pod);
    Ok(template)
}

/// `theirs` over `ours`: objects field by field, lists by name, and what Kubernetes takes as a whole as a whole.
pub(crate) fn merge(mut ours: PodTemplateSpec, theirs: &PodTemplateSpec) -> PodTemplateSpec {
    let mut theirs = theirs.clone();
    if let (Some(ours), Some(theirs)) = (&mut ours.spec, &mut theirs.spec) {
        make_way(ours, theirs);
    }
    ours.merge_from(theirs);
    ours
}

/// The container that Spark runs in, where the template says something about it.
pub(crate) fn spark_container(template: &PodTemplateSpec) -> Option<&Container> {
    let spec = template.spec.as_ref()?;
    spec.containers
        .iter()
        .find(|container| container.name == CONTAINER)
}

/// Settles what a field-by-field merge would spoil: a volume or a probe must have one source, so theirs takes the place of
/// ours; environment sources are a list without names, so theirs come after ours, and win.
fn make_way(ours: &mut PodSpec, theirs: &mut PodSpec) {
    let volumes = theirs.volumes.iter().flatten();
    let taken: Vec<_> = volumes.map(|volume| volume.name.clone()).collect();
    if let Some(volumes) = &mut ours.volumes {
        volumes.retain(|volume| !taken.contains(&volume.name));
    }
    let theirs = theirs
        .containers
        .iter_mut()
        .find(|container| container.name == CONTAINER);
    let ours = ours
        .containers
        .iter_mut()
        .find(|container| container.name == CONTAINER);
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        if theirs.readiness_probe.is_some() {
            ours.readiness_probe = None;
        }
        if let Some(after) = &mut theirs.env_from {
            after.splice(..0, ours.env_from.take().into_iter().flatten());
        }
    }
}

/// Without what the API server does not keep: nulls, empty lists, empty texts, defaults that it leaves out.
fn prune(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, value)| !is_dropped(key, value))
            .map(|(key, value)| {
                let plain = PLAIN_MAPS.contains(&key.as_str());
                (
                    key.clone(),
                    if plain { value.clone() } else { prune(value) },
                )
            })
            .collect(),
        Value::Array(items) => items.iter().map(prune).collect(),
        other => other.clone(),
    }
}

fn is_dropped(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && PLAIN_MAPS.contains(&key),
        Value::String(text) => text.is_empty() && !MEANT_EMPTY.contains(&key),
        Value::Bool(yes) => !yes && DROPPED_FALSE.contains(&key),
        Value::Number(number) => number.as_i64() == Some(0) && DROPPED_ZERO.contains(&key),
    }
}

/// Finds what was read over: fields of `raw` that `known`, its typed form, does not have.
fn compare(raw: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (raw, known) {
        (Value::Object(raw), Value::Object(known)) => {
            for (key, value) in raw {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match known.get(key) {
                    Some(known) => compare(value, known, &path, unknown),
                    None => unknown.push(format!("unknown field {path}")),
                }
            }
        }
        (Value::Array(raw), Value::Array(known)) => {
            for (index, (value, known)) in raw.iter().zip(known).enumerate() {
                compare(value, known, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}
