//! The driver and executor sections of a server's spec. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Memory, rules};

/// The driver pods: one a replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Driver {
    /// CPU cores: the pod's CPU request unless `resources` gives another.
    #[serde(default = "one_core")]
    #[schemars(range(min = 1, max = 1024))]
    pub cores: i32,
    /// Java heap.
    #[serde(default = "one_gibibyte")]
    pub memory: Memory,
    /// Memory beside the heap. Absent: a tenth of the heap, at least 384 MiB. Request and limit of the pod are heap and
    /// overhead together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_overhead: Option<Memory>,
    /// Requests and limits other than memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Pod template merged over the operator's, lists by name. The Spark container is named `spark`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::pod_template")]
    pub template: Option<Value>,
}

impl Default for Driver {
    fn default() -> Self {
        Self {
            cores: one_core(),
            memory: one_gibibyte(),
            memory_overhead: None,
            resources: None,
            template: None,
        }
    }
}

/// The executor pods of each replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.instances) && has(self.autoscale))")
    .message("give instances or autoscale, not both"))]
pub struct Executor {
    /// Number of executors of each replica. Absent, and without `autoscale`: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub instances: Option<i32>,
    /// Lets each replica ask for executors as its work needs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
    /// Tasks at a time, and the pod's CPU request unless `resources` gives another.
    #[serde(default = "one_core")]
    #[schemars(range(min = 1, max = 1024))]
    pub cores: i32,
    /// Java heap.
    #[serde(default = "one_gibibyte")]
    pub memory: Memory,
    /// Memory beside the heap. Absent: Spark's own factor. Request and limit of the pod are heap and overhead together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_overhead: Option<Memory>,
    /// Requests and limits other than memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Pod template merged over the operator's, lists by name. The Spark container is named `spark`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::pod_template")]
    pub template: Option<Value>,
}

impl Default for Executor {
    fn default() -> Self {
        Self {
            instances: None,
            autoscale: None,
            cores: one_core(),
            memory: one_gibibyte(),
            memory_overhead: None,
            resources: None,
            template: None,
        }
    }
}

/// Bounds of Spark's dynamic allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.min <= self.max").message("min must be at most max"),
    validation = Rule::new("!has(self.initial) || (self.min <= self.initial && self.initial <= self.max)")
        .message("initial must lie between min and max")
)]
pub struct Autoscale {
    /// Fewest executors.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10_000))]
    pub min: i32,
    /// Most executors.
    #[schemars(range(min = 1, max = 10_000))]
    pub max: i32,
    /// Executors to start with. Absent: `min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub initial: Option<i32>,
}

/// Requests and limits of the Spark container, other than memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Requests by resource name, such as `cpu: 500m`; a fraction is text, as in `cpu: "1.5"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// Limits by resource name. Without `cpu` here there is no CPU limit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

fn quantities(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 20,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "maxLength": 32,
            "x-kubernetes-validations": [{
                "rule": "isQuantity(string(self)) && !quantity(string(self)).isLessThan(quantity('0'))",
                "message": "must be an amount of a resource, such as 2, 500m or 10Gi",
            }],
        },
        "x-kubernetes-validations": [{
            "rule": "!('memory' in self)",
            "message": "memory is decided by memory and memoryOverhead: remove it from resources",
        }],
    })
}

fn one_core() -> i32 {
    1
}

fn one_gibibyte() -> Memory {
    Memory::from_mebibytes(1024)
}
