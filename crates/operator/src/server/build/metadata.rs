//! Names, labels and owner of child objects. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource;
use sparkconnect_api::SparkConnectServer;

use crate::server::validate::ValidatedServer;

/// Name of the ConfigMap with logging and the executor pod template.
pub(super) fn config_map_name(server: &ValidatedServer) -> String {
    format!("{}-config", server.key.name)
}

/// Name of the Secret with the properties file.
pub(super) fn secret_name(server: &ValidatedServer) -> String {
    format!("{}-driver", server.key.name)
}

/// Metadata of a child named like the server.
pub(super) fn same_name(server: &ValidatedServer) -> ObjectMeta {
    named(server, server.key.name.clone())
}

/// Metadata of a child with a name of its own.
pub(super) fn named(server: &ValidatedServer, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(server.key.namespace.clone()),
        labels: Some(server.labels(None)),
        owner_references: Some(vec![owner(server)]),
        ..ObjectMeta::default()
    }
}

/// Selects the server's pods of one component.
pub(super) fn selector(server: &ValidatedServer, component: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(server.pod_selector(component)),
        ..LabelSelector::default()
    }
}

fn owner(server: &ValidatedServer) -> OwnerReference {
    OwnerReference {
        api_version: SparkConnectServer::api_version(&()).into_owned(),
        kind: SparkConnectServer::kind(&()).into_owned(),
        name: server.key.name.clone(),
        uid: server.key.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
