//! Settings that a spec field or the operator already decides, as one table that is both a set of CEL rules in the schema and
//! a check of settings that come from Secrets and ConfigMaps. No I/O.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Spark settings that `sparkConf` refuses, each with what decides it.
pub(crate) const RESERVED: &[(&str, &str)] = &[
    ("spark.app.name", "the replica's name"),
    (
        "spark.connect.authenticate.token",
        "the operator, one token a server",
    ),
    ("spark.connect.grpc.binding.address", "the operator"),
    ("spark.connect.grpc.binding.port", "the operator"),
    ("spark.driver.bindAddress", "the operator"),
    ("spark.driver.blockManager.port", "the operator"),
    ("spark.driver.cores", "spec.driver.cores"),
    ("spark.driver.host", "the operator"),
    ("spark.driver.memory", "spec.driver.memory"),
    ("spark.driver.memoryOverhead", "spec.driver.memoryOverhead"),
    ("spark.driver.port", "the operator"),
    ("spark.dynamicAllocation.enabled", "spec.executor.autoscale"),
    (
        "spark.dynamicAllocation.initialExecutors",
        "spec.executor.autoscale.initial",
    ),
    (
        "spark.dynamicAllocation.maxExecutors",
        "spec.executor.autoscale.max",
    ),
    (
        "spark.dynamicAllocation.minExecutors",
        "spec.executor.autoscale.min",
    ),
    ("spark.executor.cores", "spec.executor.cores"),
    ("spark.executor.instances", "spec.executor.instances"),
    ("spark.executor.memory", "spec.executor.memory"),
    (
        "spark.executor.memoryOverhead",
        "spec.executor.memoryOverhead",
    ),
    (
        "spark.kubernetes.authenticate.driver.serviceAccountName",
        "spec.serviceAccountName",
    ),
    (
        "spark.kubernetes.authenticate.executor.serviceAccountName",
        "spec.serviceAccountName",
    ),
    ("spark.kubernetes.container.image", "spec.image"),
    (
        "spark.kubernetes.container.image.pullPolicy",
        "spec.imagePullPolicy",
    ),
    (
        "spark.kubernetes.container.image.pullSecrets",
        "spec.imagePullSecrets",
    ),
    ("spark.kubernetes.driver.container.image", "spec.image"),
    ("spark.kubernetes.driver.pod.name", "the operator"),
    ("spark.kubernetes.executor.container.image", "spec.image"),
    (
        "spark.kubernetes.executor.limit.cores",
        "spec.executor.resources",
    ),
    ("spark.kubernetes.executor.podNamePrefix", "the operator"),
    (
        "spark.kubernetes.executor.podTemplateFile",
        "spec.executor.template",
    ),
    (
        "spark.kubernetes.executor.request.cores",
        "spec.executor.resources",
    ),
    ("spark.kubernetes.namespace", "the resource's namespace"),
    ("spark.local.dir", "the operator"),
    ("spark.master", "spec.mode"),
    (
        "spark.scheduler.listenerbus.logSlowEvent",
        "the operator, for Spark would log secret settings",
    ),
    ("spark.submit.deployMode", "the operator"),
    ("spark.ui.enabled", "spec.ui.enabled"),
    ("spark.ui.port", "the operator"),
];

/// What decides the Spark setting `key`, where it is not the user's to give in a plain setting.
pub fn reserved(key: &str) -> Option<&'static str> {
    RESERVED
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, owner)| *owner)
}

/// Most settings in one map: a bound that keeps the cost of the rules on them small.
const MAX_SETTINGS: u32 = 512;

/// The schema of `sparkConf` on a server: string values, keys of Spark's, none that is decided elsewhere.
pub(crate) fn spark_conf(_: &mut SchemaGenerator) -> Schema {
    let mut rules = vec![json!({
        "rule": "self.all(key, key.startsWith('spark.'))",
        "message": "every key of sparkConf must start with `spark.`; Hadoop settings go to hadoopConf",
    })];
    rules.extend(RESERVED.iter().map(|(key, owner)| {
        json!({
            "rule": format!("!('{key}' in self)"),
            "message": format!("{key} is decided by {owner}: remove it from sparkConf"),
        })
    }));
    settings(&rules)
}

