//! One server that uses every part of its spec: what reaches Spark, what the pods are like, and that nothing leaks, drifts,
//! moves on its own or stays behind.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Shell, session};
use sparkconnect_testkit::command;

use crate::secrecy::secret_values_are_in_their_secrets_only;

pub(crate) const SERVER: &str = "sparkconnectserver/everything";
/// How long nothing may be written while nothing happens.
const QUIET: Duration = Duration::from_secs(30);

/// The Secrets that are injected: name, key, value.
pub(crate) const SECRETS: [(&str, &str, &str); 6] = [
    ("by-key", "value", "9f31-secret-by-key"),
    ("named-files", "file.txt", "9f32-secret-as-a-file"),
    ("named-env", "E2E_NAMED", "9f33-secret-in-the-environment"),
    ("named-conf", "spark.e2e.named", "9f34-secret-as-a-setting"),
    ("label-files", "file.txt", "9f35-secret-as-a-labelled-file"),
    (
        "label-conf",
        "spark.e2e.labelled",
        "9f36-secret-as-a-labelled-setting",
    ),
];

/// A setting from a Secret that can be seen at work.
const TIME_ZONE: &str = "Asia/Tokyo";

#[test]
fn a_server_that_uses_everything() {
    let mut namespace = Namespace::new("everything");
    fill(&mut namespace);
    namespace.apply(&session(
        "user",
        "everything",
        &json!({"sparkConf": {"spark.e2e.own": "x"}}),
    ));
    namespace.until_ready(SERVER);
    let mut shell = namespace.shell("user");
    inputs_are_seen_from_inside(&mut shell);
    java_has_its_options(&mut shell);
    dependencies_can_be_used(&mut shell);
    pods_are_as_asked_for(&namespace);
    secret_values_are_in_their_secrets_only(&namespace);
    drift_is_repaired(&namespace);
    nothing_is_written_while_nothing_happens(&namespace);
    drop(shell);
    deletion_leaves_nothing(&namespace);
}

fn fill(namespace: &mut Namespace) {
    let folder = namespace.volume("data");
    let program = include_str!("../../python/make_libraries.py");
    let made = command::output(Command::new("python3").args(["-c", program]).arg(&folder));
    made.unwrap_or_else(|error| panic!("{error}"));
    for (name, key, value) in SECRETS {
        let labelled = |as_: &str| {
            let label = json!({"sparkconnect.dev/inject-into": "everything"});
            (label, json!({"sparkconnect.dev/inject-as": as_}))
        };
        let (labels, annotations) = match name {
            "label-files" => labelled("Files"),
            "label-conf" => labelled("SparkConf"),
            _ => (json!({}), json!({})),
        };
        let mut data = json!({key: value});
        if name == "label-conf" {
            data["spark.sql.session.timeZone"] = json!(TIME_ZONE);
        }
        namespace.labelled_data("Secret", name, &data, &labels, &annotations);
    }
    namespace.data("ConfigMap", "by-map", &json!({"value": "from a ConfigMap"}));
    namespace.data("ConfigMap", "named-hadoop", &json!({"e2e.named": "named"}));
    for (name, as_, key) in [
        ("label-env", "Env", "E2E_LABELLED"),
        ("label-hadoop", "HadoopConf", "e2e.labelled"),
    ] {
        let labels = json!({"sparkconnect.dev/inject-into": "all"});
        let annotations = json!({"sparkconnect.dev/inject-as": as_});
        namespace.labelled_data(
            "ConfigMap",
            name,
            &json!({key: "labelled"}),
            &labels,
            &annotations,
        );
    }
    let manifest = include_str!("../../manifests/everything.yaml");
    namespace.apply(&serde_yaml::from_str(manifest).expect("the manifest is YAML"));
}

