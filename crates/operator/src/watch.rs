//! Caches of the objects that the operator made, kept by one watch a kind, and the triggers that their changes are. Reads
//! from the API server.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, future};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, PartialObjectMeta};
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkconnect_api::{SparkConnectServer, SparkSession, labels};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::input_index::InputIndex;
use crate::server::inputs::{SourceKind, SourceRef};

/// A server as it is watched: one that does not deserialise stays apart and disturbs no other.
pub type GuardedServer = DeserializeGuard<SparkConnectServer>;
/// A session as it is watched.
pub type GuardedSession = DeserializeGuard<SparkSession>;

/// Seconds after which a watch is made anew even if nothing came: a connection that died silently is noticed no later.
const WATCH_SECONDS: u32 = 120;
/// Between two questions whether a controller has had its first list.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Which namespaces one set of watches is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Cluster,
    /// One.
    Namespace(String),
}

impl Scope {
    /// Whether a namespace is in it.
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(one) => one == namespace,
        }
    }

    /// The API of a kind within the scope.
    pub fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Cluster => Api::all(client),
            Self::Namespace(namespace) => Api::namespaced(client, namespace),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("every namespace"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
        }
    }
}

/// How every watch is set up.
pub fn config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Where triggers go: the queues of the two controllers.
#[derive(Clone, Debug)]
pub struct Triggers {
    /// Servers to reconcile.
    pub servers: UnboundedSender<ObjectRef<GuardedServer>>,
    /// Sessions to reconcile.
    pub sessions: UnboundedSender<ObjectRef<GuardedSession>>,
}

impl Triggers {
    /// Asks for a reconcile of a server. A controller that has ended needs none.
    pub fn server(&self, namespace: &str, name: &str) {
        let _ = self.servers.send(ObjectRef::new(name).within(namespace));
    }

    /// Asks for a reconcile of a session.
    pub fn session(&self, namespace: &str, name: &str) {
        let _ = self.sessions.send(ObjectRef::new(name).within(namespace));
    }
}

/// The two resources themselves, as the controllers' own caches hold them.
#[derive(Clone)]
pub struct Resources {
    /// Every server.
    pub servers: Store<GuardedServer>,
    /// Every session.
    pub sessions: Store<GuardedSession>,
}

impl Resources {
    /// Waits until both kinds have had their first list: before, every session would seem to be gone. A store wakes only the
    /// one who asked it last, and its controller asks too: so this asks again and again.
    pub async fn filled(&self) {
        let first_lists = async || {
            let _ = futures::join!(
                self.servers.wait_until_ready(),
                self.sessions.wait_until_ready()
            );
        };
        while tokio::time::timeout(ASK_AGAIN, first_lists())
            .await
            .is_err()
        {}
    }

    /// The server of that name, if it exists and can be read.
    pub fn server(&self, namespace: &str, name: &str) -> Option<SparkConnectServer> {
        let guard = self.servers.get(&ObjectRef::new(name).within(namespace))?;
        guard.0.as_ref().ok().cloned()
    }

    /// The sessions that name a server, finished ones included.
    pub fn sessions_of(&self, namespace: &str, server: &str) -> Vec<SparkSession> {
        let sessions = self.sessions.state();
        let readable = sessions.iter().filter_map(|guard| guard.0.as_ref().ok());
        readable
            .filter(|s| s.spec.server == server && s.namespace().as_deref() == Some(namespace))
            .cloned()
            .collect()
    }

    /// Servers in `namespace` for which `matches` holds.
    pub fn servers_where(
        &self,
        namespace: &str,
        matches: impl Fn(&SparkConnectServer) -> bool,
    ) -> Vec<String> {
        let servers = self.servers.state();
        let readable = servers.iter().filter_map(|guard| guard.0.as_ref().ok());
        readable
            .filter(|server| server.namespace().as_deref() == Some(namespace) && matches(server))
            .map(ResourceExt::name_any)
            .collect()
    }
}

/// Caches of what the operator and its servers made.
#[derive(Clone)]
pub struct Caches {
    /// Driver and executor pods.
    pub pods: Store<Pod>,
    /// One a server.
    pub stateful_sets: Store<StatefulSet>,
    /// One a server, headless.
    pub services: Store<Service>,
    /// One a server.
    pub config_maps: Store<ConfigMap>,
    /// One a server, and one a live session.
    pub secrets: Store<Secret>,
    /// One a server that names none.
    pub service_accounts: Store<ServiceAccount>,
    /// One a server with executors.
    pub roles: Store<Role>,
    /// One a server with executors.
    pub role_bindings: Store<RoleBinding>,
    /// One a server.
    pub network_policies: Store<NetworkPolicy>,
    /// One a server with more than one replica.
    pub disruption_budgets: Store<PodDisruptionBudget>,
}

impl Caches {
    /// Waits until every cache has had its first list. A watch that ends before only does so with the process.
    pub async fn filled(&self) {
        let _ = futures::join!(
            self.pods.wait_until_ready(),
            self.stateful_sets.wait_until_ready(),
            self.services.wait_until_ready(),
            self.config_maps.wait_until_ready(),
            self.secrets.wait_until_ready(),
            self.service_accounts.wait_until_ready(),
            self.roles.wait_until_ready(),
            self.role_bindings.wait_until_ready(),
            self.network_policies.wait_until_ready(),
            self.disruption_budgets.wait_until_ready(),
        );
    }
}

