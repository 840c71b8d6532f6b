//! The resources that tests start from: as small as they can be, because they run on two cores. No I/O.

use serde_json::{Value, json};

/// A server of the newest version in mode Local, `spec` merged over it.
pub fn server_local(name: &str, spec: &Value) -> Value {
    let base = json!({
        "version": "4.3.0",
        "mode": "Local",
        "sparkConf": {"spark.sql.shuffle.partitions": "2"},
        "driver": {"cores": 2, "memory": "700m", "resources": {"requests": {"cpu": "100m"}}},
    });
    resource("SparkConnectServer", name, &merged(base, spec))
}

/// A server of the newest version with one executor, `spec` merged over it.
pub fn server_with_executors(name: &str, spec: &Value) -> Value {
    let pod = json!({"memory": "700m", "resources": {"requests": {"cpu": "100m"}}});
    let base = json!({
        "version": "4.3.0",
        "sparkConf": {"spark.sql.shuffle.partitions": "2"},
        "driver": pod,
        "executor": merged(pod.clone(), &json!({"memory": "600m"})),
    });
    resource("SparkConnectServer", name, &merged(base, spec))
}

/// A session on `server`, `spec` merged over it.
pub fn session(name: &str, server: &str, spec: &Value) -> Value {
    resource(
        "SparkSession",
        name,
        &merged(json!({"server": server}), spec),
    )
}

fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "sparkconnect.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// `over` merged into `base`: objects member by member, anything else replaced; null removes.
fn merged(mut base: Value, over: &Value) -> Value {
    merge(&mut base, over);
    base
}

fn merge(base: &mut Value, over: &Value) {
    let Value::Object(over) = over else {
        *base = over.clone();
        return;
    };
    if !base.is_object() {
        *base = json!({});
    }
    let base = base.as_object_mut().expect("it was just made one");
    for (key, value) in over {
        if value.is_null() {
            base.remove(key);
        } else {
            merge(base.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_merged_over_the_base() {
        let server = server_local("a", &json!({"driver": {"memory": "1g"}, "sparkConf": null}));
        assert_eq!(server["spec"]["driver"]["memory"], "1g");
        assert_eq!(server["spec"]["driver"]["cores"], 2);
        assert_eq!(server["spec"].get("sparkConf"), None);
    }
}
