//! Builds a server's child objects, one pure function each. Nothing here can fail: what could is decided in `validate`. No I/O.

mod config_map;
mod disruption_budget;
mod driver;
mod executor;
mod hash;
mod logging;
mod metadata;
mod network_policy;
mod pod;
mod properties;
mod rbac;
mod secret;
mod service;
mod service_account;
mod stateful_set;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};

use super::validate::ValidatedServer;

/// The objects of one server. Debug is not derived: the Secret's data is in it.
#[derive(Clone, PartialEq)]
pub struct Children {
    /// Absent where the spec names an account.
    pub service_account: Option<ServiceAccount>,
    /// Absent in mode Local, where the driver asks Kubernetes for nothing.
    pub role: Option<Role>,
    /// Absent in mode Local.
    pub role_binding: Option<RoleBinding>,
    /// The headless Service that gives each replica its name.
    pub service: Service,
    /// Logging and the executor pod template.
    pub config_map: ConfigMap,
    /// The properties file.
    pub secret: Secret,
    /// Who may reach the driver pods.
    pub network_policy: NetworkPolicy,
    /// Who may reach the executor pods; absent in mode Local.
    pub executor_network_policy: Option<NetworkPolicy>,
    /// Absent for a single replica: it would keep its node from being drained for ever.
    pub disruption_budget: Option<PodDisruptionBudget>,
    /// The driver pods.
    pub stateful_set: StatefulSet,
    /// Hash of everything that a replica starts with; also an annotation of the driver pods.
    pub inputs_hash: String,
}

/// Every child object of `server`, with `replicas` driver pods.
pub fn build(server: &ValidatedServer, replicas: i32) -> Children {
    let config_map = config_map::config_map(server);
    let secret = secret::driver_secret(server);
    let pod = driver::pod_template(server);
    let inputs_hash = hash::inputs_hash(server, &pod, &config_map);
    Children {
        service_account: service_account::service_account(server),
        role: rbac::role(server),
        role_binding: rbac::role_binding(server),
        service: service::driver_service(server),
        network_policy: network_policy::driver_network_policy(server),
        executor_network_policy: network_policy::executor_network_policy(server),
        disruption_budget: disruption_budget::disruption_budget(server, replicas),
        stateful_set: stateful_set::stateful_set(server, replicas, pod, &inputs_hash),
        config_map,
        secret,
        inputs_hash,
    }
}
