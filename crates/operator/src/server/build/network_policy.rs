//! Who may reach driver and executor pods. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sparkconnect_api::labels;
use sparkconnect_api::server::Mode;

use super::{metadata, pod};
use crate::server::validate::ValidatedServer;
use crate::server::validate::layout::{BLOCK_MANAGER_PORT, CONNECT_PORT, DRIVER_PORT, UI_PORT};

/// Label that Kubernetes puts on every namespace: its own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Driver pods: Spark Connect as [`connect`] says, executors' ports from the server's own executors, the web interface, which
/// nothing guards, from the namespace and from the operator.
pub(super) fn driver_network_policy(server: &ValidatedServer) -> NetworkPolicy {
    let executors = vec![own_pods(server, labels::EXECUTOR)];
    let cluster = server.mode == Mode::Cluster;
    let rules = [
        connect(server),
        cluster.then(|| rule(executors, &[DRIVER_PORT, BLOCK_MANAGER_PORT])),
        server.ui.then(|| rule(watchers(server), &[UI_PORT])),
    ];
    policy(
        metadata::same_name(server),
        metadata::selector(server, labels::DRIVER),
        rules.into_iter().flatten().collect(),
    )
}

/// Spark Connect: from anywhere, as the server's token guards it, unless clients come through the gateway; then from gateway
/// and operator alone.
fn connect(server: &ValidatedServer) -> Option<NetworkPolicyIngressRule> {
    if !server.gateway {
        return Some(rule(vec![], &[CONNECT_PORT]));
    }
    let apps = [labels::GATEWAY_APP, labels::OPERATOR_APP];
    let peers: Vec<_> = apps
        .into_iter()
        .filter_map(|app| operators_pods(server, app))
        .collect();
    // A rule without peers would let everybody in.
    (!peers.is_empty()).then(|| rule(peers, &[CONNECT_PORT]))
}

/// Executor pods: blocks, from the server's own driver and executors. `None` in mode Local.
pub(super) fn executor_network_policy(server: &ValidatedServer) -> Option<NetworkPolicy> {
    let peers = vec![
        own_pods(server, labels::DRIVER),
        own_pods(server, labels::EXECUTOR),
    ];
    (server.mode == Mode::Cluster).then(|| {
        policy(
            metadata::named(server, format!("{}-executors", server.key.name)),
            metadata::selector(server, labels::EXECUTOR),
            vec![rule(peers, &[BLOCK_MANAGER_PORT])],
        )
    })
}

fn policy(
    metadata: ObjectMeta,
    pod_selector: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
) -> NetworkPolicy {
    NetworkPolicy {
        metadata,
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pod_selector),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(ingress),
            egress: None,
        }),
    }
}

/// No peers means from anywhere.
fn rule(peers: Vec<NetworkPolicyPeer>, ports: &[i32]) -> NetworkPolicyIngressRule {
    let port = |port: &i32| NetworkPolicyPort {
        port: Some(IntOrString::Int(*port)),
        protocol: Some("TCP".to_owned()),
        end_port: None,
    };
    NetworkPolicyIngressRule {
        from: pod::list(peers.into_iter()),
        ports: Some(ports.iter().map(port).collect()),
    }
}

fn own_pods(server: &ValidatedServer, component: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(metadata::selector(server, component)),
        ..NetworkPolicyPeer::default()
    }
}

fn watchers(server: &ValidatedServer) -> Vec<NetworkPolicyPeer> {
    let same_namespace = NetworkPolicyPeer {
        pod_selector: Some(LabelSelector::default()),
        ..NetworkPolicyPeer::default()
    };
    let operator = operators_pods(server, labels::OPERATOR_APP);
    std::iter::once(same_namespace).chain(operator).collect()
}

/// Pods of `app` in the operator's namespace.
fn operators_pods(server: &ValidatedServer, app: &str) -> Option<NetworkPolicyPeer> {
    Some(NetworkPolicyPeer {
        namespace_selector: Some(operators_namespace(server)?),
        pod_selector: Some(label(labels::NAME, app)),
        ..NetworkPolicyPeer::default()
    })
}

fn operators_namespace(server: &ValidatedServer) -> Option<LabelSelector> {
    let namespace = server.operator_namespace.as_ref()?;
    Some(label(NAMESPACE_NAME, namespace))
}

fn label(name: &str, value: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(BTreeMap::from([(name.to_owned(), value.to_owned())])),
        ..LabelSelector::default()
    }
}
