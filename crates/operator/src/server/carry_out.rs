//! What a reconcile does to pods: restarts outdated replicas, and removes executors that a former life of a driver left
//! behind. Writes: deletes pods.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use sparkconnect_api::{SparkConnectServer, labels};

use super::replicas::{Replica, Trouble};
use super::rollout::Plan;
use crate::apply::ApplyError;
use crate::context::Context;

/// Deletes the pods of the replicas that the plan restarts.
///
/// # Errors
/// When the API server refuses.
pub async fn restart(
    context: &Context,
    server: &SparkConnectServer,
    replicas: &[Replica],
    plan: &Plan,
) -> Result<(), ApplyError> {
    let going = replicas
        .iter()
        .filter(|replica| plan.restart.contains(&replica.name));
    for replica in going {
        if let Some(pod) = pod(context, server, &replica.uid) {
            context.applier.delete(&*pod).await?;
            tracing::info!(pod = replica.name, "outdated replica restarted");
        }
    }
    Ok(())
}

/// Deletes executor pods of applications that have ended: owned by a driver pod that runs another application now.
///
/// # Errors
/// When the API server refuses.
pub async fn remove_stale_executors(
    context: &Context,
    replicas: &[Replica],
) -> Result<(), ApplyError> {
    for replica in replicas.iter().filter(|replica| replica.serves()) {
        let Some(application) = replica
            .seen
            .as_ref()
            .and_then(|s| s.application_id.as_deref())
        else {
            continue;
        };
        for executor in stale_executors(context, &replica.uid, application) {
            context.applier.delete(&*executor).await?;
            tracing::info!(
                pod = executor.name_any(),
                "executor of an ended application removed"
            );
        }
    }
    Ok(())
}

fn stale_executors(context: &Context, driver: &str, application: &str) -> Vec<Arc<Pod>> {
    context
        .caches
        .pods
        .state_filter(|pod| is_stale_executor(pod, driver, application))
}

fn is_stale_executor(pod: &Pod, driver: &str, application: &str) -> bool {
    let labels = pod.labels();
    labels
        .get(labels::SPARK_ROLE)
        .is_some_and(|role| role == labels::EXECUTOR)
        && labels
            .get(labels::SPARK_APP_SELECTOR)
            .is_some_and(|id| id != application)
        && pod
            .owner_references()
            .iter()
            .any(|owner| owner.uid == driver)
        && pod.metadata.deletion_timestamp.is_none()
}

fn pod(context: &Context, server: &SparkConnectServer, uid: &str) -> Option<Arc<Pod>> {
    let namespace = server.namespace();
    context
        .caches
        .pods
        .find(|pod| pod.namespace() == namespace && pod.uid().as_deref() == Some(uid))
}

/// Why the StatefulSet cannot make its pods: the newest warning about it. A quota or an admission policy speaks only there.
///
/// # Errors
/// When events cannot be listed.
pub async fn refusal(
    client: &Client,
    namespace: &str,
    stateful_set_uid: &str,
) -> Result<Option<Trouble>, kube::Error> {
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let fields = format!("involvedObject.uid={stateful_set_uid},type=Warning");
    let found = events.list(&ListParams::default().fields(&fields)).await?;
    let when = |event: &Event| event.last_timestamp.clone().map(|time| time.0);
    Ok(found
        .items
        .iter()
        .max_by_key(|event| when(event))
        .map(|event| Trouble {
            reason: event.reason.clone().unwrap_or_default(),
            message: event.message.clone().unwrap_or_default(),
        }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn executor(application: &str, owner: &str) -> Pod {
        serde_json::from_value(json!({"metadata": {
            "name": "x",
            "labels": {"spark-role": "executor", "spark-app-selector": application},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "d", "uid": owner}],
        }}))
        .unwrap()
    }

    #[test]
    fn only_executors_of_this_drivers_former_life_are_stale() {
        assert!(is_stale_executor(
            &executor("old", "driver"),
            "driver",
            "new"
        ));
        assert!(!is_stale_executor(
            &executor("new", "driver"),
            "driver",
            "new"
        ));
        assert!(!is_stale_executor(
            &executor("old", "other"),
            "driver",
            "new"
        ));
        let mut no_executor = executor("old", "driver");
        no_executor.labels_mut().remove("spark-role");
        assert!(!is_stale_executor(&no_executor, "driver", "new"));
    }
}