fn inputs_are_seen_from_inside(shell: &mut Shell) {
    let settings = [
        ("spark.e2e.plain", "from sparkConf"),
        ("spark.hadoop.e2e.plain", "from hadoopConf"),
        ("spark.e2e.by.map", "from a ConfigMap"),
        ("spark.hadoop.e2e.named", "named"),
        ("spark.hadoop.e2e.labelled", "labelled"),
    ];
    for (key, value) in settings {
        assert_eq!(
            shell.run(&format!("spark.conf.get('{key}')")),
            value,
            "{key}"
        );
    }
    // Spark has the settings that come from Secrets, and shows their values to no client.
    for key in ["spark.e2e.by.key", "spark.e2e.named", "spark.e2e.labelled"] {
        let value = shell.run(&format!("spark.sql('set {key}').first()[1]"));
        assert_eq!(value, "*********(redacted)", "{key}");
    }
    let zone = shell.run("spark.sql('select current_timezone()').first()[0]");
    assert_eq!(zone, TIME_ZONE, "a setting from a Secret is in force");
    let seen = shell.run(
        "
from pyspark.sql.functions import udf
@udf('string')
def seen():
    import json, os, pathlib
    files = ['/etc/e2e/file.txt', '/etc/sparkconnect/secrets/label-files/file.txt']
    texts = [pathlib.Path(file).read_text() for file in files]
    return json.dumps(texts + [os.environ['E2E_NAMED'], os.environ['E2E_LABELLED']])
spark.range(1).select(seen()).first()[0]
",
    );
    let seen: Value = serde_json::from_str(seen.as_str().expect("text")).expect("JSON");
    let wanted = json!([
        "9f32-secret-as-a-file",
        "9f35-secret-as-a-labelled-file",
        "9f33-secret-in-the-environment",
        "labelled"
    ]);
    assert_eq!(seen, wanted, "in an executor");
}

/// Calls a static Java method in an executor.
fn java(shell: &mut Shell, call: &str) -> Value {
    shell.run(&format!(
        "spark.range(1).selectExpr(\"reflect({call})\").first()[0]"
    ))
}

fn java_has_its_options(shell: &mut Shell) {
    let property = "'java.lang.System', 'getProperty', ";
    assert_eq!(
        java(shell, &format!("{property}'java.net.preferIPv4Stack'")),
        "true"
    );
    assert_eq!(java(shell, &format!("{property}'e2e.option'")), "given");
}

fn dependencies_can_be_used(shell: &mut Shell) {
    assert_eq!(java(shell, "'Extra', 'answer'"), "from a jar");
    assert_eq!(java(shell, "'Answer', 'answer'"), "from a package");
    // Files and archives are in the executor's working folder, whatever folder a session's functions run in.
    let seen = shell.run(
        "
@udf('string')
def depends():
    import helper, json, pathlib
    folder = pathlib.Path('/var/spark-local')
    texts = [(folder / file).read_text() for file in ('lookup.txt', 'tables/table.txt')]
    return json.dumps([helper.answer(), *texts])
spark.range(1).select(depends()).first()[0]
",
    );
    let seen: Value = serde_json::from_str(seen.as_str().expect("text")).expect("JSON");
    assert_eq!(
        seen,
        json!(["from a module", "from a file", "from an archive"])
    );
}

