//! One process of the operator, as far as sessions need it: caches, live watches, placement. Dropped, it has died.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkconnect_api::SparkSession;
use sparkconnect_operator::apply::Applier;
use sparkconnect_operator::backoff::Backoff;
use sparkconnect_operator::context::Context;
use sparkconnect_operator::control;
use sparkconnect_operator::events::Events;
use sparkconnect_operator::gateway::Gateway;
use sparkconnect_operator::live::Live;
use sparkconnect_operator::metrics::Metrics;
use sparkconnect_operator::pacing::Pacer;
use sparkconnect_operator::placement::Placement;
use sparkconnect_operator::server::validate::Defaults;
use sparkconnect_operator::session::{self, Error};
use sparkconnect_operator::watch::{GuardedSession, Resources, Scope, Triggers, Watches};
use sparkconnect_spark::{InstallationKey, SparkServer};
use sparkconnect_telemetry::Registry;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::recorder::{Recorder, is_write};
use crate::world::{Replica, SERVER, World, eventually};

/// Most reconciles until nothing is left to do.
const RECONCILES: usize = 10;

/// A process of the operator.
pub(crate) struct Operator<'a> {
    pub(crate) context: Arc<Context>,
    pub(crate) recorder: Recorder,
    world: &'a World,
    _end: DropGuard,
}

impl<'a> Operator<'a> {
    /// A process that knows `replicas` and has seen that those that are plugged in serve.
    pub(crate) async fn start(world: &'a World, replicas: &[&Replica]) -> Self {
        Self::recorded(world, replicas, Recorder::default()).await
    }

    /// A process that knows of a gateway, and otherwise as [`Self::start`].
    pub(crate) async fn with_gateway(
        world: &'a World,
        replicas: &[&Replica],
        gateway: &Gateway,
    ) -> Self {
        let setting = Some(gateway.clone());
        Self::set_up(world, replicas, Recorder::default(), setting).await
    }

    /// A process whose calls are recorded by `recorder`.
    pub(crate) async fn recorded(
        world: &'a World,
        replicas: &[&Replica],
        recorder: Recorder,
    ) -> Self {
        Self::set_up(world, replicas, recorder, None).await
    }

    async fn set_up(
        world: &'a World,
        replicas: &[&Replica],
        recorder: Recorder,
        gateway: Option<Gateway>,
    ) -> Self {
        let stop = CancellationToken::new();
        let mut context = context(world, &recorder, &stop);
        context.gateway = gateway;
        let context = Arc::new(context);
        context.caches.filled().await;
        control::ready(&context).await;
        let operator = Self {
            context,
            recorder,
            world,
            _end: stop.drop_guard(),
        };
        operator.watch(replicas).await;
        operator
    }

    /// Watches exactly `replicas`, and has looked at each.
    pub(crate) async fn watch(&self, replicas: &[&Replica]) {
        let targets = replicas.iter().map(|replica| replica.target()).collect();
        let token = self
            .context
            .key
            .server_token(&self.world.server.uid().unwrap_or_default());
        self.context
            .live
            .sync(&self.world.namespace, SERVER, targets, &token);
        for replica in replicas {
            let pods: &Store<Pod> = &self.context.caches.pods;
            self.cached(pods, &self.world.api(), &replica.pod.name_any())
                .await;
            self.context.live.look(&replica.uid()).await;
        }
    }

    /// Waits until the cache shows that a pod is gone.
    pub(crate) async fn forget_pod(&self, name: &str) {
        self.cached(&self.context.caches.pods, &self.world.api(), name)
            .await;
    }

    /// One reconcile of `session` as it is given.
    pub(crate) async fn reconcile(&self, session: SparkSession) -> Result<(), Error> {
        let guarded = Arc::new(kube::core::DeserializeGuard(Ok(session)));
        session::reconcile(guarded, Arc::clone(&self.context))
            .await
            .map(drop)
    }

    /// Reconciles until nothing is written any more; returns the session, unless it is gone.
    pub(crate) async fn settle(&self, name: &str) -> Option<SparkSession> {
        match self.try_settle(name).await {
            Ok(session) => session,
            Err(error) => panic!("{name} does not settle: {error}"),
        }
    }

