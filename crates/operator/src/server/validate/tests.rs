//! What is wrong with a server, one case each way; and what a valid one is resolved into.

use serde::Deserialize;
use serde_json::{Value, json};
use sparkconnect_api::labels;

use super::{Account, FileVolume, Problem, Properties, Rights};
use crate::server::build::fixtures::{Fixture, check, inputs, patch};
use crate::server::inputs::{SourceRef, references};

/// One case of `fixtures/problems.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    objects: String,
    problems: Vec<String>,
    mended: Mended,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mended {
    #[serde(default)]
    spec: Value,
    objects: Option<String>,
}

fn put(server: &mut Value, spec: &Value) {
    if !spec.is_null() {
        patch(server, json!({ "spec": spec }));
    }
}

fn said(problem: &Problem) -> String {
    format!(
        "{} {:?}: {}",
        problem.condition, problem.reason, problem.message
    )
}

#[test]
fn every_mistake_is_named_and_goes_away_when_mended() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("fixtures/problems.yaml")).unwrap();
    for case in cases {
        let mut server = Fixture::Minimal.json();
        put(&mut server, &case.spec);
        let problems = check(&server, &inputs(&case.objects)).expect_err(&case.name);
        let problems: Vec<_> = problems.iter().map(said).collect();
        assert_eq!(problems, case.problems, "{}", case.name);

        put(&mut server, &case.mended.spec);
        let objects = case.mended.objects.unwrap_or(case.objects);
        let problems = check(&server, &inputs(&objects)).err();
        assert_eq!(problems, None, "{}, mended", case.name);
    }
}

#[test]
fn a_resource_without_a_uid_is_refused() {
    let mut server = Fixture::Minimal.json();
    patch(&mut server, json!({ "metadata": { "uid": null } }));
    let problems = check(&server, &inputs("")).unwrap_err();
    assert_eq!(problems[0].reason, "InvalidResource");
}

#[test]
fn references_are_what_the_spec_names() {
    let server = serde_json::from_value(Fixture::Everything.json()).unwrap();
    let server: sparkconnect_api::SparkConnectServer = server;
    let found: Vec<_> = references(&server.spec)
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "Secret catalog-login",
        "Secret database",
        "Secret keytab",
        "Secret s3",
        "ConfigMap catalog",
        "ConfigMap flags",
        "ConfigMap queries.v1",
        "ConfigMap site",
    ];
    assert_eq!(found, expected);
}

fn properties(spec: &Value, objects: &str) -> Properties {
    let mut server = Fixture::Minimal.json();
    put(&mut server, spec);
    check(&server, &inputs(objects)).unwrap().properties
}

