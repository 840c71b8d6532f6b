//! Removal, for an installation that goes together with the resource definitions: what it serves while it still runs, and what it made for
//! itself once it does not. Deletes, and waits until it is gone.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ListParams, PartialObjectMeta};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkconnect_api::{SparkConnectServer, SparkSession};
use tokio_util::sync::CancellationToken;

use crate::connect::connect;
use crate::gateway::keeper::{CA_SECRET, CONTROL_SECRET, TLS_SECRET, is_ours};
use crate::settings::Settings;
use crate::watch::Scope;
use crate::{key, leader};

/// Longest time for the resources to go: below the five minutes that Helm gives a hook.
const PATIENCE: Duration = Duration::from_secs(270);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// So many of those that stay are named in the error.
const NAMED: usize = 5;

/// What is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Removal {
    /// Every session and every server that the operator serves, with all that they are made of. Needs a running operator.
    Resources,
    /// The installation key, the gateway's authority and certificates, and the Lease.
    State,
}

/// Why something stays.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// There is no way to the API server.
    #[error("no way to the Kubernetes API: {0}")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A call failed.
    #[error("the Kubernetes API: {0}")]
    Api(#[from] kube::Error),
    /// It was told to end before.
    #[error("told to end before all was gone")]
    Stopped,
    /// Resources do not go.
    #[error(
        "still there after {seconds} s: {0}. Sessions go when the operator has released them: see whether it runs, and what `kubectl describe` says of them",
        seconds = PATIENCE.as_secs()
    )]
    Stay(String),
}

/// Removes `what`, and returns when it is gone or `stop` came.
///
/// # Errors
/// When a call fails, or something does not go in time.
pub async fn run(
    what: Removal,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), RemoveError> {
    let client = connect().await.map_err(RemoveError::Connect)?;
    let removed = async {
        match what {
            Removal::Resources => resources(&settings.scopes(), &client).await,
            Removal::State => state(client.clone(), &settings.namespace).await,
        }
    };
    let removed = stop.run_until_cancelled(removed).await;
    removed.unwrap_or(Err(RemoveError::Stopped))
}

/// Deletes sessions before servers, so that each is released on a Spark that still runs. Clients may go on asking for new ones, which are not
/// waited for: they go without release, as their servers do. A scope that cannot be read keeps no other from being removed.
///
/// # Errors
/// When a scope cannot be read once the others are removed, or something does not go in time.
pub async fn resources(scopes: &[Scope], client: &Client) -> Result<(), RemoveError> {
    let began = Instant::now();
    let (mut first, mut complete) = (HashSet::new(), false);
    loop {
        let mut look = delete_all::<SparkSession>(scopes, client).await;
        let all_seen = look.failed.as_ref().is_none_or(is_refusal);
        if !complete {
            first.extend(look.left.keys().cloned());
            complete = all_seen;
        }
        if all_seen && !look.left.keys().any(|uid| first.contains(uid)) {
            let servers = delete_all::<SparkConnectServer>(scopes, client).await;
            look.left.extend(servers.left);
            servers
                .failed
                .into_iter()
                .for_each(|error| look.fail(error));
        }
        let mut left: Vec<String> = look.left.into_values().collect();
        let late = began.elapsed() > PATIENCE;
        match look.failed {
            Some(error) if late || (left.is_empty() && is_refusal(&error)) => {
                return Err(error.into());
            }
            None if left.is_empty() => {
                tracing::info!("no session and no server is left");
                return Ok(());
            }
            None if late => {
                left.truncate(NAMED);
                return Err(RemoveError::Stay(left.join(", ")));
            }
            Some(error) => tracing::warn!(%error, "trying again"),
            None => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Deletes what the operator made for itself in `namespace`.
///
/// # Errors
/// When a call fails.
pub async fn state(client: Client, namespace: &str) -> Result<(), RemoveError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    for name in [key::SECRET, CA_SECRET, CONTROL_SECRET, TLS_SECRET] {
        // A certificate may be somebody else's.
        if secrets
            .get_opt(name)
            .await?
            .is_some_and(|found| is_ours(&found))
        {
            delete(&secrets, name, &DeleteParams::default()).await?;
        }
    }
    let leases: Api<Lease> = Api::namespaced(client, namespace);
    delete(&leases, leader::LEASE, &DeleteParams::default()).await?;
    Ok(())
}

/// What one look at a kind found.
#[derive(Default)]
struct Look {
    /// Objects that are still there, by UID, as in `SparkSession team/ada`.
    left: HashMap<String, String>,
    /// A call that failed; a refusal only where nothing else did.
    failed: Option<kube::Error>,
}

impl Look {
    fn fail(&mut self, error: kube::Error) {
        if self.failed.as_ref().is_none_or(is_refusal) {
            self.failed = Some(error);
        }
    }
}

/// Deletes every object of a kind.
async fn delete_all<K>(scopes: &[Scope], client: &Client) -> Look
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    // Metadata alone: an object that cannot be read must go too.
    let mut look = Look::default();
    let mut listed = Vec::new();
    for scope in scopes {
        let api = scope.api::<K>(client.clone());
        match api.list_metadata(&ListParams::default()).await {
            Ok(found) => listed.extend(found.items),
            Err(error) if is_missing(&error) => {}
            Err(error) => look.fail(error),
        }
    }
    for object in &listed {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        if !is_ending(object) {
            let api: Api<K> = Api::namespaced(client.clone(), &namespace);
            // In the foreground, so that it is there for as long as anything that it is made of.
            if let Err(error) = delete(&api, &name, &DeleteParams::foreground()).await {
                look.fail(error);
            }
        }
        let told = format!("{} {namespace}/{name}", K::kind(&()));
        look.left.insert(object.uid().unwrap_or_default(), told);
    }
    look
}

async fn delete<K>(api: &Api<K>, name: &str, how: &DeleteParams) -> kube::Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    match api.delete(name, how).await {
        Ok(_) => {
            tracing::info!(kind = %K::kind(&()), name, "deleted");
            Ok(())
        }
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_ending<K>(object: &PartialObjectMeta<K>) -> bool {
    object.metadata.deletion_timestamp.is_some()
}

/// Whether trying again does not help, as in a namespace that is gone with the Role there.
fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

/// Whether the object is gone, or its kind.
fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
