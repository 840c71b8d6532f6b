//! What a driver may do in its namespace, and its binding. No I/O.

use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use sparkconnect_api::server::Mode;

use super::metadata;
use crate::server::validate::ValidatedServer;

/// Rights of the driver: its executors' pods, and what its settings make Spark touch besides. `None` in mode Local.
///
/// The verbs are those that Spark 4.0 to 4.3 uses: the allocator creates, gets, lists and deletes pods, the watch and the
/// poll watch and list them, labels are patched (in 4.0 by a get and a patch), and the end deletes them by label.
pub(super) fn role(server: &ValidatedServer) -> Option<Role> {
    (server.mode == Mode::Cluster).then(|| Role {
        metadata: metadata::same_name(server),
        rules: Some(rules(server)),
    })
}

/// Binds the role to the driver's account, whether it was made here or given.
pub(super) fn role_binding(server: &ValidatedServer) -> Option<RoleBinding> {
    (server.mode == Mode::Cluster).then(|| RoleBinding {
        metadata: metadata::same_name(server),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: server.key.name.clone(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: server.account_name().to_owned(),
            namespace: Some(server.key.namespace.clone()),
            ..Subject::default()
        }]),
    })
}

fn rules(server: &ValidatedServer) -> Vec<PolicyRule> {
    let pods = [
        "get",
        "list",
        "watch",
        "create",
        "patch",
        "delete",
        "deletecollection",
    ];
    let claims = ["list", "create", "delete", "deletecollection"];
    let config_maps = ["create", "delete", "deletecollection", "list"];
    let services = ["list", "delete", "deletecollection"];
    let rights = server.rights;
    let optional = [
        (rights.claims, "persistentvolumeclaims", claims.as_slice()),
        (rights.config_maps, "configmaps", config_maps.as_slice()),
        (rights.services, "services", services.as_slice()),
    ];
    std::iter::once(rule("pods", &pods))
        .chain(
            optional
                .into_iter()
                .filter(|(needed, ..)| *needed)
                .map(|(_, resource, verbs)| rule(resource, verbs)),
        )
        .collect()
}

fn rule(resource: &str, verbs: &[&str]) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        ..PolicyRule::default()
    }
}
