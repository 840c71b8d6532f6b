//! Brings a server's child objects about: config before workload, then what is no longer desired is removed. Writes through
//! the one applier.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};
use sparkconnect_api::{SparkConnectServer, labels};

use super::build::Children;
use crate::apply::{ApplyError, Child, Outcome, check_ours};
use crate::context::Context;

/// Applies every object of `children`, and deletes those that the server no longer has.
///
/// # Errors
/// The first refusal; what comes after it is left for the next try, so that no driver starts with half of its inputs.
pub async fn apply(
    context: &Context,
    server: &SparkConnectServer,
    children: Children,
) -> Result<(), ApplyError> {
    let caches = &context.caches;
    let policies = [
        Some(children.network_policy),
        children.executor_network_policy,
    ];
    futures::try_join!(
        kind(
            context,
            server,
            &caches.service_accounts,
            children.service_account
        ),
        rights(context, server, children.role, children.role_binding),
        kind(context, server, &caches.services, Some(children.service)),
        kind(
            context,
            server,
            &caches.config_maps,
            Some(children.config_map)
        ),
        kind(context, server, &caches.secrets, Some(children.secret)),
        kind(
            context,
            server,
            &caches.network_policies,
            policies.into_iter().flatten()
        ),
        kind(
            context,
            server,
            &caches.disruption_budgets,
            children.disruption_budget
        ),
    )?;
    kind(
        context,
        server,
        &caches.stateful_sets,
        Some(children.stateful_set),
    )
    .await
}

/// A binding is refused before the Role that it names is there.
async fn rights(
    context: &Context,
    server: &SparkConnectServer,
    role: Option<Role>,
    binding: Option<RoleBinding>,
) -> Result<(), ApplyError> {
    kind(context, server, &context.caches.roles, role).await?;
    kind(context, server, &context.caches.role_bindings, binding).await
}

/// The StatefulSet of a server, as last seen.
pub fn stateful_set(
    context: &Context,
    server: &SparkConnectServer,
) -> Option<std::sync::Arc<StatefulSet>> {
    let namespace = server.namespace().unwrap_or_default();
    context
        .caches
        .stateful_sets
        .get(&ObjectRef::new(&server.name_any()).within(&namespace))
}

/// Makes the objects of one kind exactly `desired`.
async fn kind<K: Child + Send + Sync + 'static>(
    context: &Context,
    server: &SparkConnectServer,
    cache: &Store<K>,
    desired: impl IntoIterator<Item = K>,
) -> Result<(), ApplyError> {
    let mut names = Vec::new();
    for object in desired {
        let name = object.name_any();
        let reference = ObjectRef::new(&name).within(&object.namespace().unwrap_or_default());
        let live = cache.get(&reference);
        match live.as_deref() {
            Some(live) => check_ours(live, &object)?,
            None => context.applier.check_free(&object).await?,
        }
        if context.applier.ensure(object, live.as_deref()).await? == Outcome::Applied {
            context
                .metrics
                .applied
                .with_label_values(&[&K::kind(&())])
                .inc();
        }
        names.push(name);
    }
    for orphan in cache.state_filter(|object| is_child(object, server)) {
        if !names.contains(&orphan.name_any()) {
            context.applier.delete(&*orphan).await?;
        }
    }
    Ok(())
}

/// Whether the server made `object` for itself: a session's Secret carries the label of its session too.
fn is_child<K: Child>(object: &K, server: &SparkConnectServer) -> bool {
    let labels = object.labels();
    object.namespace() == server.namespace()
        && labels
            .get(labels::SERVER)
            .is_some_and(|name| *name == server.name_any())
        && !labels.contains_key(labels::SESSION)
        && object
            .owner_references()
            .iter()
            .any(|owner| Some(&owner.uid) == server.uid().as_ref())
}
