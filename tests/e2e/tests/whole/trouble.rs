//! What can be wrong about a server: each cause gives a condition and an event that name it, and passes when it is mended.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, environment, server_local};

const SERVER: &str = "sparkconnectserver/ill";

fn apply(namespace: &Namespace, spec: &Value) {
    namespace.apply(&server_local("ill", spec));
}

fn mended(namespace: &Namespace) {
    let well = namespace.until_ready(SERVER);
    let conditions = well["status"]["conditions"]
        .as_array()
        .expect("conditions")
        .iter();
    for condition in conditions {
        let wanted = if condition["type"] == "Degraded" || condition["type"] == "Progressing" {
            "False"
        } else {
            "True"
        };
        assert_eq!(condition["status"], wanted, "{condition}");
    }
}

#[test]
fn a_missing_secret() {
    let namespace = Namespace::new("no-secret");
    apply(
        &namespace,
        &json!({"inject": {"secrets": [{"name": "absent", "as": "Env"}]}}),
    );
    let why = namespace.until_condition(SERVER, "InputsResolved", "False", "SecretNotFound");
    assert!(
        why.contains("Secret absent") && why.contains(&namespace.name),
        "{why}"
    );
    let told = namespace.until_event(SERVER, "SecretNotFound");
    assert!(told.contains("Secret absent"), "{told}");
    assert_eq!(
        namespace.get("statefulset/ill"),
        None,
        "nothing starts with half of its inputs"
    );
    namespace.data("Secret", "absent", &json!({"A": "b"}));
    mended(&namespace);
}

#[test]
fn an_image_that_is_not_there() {
    let namespace = Namespace::new("no-image");
    let image = "localhost/sparkconnect/absent:1";
    apply(
        &namespace,
        &json!({"image": image, "imagePullPolicy": "Never"}),
    );
    let why = namespace.until_condition(SERVER, "Degraded", "True", "ImageNotPulled");
    assert!(why.contains(image), "{why}");
    let told = namespace.until_event(SERVER, "ImageNotPulled");
    assert!(told.contains(image), "{told}");
    namespace.patch(
        SERVER,
        &json!({"spec": {"image": null, "imagePullPolicy": null}}),
    );
    mended(&namespace);
}

#[test]
fn an_image_of_another_version() {
    let namespace = Namespace::new("version");
    apply(
        &namespace,
        &json!({"image": environment().spark_image("4.1.4")}),
    );
    let why = namespace.until_condition(SERVER, "VersionMatched", "False", "VersionDiffers");
    assert!(why.contains("4.1.4") && why.contains("4.3.0"), "{why}");
    let told = namespace.until_event(SERVER, "VersionDiffers");
    assert!(told.contains("4.1.4"), "{told}");
    namespace.patch(SERVER, &json!({"spec": {"version": "4.1.4"}}));
    mended(&namespace);
}

#[test]
fn a_quota_without_room() {
    let namespace = Namespace::new("quota");
    let metadata = json!({"name": "full"});
    let spec = json!({"hard": {"pods": "0"}});
    let quota =
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec});
    namespace.apply(&quota);
    namespace.until_object("resourcequota/full", "in force", |found| {
        found["status"]["hard"]["pods"] == "0"
    });
    apply(&namespace, &json!({}));
    let why = namespace.until_condition(SERVER, "Degraded", "True", "PodsRefused");
    assert!(why.contains("exceeded quota: full"), "{why}");
    let told = namespace.until_event(SERVER, "PodsRefused");
    assert!(told.contains("exceeded quota: full"), "{told}");
    namespace.delete("resourcequota/full");
    mended(&namespace);
}

#[test]
fn a_setting_that_spark_refuses() {
    let namespace = Namespace::new("refused");
    let setting = "spark.scheduler.mode";
    apply(&namespace, &json!({"sparkConf": {setting: "BANANA"}}));
    let why = namespace.until_condition(SERVER, "Degraded", "True", "DriverFails");
    assert!(why.contains(setting) && why.contains("BANANA"), "{why}");
    let told = namespace.until_event(SERVER, "DriverFails");
    assert!(told.contains(setting), "{told}");
    namespace.patch(SERVER, &json!({"spec": {"sparkConf": {setting: "FAIR"}}}));
    mended(&namespace);
}