/// The schema of `hadoopConf`: string values, names without Spark's prefix.
pub(crate) fn hadoop_conf(_: &mut SchemaGenerator) -> Schema {
    settings(&[json!({
        "rule": "self.all(key, !key.startsWith('spark.'))",
        "message": "write Hadoop settings under their own names, without `spark.hadoop.`",
    })])
}

/// The schema of the name of a setting whose value comes from elsewhere: Spark's, and not decided elsewhere.
pub(crate) fn setting_name(_: &mut SchemaGenerator) -> Schema {
    let reserved: Vec<String> = RESERVED.iter().map(|(key, _)| format!("'{key}'")).collect();
    text(
        253,
        &[
            json!({
                "rule": "self.startsWith('spark.')",
                "message": "name must be a Spark setting, starting with `spark.`; a Hadoop setting is written spark.hadoop.NAME",
            }),
            json!({
                "rule": format!("!(self in [{}])", reserved.join(", ")),
                "message": "this setting is decided by another field of the spec or by the operator: remove it",
            }),
        ],
    )
}

/// The schema of a name of a Secret, ConfigMap or ServiceAccount.
pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        &[json!({
            "rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
            "message": "must be the name of an object: lower-case letters, digits, `-` and `.`",
        })],
    )
}

/// The schema of a key in the data of a Secret or ConfigMap.
pub(crate) fn data_key(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        &[json!({
            "rule": "self.matches('^[-._a-zA-Z0-9]+$')",
            "message": "must be a key of a Secret or ConfigMap: letters, digits, `-`, `_` and `.`",
        })],
    )
}

/// The schema of a list that Spark takes joined by commas.
pub(crate) fn entries(_: &mut SchemaGenerator) -> Schema {
    let item = json!({
        "rule": "self.matches('^[^,[:space:]]+$')",
        "message": "must be one entry an item, without a comma or a space",
    });
    list(&text(2048, &[item]))
}

/// The schema of a list of Maven coordinates.
pub(crate) fn packages(_: &mut SchemaGenerator) -> Schema {
    let item = json!({
        "rule": "self.matches('^[^:,[:space:]]+:[^:,[:space:]]+:[^:,[:space:]]+$')",
        "message": "a package must be written group:artifact:version",
    });
    list(&text(512, &[item]))
}

/// The schema of references to pull secrets, one a name.
pub(crate) fn pull_secrets(generator: &mut SchemaGenerator) -> Schema {
    let mut name = object_name(generator);
    name.insert("description".to_owned(), "Name of the Secret.".into());
    json_schema!({
        "type": "array",
        "maxItems": 10,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "description": "A Secret of the type kubernetes.io/dockerconfigjson.",
            "type": "object",
            "required": ["name"],
            "properties": { "name": name },
        },
    })
}

/// A string with rules; its greatest length keeps their cost small.
fn text(max_length: u32, rules: &[Value]) -> Schema {
    json_schema!({ "type": "string", "maxLength": max_length, "x-kubernetes-validations": rules })
}

fn list(item: &Schema) -> Schema {
    json_schema!({ "type": "array", "maxItems": 200, "items": item })
}

fn settings(rules: &[Value]) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string" },
        "maxProperties": MAX_SETTINGS,
        "x-kubernetes-validations": rules,
    })
}

/// The schema of a pod template: any object here, checked against Kubernetes' type by the operator, so that the resource
/// definition stays small enough for client-side apply.
pub(crate) fn pod_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_what_decides() {
        assert!(RESERVED.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(reserved("spark.master"), Some("spec.mode"));
        assert_eq!(reserved("spark.sql.shuffle.partitions"), None);
    }
}
