//! The headless Service: a name for each replica, from its first moment. No I/O.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sparkconnect_api::labels;
use sparkconnect_api::server::Mode;

use super::metadata;
use crate::server::validate::ValidatedServer;
use crate::server::validate::layout::{BLOCK_MANAGER_PORT, CONNECT_PORT, DRIVER_PORT, UI_PORT};

const CONNECT: &str = "connect";

/// The Service that gives `<replica>.<server>.<namespace>.svc` its address. It publishes replicas that are not ready:
/// executors must reach a driver before it serves.
pub(super) fn driver_service(server: &ValidatedServer) -> Service {
    Service {
        metadata: metadata::same_name(server),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(server.pod_selector(labels::DRIVER)),
            ports: Some(ports(server).into_iter().map(service_port).collect()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// Domain of the replicas' names, relative to the cluster's.
pub(super) fn domain(server: &ValidatedServer) -> String {
    format!("{}.{}.svc", server.key.name, server.key.namespace)
}

/// Ports of a driver, by name: those of executors in mode Cluster only, the web interface where it runs.
pub(super) fn ports(server: &ValidatedServer) -> Vec<(&'static str, i32)> {
    let cluster = server.mode == Mode::Cluster;
    [
        (true, CONNECT, CONNECT_PORT),
        (cluster, "driver-rpc", DRIVER_PORT),
        (cluster, "block-manager", BLOCK_MANAGER_PORT),
        (server.ui, "ui", UI_PORT),
    ]
    .into_iter()
    .filter(|(open, ..)| *open)
    .map(|(_, name, port)| (name, port))
    .collect()
}

fn service_port((name, port): (&str, i32)) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port,
        target_port: Some(IntOrString::Int(port)),
        protocol: Some("TCP".to_owned()),
        app_protocol: (name == CONNECT).then(|| "kubernetes.io/h2c".to_owned()),
        ..ServicePort::default()
    }
}
