//! The spec of kubeflow's SparkApplication. Pure.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::request::{Conf, object, ttl};
use crate::application::Language;
use crate::{ApplicationRequest, Error};

/// The spec for a request that was checked.
pub(in super::super) fn spec(request: &ApplicationRequest) -> Result<Value, Error> {
    let kind = match request.language() {
        Language::Python => "Python",
        Language::Jvm => "Java",
        Language::R => "R",
    };
    let mut spec = object([
        ("type", json!(kind)),
        ("mode", json!("cluster")),
        ("sparkVersion", json!(request.spark_version)),
        ("mainApplicationFile", json!(request.main_file)),
        ("mainClass", json!(request.main_class)),
        ("arguments", json!(request.arguments)),
        ("image", json!(request.image)),
        ("imagePullPolicy", json!(request.image_pull_policy)),
        ("imagePullSecrets", json!(request.image_pull_secrets)),
        ("sparkConf", Conf::new(request)?.into_json()),
        ("hadoopConf", json!(request.hadoop_conf)),
        ("deps", dependencies(request).into()),
        ("proxyUser", json!(request.proxy_user)),
        ("restartPolicy", restart_policy(request.retries)),
        ("dynamicAllocation", dynamic_allocation(request)),
        ("batchSchedulerOptions", queue(request)),
        (
            "timeToLiveSeconds",
            json!(ttl(request, Duration::from_secs(1), "seconds")?),
        ),
    ]);
    // Demanded even where they say nothing.
    spec.insert("driver".to_owned(), driver(request).into());
    spec.insert("executor".to_owned(), executor(request).into());
    Ok(spec.into())
}

fn dependencies(request: &ApplicationRequest) -> Map<String, Value> {
    object([
        ("jars", json!(request.jars)),
        ("pyFiles", json!(request.py_files)),
        ("files", json!(request.files)),
        ("archives", json!(request.archives)),
        ("packages", json!(request.packages)),
    ])
}

fn driver(request: &ApplicationRequest) -> Map<String, Value> {
    let driver = &request.driver;
    object([
        ("cores", json!(driver.cores)),
        ("memory", json!(driver.memory)),
        ("memoryOverhead", json!(driver.memory_overhead)),
        ("serviceAccount", json!(driver.service_account)),
    ])
}

fn executor(request: &ApplicationRequest) -> Map<String, Value> {
    let executor = &request.executor;
    object([
        ("instances", json!(executor.instances)),
        ("cores", json!(executor.cores)),
        ("memory", json!(executor.memory)),
        ("memoryOverhead", json!(executor.memory_overhead)),
    ])
}

/// A submission that fails is a failure too, but the operator counts it apart.
fn restart_policy(retries: u32) -> Value {
    match retries {
        0 => json!({"type": "Never"}),
        _ => json!({
            "type": "OnFailure",
            "onFailureRetries": retries,
            "onSubmissionFailureRetries": retries,
        }),
    }
}

fn dynamic_allocation(request: &ApplicationRequest) -> Value {
    request.executor.bounds.map_or(
        Value::Null,
        |(least, most)| json!({"enabled": true, "minExecutors": least, "maxExecutors": most}),
    )
}

fn queue(request: &ApplicationRequest) -> Value {
    let queue = request.queue.as_ref();
    queue.map_or(Value::Null, |queue| json!({"queue": queue}))
}
