//! How many replicas a node drain may take at a time. No I/O.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sparkconnect_api::labels;

use super::metadata;
use crate::server::validate::ValidatedServer;

/// One replica at a time, where there are several.
///
/// Sessions do not move between replicas, so every eviction loses some. A budget of none would keep them all, and keep a
/// node from being drained for ever: it is a cluster administrator's call, not a tenant's. So a pool loses one replica at a
/// time, and a single replica has no budget.
pub(super) fn disruption_budget(
    server: &ValidatedServer,
    replicas: i32,
) -> Option<PodDisruptionBudget> {
    (replicas > 1).then(|| PodDisruptionBudget {
        metadata: metadata::same_name(server),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(metadata::selector(server, labels::DRIVER)),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
