//! The StatefulSet of driver pods. No I/O.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use sparkconnect_api::labels;

use super::metadata;
use crate::server::validate::ValidatedServer;

/// Old revisions are of no use: a replica is never rolled back by Kubernetes.
const REVISIONS: i32 = 2;

/// One pod a replica, started side by side, and restarted only when the operator deletes it: a change must wait for the
/// sessions of a replica.
pub(super) fn stateful_set(
    server: &ValidatedServer,
    replicas: i32,
    mut pod: PodTemplateSpec,
    inputs_hash: &str,
) -> StatefulSet {
    let annotations = pod
        .metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default();
    annotations.insert(labels::INPUTS_HASH.to_owned(), inputs_hash.to_owned());
    StatefulSet {
        metadata: metadata::same_name(server),
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas),
            service_name: Some(server.key.name.clone()),
            selector: metadata::selector(server, labels::DRIVER),
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                rolling_update: None,
            }),
            revision_history_limit: Some(REVISIONS),
            template: pod,
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}