#[test]
fn the_later_source_of_a_setting_wins() {
    let from = json!([{ "name": "spark.x", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]);
    let inject = json!({ "configMaps": [{ "name": "c", "as": "SparkConf" }] });
    let objects = "{kind: Secret, metadata: {name: s}, stringData: {k: by-key}}
---
{kind: ConfigMap, metadata: {name: c}, data: {spark.x: injected}}";
    let plain = json!({ "spark.x": "plain" });
    for (spec, value) in [
        (json!({ "sparkConf": plain }), "plain"),
        (json!({ "sparkConf": plain, "inject": inject }), "injected"),
        (
            json!({ "sparkConf": plain, "inject": inject, "sparkConfFrom": from }),
            "by-key",
        ),
    ] {
        assert_eq!(properties(&spec, objects).get("spark.x"), Some(value));
    }
}

#[test]
fn a_user_may_override_defaults() {
    for (key, default, own) in [
        (
            "spark.connect.session.manager.defaultSessionTimeout",
            "-1",
            "2h",
        ),
        (
            "spark.connect.grpc.maxInboundMessageSize",
            "134221824",
            "1048576",
        ),
    ] {
        assert_eq!(properties(&json!({}), "").get(key), Some(default));
        let given = properties(&json!({ "sparkConf": { key: own } }), "");
        assert_eq!(given.get(key), Some(own));
    }
}

#[test]
fn vectored_reads_are_off_where_they_spoil_the_bytes() {
    let key = "spark.hadoop.parquet.hadoop.vectored.io.enabled";
    for (version, value) in [
        ("4.0.5", None),
        ("4.1.4", Some("false")),
        ("4.3.0", Some("false")),
    ] {
        assert_eq!(
            properties(&json!({ "version": version }), "").get(key),
            value,
            "{version}"
        );
    }
}

#[test]
fn secret_settings_are_redacted_under_every_name() {
    let objects = "{kind: Secret, metadata: {name: s}, stringData: {fs.user: a, fs.password: b}}";
    let inject = json!({ "secrets": [{ "name": "s", "as": "HadoopConf" }] });
    let regex = |spec: Value| {
        properties(&spec, objects)
            .get("spark.redaction.regex")
            .map(str::to_owned)
    };
    let names = r"\Qfs.user\E|\Qspark.hadoop.fs.user\E";
    let default = "(?i)secret|password|token|access[.]?key|credential";
    assert_eq!(
        regex(json!({ "inject": inject })).unwrap(),
        format!("(?:{default})|^(?:{names})$")
    );

    let own = json!({ "inject": inject, "sparkConf": { "spark.redaction.regex": "mine" } });
    let names =
        r"\Qfs.password\E|\Qfs.user\E|\Qspark.hadoop.fs.password\E|\Qspark.hadoop.fs.user\E";
    assert_eq!(regex(own).unwrap(), format!("(?:mine)|^(?:{names})$"));

    assert_eq!(regex(json!({})), None);
}

#[test]
fn rights_follow_the_settings() {
    let rights = |settings: Value| {
        let mut server = Fixture::Minimal.json();
        put(&mut server, &json!({ "sparkConf": settings }));
        check(&server, &inputs("")).unwrap().rights
    };
    let volume = "spark.kubernetes.executor.volumes.persistentVolumeClaim.data.options.claimName";
    let none = Rights::default();
    assert_eq!(rights(json!({})), none);
    assert_eq!(
        rights(json!({ volume: "OnDemand" })),
        Rights {
            claims: true,
            ..none
        }
    );
    let maps = json!({ "spark.kubernetes.executor.disableConfigMap": "false" });
    assert_eq!(
        rights(maps),
        Rights {
            config_maps: true,
            ..none
        }
    );
    let services = json!({ "spark.kubernetes.driver.service.deleteOnTermination": "true" });
    assert_eq!(
        rights(services),
        Rights {
            services: true,
            ..none
        }
    );
    assert_eq!(Fixture::Local.validated().rights, none);
}

#[test]
fn the_driver_s_memory_is_heap_and_overhead() {
    for (driver, memory) in [
        (json!({ "memory": "1g" }), "1408Mi"),
        (json!({ "memory": "10g" }), "11Gi"),
        (
            json!({ "memory": "4g", "memoryOverhead": "512m" }),
            "4608Mi",
        ),
    ] {
        let mut server = Fixture::Minimal.json();
        put(&mut server, &json!({ "driver": driver }));
        let resources = check(&server, &inputs("")).unwrap().driver.resources;
        assert_eq!(resources.requests.unwrap()["memory"].0, memory);
        assert_eq!(resources.limits.unwrap()["memory"].0, memory);
    }
}

#[test]
fn java_tool_options_are_added_up() {
    let server = Fixture::Everything.validated();
    assert_eq!(
        server.driver.java_tool_options,
        "-Djava.net.preferIPv4Stack=true -Dfrom.template=driver"
    );
    let executor = server.executor.unwrap().java_tool_options;
    assert_eq!(
        executor,
        "-Djava.net.preferIPv4Stack=true -Dfrom.executor.env=yes -Dfrom.template=executor"
    );
    assert_eq!(
        server.properties.get("spark.executorEnv.JAVA_TOOL_OPTIONS"),
        None
    );
    let local = Fixture::Local.validated().driver.java_tool_options;
    assert_eq!(local, "-Djava.net.preferIPv6Addresses=true");
}

#[test]
fn python_paths_are_added_up() {
    let template = json!({ "spec": { "containers": [{ "name": "spark", "env": [{ "name": "PYTHONPATH", "value": "/c" }] }] } });
    let mut server = Fixture::Minimal.json();
    let settings =
        json!({ "spark.executorEnv.PYTHONPATH": "/b", "spark.submit.pyFiles": "s3a://b/z.zip" });
    put(
        &mut server,
        &json!({ "sparkConf": settings, "executor": { "template": template } }),
    );
    let added = check(&server, &inputs("")).unwrap();
    assert_eq!(
        added.executor.unwrap().python_path.as_deref(),
        Some("/var/spark-local/z.zip:/b:/c")
    );
    assert_eq!(added.driver.python_path, None);
    assert_eq!(added.properties.get("spark.executorEnv.PYTHONPATH"), None);

    put(
        &mut server,
        &json!({ "sparkConf": { "spark.submit.pyFiles": null } }),
    );
    let alone = check(&server, &inputs("")).unwrap();
    assert_eq!(alone.executor.unwrap().python_path, None);
    assert_eq!(
        alone.properties.get("spark.executorEnv.PYTHONPATH"),
        Some("/b")
    );
}

#[test]
fn an_object_named_in_the_spec_is_not_injected_again_for_its_label() {
    let server = Fixture::Everything.validated();
    let flags = SourceRef::config_map("flags");
    assert!(server.injections.environment.contains(&flags));
    assert!(
        !server
            .injections
            .files
            .iter()
            .any(|file| file.reference == flags)
    );
}

#[test]
fn files_have_a_place_and_a_volume_of_their_own() {
    let server = Fixture::Everything.validated();
    let places: Vec<_> = server.injections.files.iter().map(place).collect();
    let expected = [
        ("secret-keytab", "/etc/kerberos"),
        (
            "configmap-4baa00c68b2a84cc",
            "/etc/sparkconnect/configmaps/queries.v1",
        ),
        (
            "secret-labelled-files",
            "/etc/sparkconnect/secrets/labelled-files",
        ),
    ];
    assert_eq!(places, expected);
    assert_eq!(server.account, Account::Given("spark-team".to_owned()));
    assert_eq!(
        server.labels(None).get(labels::SERVER).map(String::as_str),
        Some("big")
    );
}

fn place(file: &FileVolume) -> (&str, &str) {
    (&file.volume, &file.path)
}
