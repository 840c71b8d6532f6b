//! What Livy is asked to run. Fields that Livy has are its own, others are settings of Spark, and what is neither is refused. Pure.

use serde_json::{Map, Value, json};

use crate::operators::request::{Conf, check_program, invalid, object};
use crate::{ApplicationRequest, Error};

/// The body of the request that makes a batch.
pub(super) fn body(request: &ApplicationRequest) -> Result<Map<String, Value>, Error> {
    check_program(request)?;
    refuse(request)?;
    let conf = conf(request)?;
    let (driver, executor) = (&request.driver, &request.executor);
    // An empty object of settings, or an empty name, is none.
    let name = Some(&request.name).filter(|name| !name.is_empty());
    Ok(object([
        ("file", json!(request.main_file)),
        ("className", json!(request.main_class)),
        ("args", json!(request.arguments)),
        ("jars", json!(request.jars)),
        ("pyFiles", json!(request.py_files)),
        ("files", json!(request.files)),
        ("archives", json!(request.archives)),
        ("driverMemory", json!(driver.memory)),
        ("driverCores", json!(driver.cores)),
        ("executorMemory", json!(executor.memory)),
        ("executorCores", json!(executor.cores)),
        ("numExecutors", json!(executor.instances)),
        ("queue", json!(request.queue)),
        ("name", json!(name)),
        ("proxyUser", json!(request.proxy_user)),
        ("conf", conf.into_json()),
    ]))
}

/// Refuses what Livy has nothing for.
fn refuse(request: &ApplicationRequest) -> Result<(), Error> {
    const SETTING: &str = "set spark.kubernetes.driverEnv.NAME or spark.yarn.appMasterEnv.NAME in `spark_conf`, as Livy's cluster has it";
    let given = [
        (
            "spark_version",
            request.spark_version.is_some(),
            "Livy runs the Spark that it was set up with",
        ),
        ("driver.env", !request.driver.env.is_empty(), SETTING),
        ("retries", request.retries != 0, "submit it again"),
        (
            "ttl",
            request.ttl.is_some(),
            "Livy's own setting livy.server.session.state-retain.sec is for all batches",
        ),
        (
            "labels",
            !request.labels.is_empty(),
            "only Spark's operators make a resource that has labels",
        ),
    ];
    if let Some((field, _, hint)) = given.into_iter().find(|(_, given, _)| *given) {
        return Err(invalid(format!("Livy has no `{field}`")).hint(hint));
    }
    // Livy would put its own in their place.
    let servers = ["spark.master", "spark.submit.deployMode"];
    match servers
        .into_iter()
        .find(|name| request.spark_conf.contains_key(*name))
    {
        None => Ok(()),
        Some(name) => Err(
            invalid(format!("`spark_conf` has {name}, which is Livy's to say"))
                .hint("leave it out: Livy's own settings have it"),
        ),
    }
}

/// The settings. Those of Kubernetes are for a Livy whose Spark runs there.
fn conf(request: &ApplicationRequest) -> Result<Conf, Error> {
    let mut conf = Conf::new(request)?;
    for (name, value) in &request.hadoop_conf {
        conf.set("hadoop_conf", &format!("spark.hadoop.{name}"), value)?;
    }
    conf.set_images(request)?;
    conf.set_list("packages", "spark.jars.packages", &request.packages)?;
    conf.set_overheads(request)?;
    conf.set_bounds(&request.executor)?;
    agree(&conf, request)?;
    Ok(conf)
}

/// Refuses a field of Livy's that a setting contradicts: Livy would drop one of the two.
fn agree(conf: &Conf, request: &ApplicationRequest) -> Result<(), Error> {
    let (driver, executor) = (&request.driver, &request.executor);
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let mut both = conf.clone();
    for (field, setting, value) in [
        (
            "driver.memory",
            "spark.driver.memory",
            driver.memory.clone(),
        ),
        ("driver.cores", "spark.driver.cores", number(driver.cores)),
        (
            "executor.memory",
            "spark.executor.memory",
            executor.memory.clone(),
        ),
        (
            "executor.cores",
            "spark.executor.cores",
            number(executor.cores),
        ),
        (
            "executor.instances",
            "spark.executor.instances",
            number(executor.instances),
        ),
        ("queue", "spark.yarn.queue", request.queue.clone()),
    ] {
        both.set_some(field, setting, value.as_ref())?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
