//! The spec of Apache's SparkApplication. It has few fields: the rest are settings of Spark. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::request::{Conf, invalid, object, ttl};
use crate::application::Language;
use crate::{ApplicationRequest, Error};

/// The spec for a request that was checked.
pub(in super::super) fn spec(request: &ApplicationRequest) -> Result<Value, Error> {
    if request.queue.is_some() {
        return Err(invalid("Apache's Spark operator has no `queue`")
            .hint("kubeflow's has; here a scheduler's own label (`labels`) may do it"));
    }
    // The operator runs the whole text of this field as the program, so the program is alone in it: what goes with it are settings.
    let (field, class) = match request.language() {
        Language::Python => ("pyFiles", Some("org.apache.spark.deploy.PythonRunner")),
        Language::R => ("sparkRFiles", Some("org.apache.spark.deploy.RRunner")),
        Language::Jvm => ("jars", request.main_class.as_deref()),
    };
    let spec = object([
        (field, json!(request.main_file)),
        ("mainClass", json!(class)),
        ("driverArgs", json!(request.arguments)),
        ("deploymentMode", json!("ClusterMode")),
        ("proxyUser", json!(request.proxy_user)),
        ("sparkConf", conf(request)?.into_json()),
        (
            "runtimeVersions",
            json!({"sparkVersion": request.spark_version}),
        ),
        ("applicationTolerations", tolerations(request)?),
    ]);
    Ok(spec.into())
}

fn conf(request: &ApplicationRequest) -> Result<Conf, Error> {
    let mut conf = Conf::new(request)?;
    conf.set_images(request)?;
    files(&mut conf, request)?;
    conf.set_overheads(request)?;
    driver(&mut conf, request)?;
    executor(&mut conf, request)?;
    for (name, value) in &request.hadoop_conf {
        conf.set("hadoop_conf", &format!("spark.hadoop.{name}"), value)?;
    }
    Ok(conf)
}

fn files(conf: &mut Conf, request: &ApplicationRequest) -> Result<(), Error> {
    // The operator sets the program's own field as this setting only where the setting is not given.
    let mut jars = request.jars.clone();
    if request.language() == Language::Jvm && !jars.is_empty() {
        jars.insert(0, request.main_file.clone());
    }
    conf.set_list("jars", "spark.jars", &jars)?;
    conf.set_list("py_files", "spark.submit.pyFiles", &request.py_files)?;
    conf.set_list("files", "spark.files", &request.files)?;
    conf.set_list("archives", "spark.archives", &request.archives)?;
    conf.set_list("packages", "spark.jars.packages", &request.packages)
}

fn driver(conf: &mut Conf, request: &ApplicationRequest) -> Result<(), Error> {
    let driver = &request.driver;
    conf.set_some("driver.cores", "spark.driver.cores", driver.cores.as_ref())?;
    conf.set_some(
        "driver.memory",
        "spark.driver.memory",
        driver.memory.as_ref(),
    )
}

fn executor(conf: &mut Conf, request: &ApplicationRequest) -> Result<(), Error> {
    let executor = &request.executor;
    let memory = executor.memory.as_ref();
    conf.set_some(
        "executor.instances",
        "spark.executor.instances",
        executor.instances.as_ref(),
    )?;
    conf.set_some(
        "executor.cores",
        "spark.executor.cores",
        executor.cores.as_ref(),
    )?;
    conf.set_some("executor.memory", "spark.executor.memory", memory)?;
    conf.set_bounds(executor)
}

fn tolerations(request: &ApplicationRequest) -> Result<Value, Error> {
    let restart = match request.retries {
        0 => json!({"restartPolicy": "Never"}),
        retries => json!({"restartPolicy": "OnFailure", "maxRestartAttempts": retries}),
    };
    let ttl = ttl(request, Duration::from_millis(1), "milliseconds")?;
    let tolerations = object([
        ("restartConfig", restart),
        ("ttlAfterStopMillis", json!(ttl)),
    ]);
    Ok(tolerations.into())
}