/// What a watch needs besides its kind.
#[derive(Clone)]
pub struct Watches {
    /// Connection to the API server.
    pub client: Client,
    /// Namespaces to watch.
    pub scope: Scope,
    /// Ends every watch.
    pub stop: CancellationToken,
    /// Counts the watches, so that the process can wait for their end.
    pub tasks: TaskTracker,
    /// Where changes go.
    pub triggers: Triggers,
}

impl Watches {
    /// Starts the watches of everything that carries the operator's label.
    pub fn caches(&self) -> Caches {
        let triggers = self.triggers.clone();
        Caches {
            pods: self.cache(triggers.clone()),
            stateful_sets: self.cache(triggers.clone()),
            services: self.cache(triggers.clone()),
            config_maps: self.cache(triggers.clone()),
            secrets: self.cache(triggers.clone()),
            service_accounts: self.cache(triggers.clone()),
            roles: self.cache(triggers.clone()),
            role_bindings: self.cache(triggers.clone()),
            network_policies: self.cache(triggers.clone()),
            disruption_budgets: self.cache(triggers),
        }
    }

    fn cache<K>(&self, triggers: Triggers) -> Store<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let (reader, writer) = reflector::store();
        let selector = format!("{}={}", labels::MANAGED_BY, labels::MANAGER);
        let stream = watcher(
            self.scope.api::<K>(self.client.clone()),
            config().labels(&selector),
        )
        .modify(|object| object.managed_fields_mut().clear())
        .default_backoff()
        .reflect(writer)
        .touched_objects();
        self.spawn(stream.for_each(move |object| {
            match object {
                Ok(object) => trigger(&triggers, &object),
                Err(error) => {
                    tracing::warn!(kind = %K::kind(&()), %error, "watch failed; trying again");
                }
            }
            future::ready(())
        }));
        reader
    }

    /// Watches the metadata of every Secret and ConfigMap and asks for a reconcile of the servers that a change concerns. No
    /// data of theirs crosses the wire here.
    pub fn inputs(&self, resources: &Resources, index: &Arc<InputIndex>) {
        self.input::<Secret>(SourceKind::Secret, resources, index);
        self.input::<ConfigMap>(SourceKind::ConfigMap, resources, index);
    }

    fn input<K>(&self, kind: SourceKind, resources: &Resources, index: &Arc<InputIndex>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let (triggers, resources, index) =
            (self.triggers.clone(), resources.clone(), Arc::clone(index));
        let stream = watcher(
            self.scope.api::<PartialObjectMeta<K>>(self.client.clone()),
            config(),
        )
        .default_backoff()
        .touched_objects();
        self.spawn(stream.for_each(move |object| {
            match object {
                Ok(object) => changed_input(kind, &object, &resources, &index, &triggers),
                Err(error) => tracing::warn!(%kind, %error, "watch failed; trying again"),
            }
            future::ready(())
        }));
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks
            .spawn(async move { stop.run_until_cancelled(work).await });
    }
}

/// A change of an object of ours concerns its server, and its session where it has one.
fn trigger<K: Resource>(triggers: &Triggers, object: &K) {
    let namespace = object.namespace().unwrap_or_default();
    if let Some(session) = object.labels().get(labels::SESSION) {
        triggers.session(&namespace, session);
    } else if let Some(server) = object.labels().get(labels::SERVER) {
        triggers.server(&namespace, server);
    }
}

/// A Secret or ConfigMap concerns the servers that it is labelled for and those that used it when they were last looked at,
/// which finds a label that was taken away.
fn changed_input<K: Resource<DynamicType = ()>>(
    kind: SourceKind,
    object: &PartialObjectMeta<K>,
    resources: &Resources,
    index: &InputIndex,
    triggers: &Triggers,
) {
    let namespace = object.namespace().unwrap_or_default();
    let reference = SourceRef {
        kind,
        name: object.name_any(),
    };
    let target = object.labels().get(labels::INJECT_INTO);
    let labelled = |server: &SparkConnectServer| {
        target.is_some_and(|t| t == labels::INJECT_INTO_ALL || *t == server.name_any())
    };
    let concerned =
        |server: &SparkConnectServer| labelled(server) || index.uses(server, &reference);
    for server in resources.servers_where(&namespace, concerned) {
        triggers.server(&namespace, &server);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::watcher::Event;

    /// The first list, without an object.
    fn list<K>(writer: &mut reflector::store::Writer<K>)
    where
        K: reflector::Lookup<DynamicType = ()> + Clone + 'static,
    {
        writer.apply_watcher_event(&Event::Init);
        writer.apply_watcher_event(&Event::InitDone);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_first_lists_is_not_forgotten_for_another() {
        let (servers, mut server_writer) = reflector::store();
        let (sessions, mut session_writer) = reflector::store();
        let controller = servers.clone();
        let resources = Resources { servers, sessions };
        let waits = tokio::spawn(async move { resources.filled().await });
        tokio::task::yield_now().await;
        let asks_later = tokio::spawn(async move { controller.wait_until_ready().await });
        tokio::task::yield_now().await;
        list(&mut session_writer);
        list(&mut server_writer);
        let filled = tokio::time::timeout(Duration::from_secs(60), waits).await;
        filled.expect("it was woken").expect("it did not panic");
        asks_later.abort();
    }
}
