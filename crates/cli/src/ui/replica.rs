//! Which replica's UI is meant. Pure.

use kube::ResourceExt;
use sparkconnect_api::SparkConnectServer;
use sparkconnect_api::server::ReplicaPhase;
use sparkconnect_client::{Category, Error};

/// The driver pod of the replica of that number, or of the first one that serves.
pub(super) fn pod(server: &SparkConnectServer, replica: Option<u32>) -> Result<String, Error> {
    let name = server.name_any();
    if !server.spec.ui.enabled {
        let text = format!("the UI of server {name} is switched off");
        return Err(Error::new(Category::Ended, text).hint("set `spec.ui.enabled` of the server"));
    }
    let status = server.status.as_ref();
    let replicas = status.map_or(&[][..], |status| &status.servers);
    let wanted = replica.map(|number| format!("{name}-{number}"));
    let serves = |phase| matches!(phase, ReplicaPhase::Ready | ReplicaPhase::Draining);
    let found = replicas.iter().find(|found| match &wanted {
        Some(wanted) => found.name == *wanted,
        None => serves(found.phase),
    });
    if let Some(found) = found {
        return Ok(found.name.clone());
    }
    let seen = replicas.iter();
    let seen: Vec<_> = seen
        .map(|replica| format!("{} is {:?}", replica.name, replica.phase))
        .collect();
    let seen = if seen.is_empty() {
        "it has none".to_owned()
    } else {
        seen.join(", ")
    };
    Err(match wanted {
        Some(wanted) => Error::new(
            Category::NotFound,
            format!("server {name} has no replica {wanted}: {seen}"),
        ),
        None => Error::new(
            Category::Unavailable,
            format!("no replica of server {name} serves: {seen}"),
        )
        .hint(format!(
            "`kubectl sparkconnect server get {name}` tells why"
        )),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn server(ui: bool, replicas: &[(&str, &str)]) -> SparkConnectServer {
        let replica =
            |(name, phase): &(&str, &str)| json!({"name": name, "phase": phase, "sessions": 0});
        let servers: Vec<Value> = replicas.iter().map(replica).collect();
        serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1",
            "kind": "SparkConnectServer",
            "metadata": {"name": "demo", "namespace": "team"},
            "spec": {"version": "4.3.0", "ui": {"enabled": ui}},
            "status": {"servers": servers},
        }))
        .unwrap()
    }

    #[test]
    fn the_first_that_serves_is_meant_or_the_one_that_was_named() {
        let two = server(true, &[("demo-0", "Starting"), ("demo-1", "Ready")]);
        assert_eq!(pod(&two, None).unwrap(), "demo-1");
        assert_eq!(pod(&two, Some(0)).unwrap(), "demo-0");
        let error = pod(&two, Some(2)).unwrap_err();
        assert_eq!(error.category(), Category::NotFound);
        assert!(error.to_string().contains("demo-1 is Ready"), "{error}");
    }

    #[test]
    fn a_server_without_a_ui_says_why() {
        for (server, text) in [
            (server(false, &[("demo-0", "Ready")]), "switched off"),
            (
                server(true, &[("demo-0", "Starting")]),
                "demo-0 is Starting",
            ),
            (server(true, &[]), "it has none"),
        ] {
            let error = pod(&server, None).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