    /// As [`Self::settle`], until the first failure.
    pub(crate) async fn try_settle(&self, name: &str) -> Result<Option<SparkSession>, Error> {
        for _ in 0..RECONCILES {
            let Some(session) = self.current(name).await else {
                return Ok(None);
            };
            let before = self.recorder.count();
            self.reconcile(session).await?;
            let calls = self.recorder.since(before);
            if !calls.iter().any(|call| is_write(call)) {
                return Ok(self.world.find(name).await);
            }
        }
        panic!("{name} is still being written: {:?}", self.recorder.take());
    }

    /// The session, once the caches show it and its Secret as they are.
    pub(crate) async fn current(&self, name: &str) -> Option<SparkSession> {
        let sessions: Api<GuardedSession> = self.world.api_guarded();
        self.cached(&self.context.resources.sessions, &sessions, name)
            .await;
        let secrets: &Store<Secret> = &self.context.caches.secrets;
        self.cached(secrets, &self.world.api(), &format!("{name}-connection"))
            .await;
        self.world.find(name).await
    }

    /// The client of a replica.
    pub(crate) fn spark(&self, replica: &Replica) -> SparkServer {
        self.context
            .live
            .spark(&replica.uid())
            .expect("the replica is watched")
    }

    /// Waits until the cache shows what is in the cluster, among what the operator has labelled.
    async fn cached<K>(&self, store: &Store<K>, api: &Api<K>, name: &str)
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    {
        let reference = ObjectRef::new(name).within(&self.world.namespace);
        eventually(|| async {
            let there = api.get_opt(name).await.expect("an answer");
            let ours = |object: &K| K::kind(&()) != "Secret" || !object.labels().is_empty();
            let there = there
                .filter(ours)
                .and_then(|object| object.resource_version());
            let seen = store
                .get(&reference)
                .and_then(|object| object.resource_version());
            if there == seen {
                Ok(())
            } else {
                Err(format!("{name} is {there:?}, cached {seen:?}"))
            }
        })
        .await;
    }
}

fn context(world: &World, recorder: &Recorder, stop: &CancellationToken) -> Context {
    let (servers, _) = unbounded_channel();
    let (sessions, _) = unbounded_channel();
    let triggers = Triggers { servers, sessions };
    let tasks = TaskTracker::new();
    let watches = Watches {
        client: world.client.clone(),
        scope: Scope::Namespace(world.namespace.clone()),
        stop: stop.clone(),
        tasks: tasks.clone(),
        triggers: triggers.clone(),
    };
    let client = recorder.client(world.client.clone());
    let metrics = Metrics::register(&Registry::new()).expect("each metric once");
    Context {
        applier: Applier::new(client.clone()),
        events: Events::new(client.clone(), "test"),
        live: Live::new(
            triggers.clone(),
            Pacer::default(),
            metrics.servers.clone(),
            None,
            stop.clone(),
            tasks,
        ),
        counts: Pacer::default(),
        placement: Placement::default(),
        resources: Resources {
            servers: store(world.client.clone(), &world.namespace, stop),
            sessions: store(world.client.clone(), &world.namespace, stop),
        },
        caches: watches.caches(),
        inputs: Arc::default(),
        triggers,
        key: Arc::new(InstallationKey::from_bytes([7; 32])),
        defaults: Defaults {
            image: "none".to_owned(),
            operator_namespace: None,
            gateway: false,
        },
        gateway: None,
        backoff: Backoff::default(),
        metrics,
        restored: tokio::sync::OnceCell::new(),
        client,
    }
}

fn store<K>(client: Client, namespace: &str, stop: &CancellationToken) -> Store<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (reader, writer) = reflector::store();
    let objects = watcher(
        Api::namespaced(client, namespace),
        watcher::Config::default(),
    );
    let filled = objects
        .default_backoff()
        .reflect(writer)
        .for_each(async |_| {});
    tokio::spawn(stop.clone().run_until_cancelled_owned(filled));
    reader
}
