use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::{Category, DriverResources, ExecutorResources};

fn map(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

fn list(item: &str) -> Vec<String> {
    vec![item.to_owned()]
}

fn least() -> ApplicationRequest {
    ApplicationRequest {
        main_file: "hdfs:///pi.py".to_owned(),
        ..ApplicationRequest::default()
    }
}

/// Everything that Livy takes.
fn whole() -> ApplicationRequest {
    let some = |text: &str| Some(text.to_owned());
    ApplicationRequest {
        name: "pi".to_owned(),
        main_file: "hdfs:///pi.jar".to_owned(),
        main_class: some("org.example.Pi"),
        arguments: vec!["10".to_owned(), String::new()],
        image: some("example/spark:1"),
        image_pull_policy: some("Always"),
        image_pull_secrets: list("pull"),
        spark_conf: map("spark.sql.shuffle.partitions", "8"),
        hadoop_conf: map("fs.s3a.path.style.access", "true"),
        jars: list("hdfs:///a.jar"),
        py_files: list("hdfs:///a.zip"),
        files: list("hdfs:///a.csv"),
        archives: list("hdfs:///a.tar.gz"),
        packages: vec![
            "org.example:a:1.0".to_owned(),
            "org.example:b:1.0".to_owned(),
        ],
        driver: DriverResources {
            cores: Some(1),
            memory: some("1g"),
            memory_overhead: some("256m"),
            service_account: some("spark"),
            env: BTreeMap::new(),
        },
        executor: ExecutorResources {
            instances: Some(2),
            bounds: None,
            cores: Some(3),
            memory: some("2g"),
            memory_overhead: some("512m"),
            env: map("A", "1"),
        },
        proxy_user: some("ada"),
        queue: some("research"),
        ..ApplicationRequest::default()
    }
}

fn shown(request: &ApplicationRequest) -> String {
    serde_json::to_string_pretty(&body(request).expect("a body")).unwrap()
}

fn with(change: impl FnOnce(&mut ApplicationRequest)) -> ApplicationRequest {
    let mut request = least();
    change(&mut request);
    request
}

#[test]
fn the_body_has_everything_that_was_asked_for() {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("livy-least", shown(&least()));
        insta::assert_snapshot!("livy-whole", shown(&whole()));
    });
}

#[test]
fn bounds_are_settings() {
    let body = body(&with(|request| request.executor.bounds = Some((1, 3)))).unwrap();
    let conf = &body["conf"];
    assert_eq!(conf["spark.dynamicAllocation.enabled"], "true");
    assert_eq!(conf["spark.dynamicAllocation.minExecutors"], "1");
    assert_eq!(conf["spark.dynamicAllocation.maxExecutors"], "3");
    assert!(!body.contains_key("numExecutors"));
}

#[test]
fn what_livy_has_nothing_for_is_refused_by_name() {
    type Change = fn(&mut ApplicationRequest);
    let changes: [(&str, Change); 10] = [
        ("main_file", |request| request.main_file.clear()),
        ("main_class", |request| {
            request.main_class = Some("A".to_owned());
        }),
        ("spark_version", |request| {
            request.spark_version = Some("4.1.4".to_owned());
        }),
        ("driver.env", |request| request.driver.env = map("A", "1")),
        ("retries", |request| request.retries = 1),
        ("ttl", |request| request.ttl = Some(Duration::from_secs(1))),
        ("labels", |request| request.labels = map("a", "b")),
        ("spark.master", |request| {
            request.spark_conf = map("spark.master", "yarn");
        }),
        ("spark.submit.deployMode", |request| {
            request.spark_conf = map("spark.submit.deployMode", "client");
        }),
        ("files", |request| request.files = list("a,b")),
    ];
    for (field, change) in changes {
        let error = body(&with(change)).unwrap_err();
        assert_eq!(error.category(), Category::InvalidInput, "{field}");
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn a_field_and_a_setting_that_disagree_are_refused() {
    let disagreeing = |memory: &str| {
        with(|request| {
            request.driver.memory = Some("1g".to_owned());
            request.spark_conf = map("spark.driver.memory", memory);
        })
    };
    body(&disagreeing("1g")).expect("both say the same");
    let error = body(&disagreeing("2g")).unwrap_err();
    assert!(error.to_string().contains("driver.memory"), "{error}");
}