fn pods_are_as_asked_for(namespace: &Namespace) {
    let drivers = namespace.drivers("everything");
    let executors = namespace.executors("everything");
    assert_eq!((drivers.len(), executors.len()), (1, 1));
    let (driver, executor) = (&drivers[0], &executors[0]);
    let owner = &executor["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], driver["metadata"]["uid"], "{owner}");
    for (pod, memory) in [(driver, "1200Mi"), (executor, "1000Mi")] {
        assert_eq!(pod["metadata"]["labels"]["example.com/team"], "e2e");
        assert_eq!(pod["spec"]["enableServiceLinks"], false);
        let containers = pod["spec"]["containers"].as_array().expect("containers");
        let container = containers
            .iter()
            .find(|c| c["name"] == "spark")
            .expect("Spark's");
        let wanted = json!({
            "requests": {"cpu": "100m", "memory": memory}, "limits": {"cpu": "2", "memory": memory},
        });
        assert_eq!(container["resources"], wanted);
        let mut variables = container["env"].as_array().expect("an environment").iter();
        let options = variables.rfind(|v| v["name"] == "JAVA_TOOL_OPTIONS");
        let options = options.expect("JAVA_TOOL_OPTIONS")["value"]
            .as_str()
            .unwrap_or_default();
        assert!(
            options.contains("-Djava.net.preferIPv4Stack=true"),
            "{options}"
        );
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn drift_is_repaired(namespace: &Namespace) {
    let policy = namespace
        .get("networkpolicy/everything")
        .expect("it was made");
    namespace.kubectl(&["delete", "networkpolicy/everything"]);
    namespace.until("the NetworkPolicy to be back", || {
        let found = namespace
            .get("networkpolicy/everything")
            .ok_or("there is none")?;
        let same = found["spec"] == policy["spec"];
        if same {
            Ok(())
        } else {
            Err(found["spec"].to_string())
        }
    });
    let map = namespace.list("configmaps", "sparkconnect.dev/server=everything");
    let name = format!("configmap/{}", text(&map[0]["metadata"]["name"]));
    namespace.patch(&name, &json!({"data": {"log4j2.properties": "edited"}}));
    namespace.until_object(&name, "as it was", |found| found["data"] == map[0]["data"]);
    namespace.patch(
        "service/everything",
        &json!({"spec": {"publishNotReadyAddresses": false}}),
    );
    namespace.until_object("service/everything", "as it was", |found| {
        found["spec"]["publishNotReadyAddresses"] == true
    });
    namespace.delete("secret/user-connection");
    namespace.until("the connection Secret to be back", || {
        namespace
            .get("secret/user-connection")
            .map(drop)
            .ok_or_else(|| "there is none".to_owned())
    });
    let mut orphan = map[0].clone();
    orphan["metadata"] = json!({
        "name": "orphan",
        "labels": map[0]["metadata"]["labels"],
        "ownerReferences": map[0]["metadata"]["ownerReferences"],
    });
    namespace.apply(&orphan);
    namespace.until_gone("configmap/orphan");
}

/// The version of every object.
fn versions(namespace: &Namespace) -> BTreeMap<String, String> {
    let version = |object: &Value| {
        let metadata = &object["metadata"];
        let name = format!("{} {}", text(&object["kind"]), text(&metadata["name"]));
        (name, text(&metadata["resourceVersion"]))
    };
    namespace.everything().iter().map(version).collect()
}

fn nothing_is_written_while_nothing_happens(namespace: &Namespace) {
    let mut before = versions(namespace);
    namespace.until("the end of what was going on", || {
        let now = versions(namespace);
        let same = now == before;
        before = now;
        std::thread::sleep(Duration::from_secs(5));
        if same {
            Ok(())
        } else {
            Err("objects still change".to_owned())
        }
    });
    let began = Instant::now();
    while began.elapsed() < QUIET {
        std::thread::sleep(Duration::from_secs(5));
        assert_eq!(versions(namespace), before, "\n{}", namespace.explain());
    }
}

fn deletion_leaves_nothing(namespace: &Namespace) {
    namespace.delete(SERVER);
    namespace.until_condition("sparksession/user", "Ended", "True", "ServerDeleted");
    namespace.delete("sparksession/user");
    let own = [
        "data",
        "by-map",
        "named-hadoop",
        "label-env",
        "label-hadoop",
        "kube-root-ca.crt",
        "default",
    ];
    namespace.until("everything else to be gone", || {
        let left = namespace.everything().into_iter().filter(|object| {
            let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
            let given = SECRETS.iter().any(|(secret, ..)| *secret == name);
            kind != "Event" && !given && !own.contains(&name.as_str())
        });
        let left: Vec<String> = left
            .map(|object| {
                format!(
                    "{} {}",
                    text(&object["kind"]),
                    text(&object["metadata"]["name"])
                )
            })
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join(", "))
        }
    });
}
