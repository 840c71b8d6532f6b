//! Fetches what a server names: Secrets and ConfigMaps, by name and by label. Reads from the API server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures::future::try_join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ListParams};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkconnect_api::{SparkConnectServer, labels};

use crate::refusal::said;

use super::inputs::{Inputs, Labelled, Source, SourceKind, SourceRef, references};

/// Why the inputs of a server could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum DereferenceError {
    /// One object by name.
    #[error("{reference} cannot be read: {}", said(source))]
    Get {
        /// Which object.
        reference: SourceRef,
        /// What the API server said.
        source: kube::Error,
    },
    /// The labelled ones.
    #[error(
        "{kind}s labelled {} cannot be listed: {}",
        labels::INJECT_INTO,
        said(source)
    )]
    List {
        /// Of which kind.
        kind: SourceKind,
        /// What the API server said.
        source: kube::Error,
    },
}

/// Fetches everything that the server's spec names and everything labelled for it.
///
/// # Errors
/// When the API server does not answer, or the operator may not read. An object that does not exist is no error here.
pub async fn dereference(
    client: &Client,
    server: &SparkConnectServer,
) -> Result<Inputs, DereferenceError> {
    let namespace = server.namespace().unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    let named = references(&server.spec).into_iter().map(async |reference| {
        let source = match reference.kind {
            SourceKind::Secret => get(&secrets, &reference).await?,
            SourceKind::ConfigMap => get(&maps, &reference).await?,
        };
        Ok((reference, source))
    });
    let name = server.name_any();
    let (named, mut labelled, labelled_maps) = futures::try_join!(
        try_join_all(named),
        list(&secrets, SourceKind::Secret, &name),
        list(&maps, SourceKind::ConfigMap, &name),
    )?;
    labelled.extend(labelled_maps);
    Ok(Inputs {
        named: BTreeMap::from_iter(named),
        labelled,
    })
}

/// Every object that `inputs` were made from.
pub fn used(inputs: &Inputs) -> BTreeSet<SourceRef> {
    let labelled = inputs
        .labelled
        .iter()
        .map(|labelled| labelled.reference.clone());
    inputs.named.keys().cloned().chain(labelled).collect()
}

async fn get<K>(api: &Api<K>, reference: &SourceRef) -> Result<Option<Source>, DereferenceError>
where
    K: Clone + DeserializeOwned + Debug,
    Source: From<K>,
{
    let object = api.get_opt(&reference.name).await;
    object
        .map(|found| found.map(Source::from))
        .map_err(|source| DereferenceError::Get {
            reference: reference.clone(),
            source,
        })
}

async fn list<K>(
    api: &Api<K>,
    kind: SourceKind,
    server: &str,
) -> Result<Vec<Labelled>, DereferenceError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug,
    Source: From<K>,
{
    let selector = format!(
        "{} in ({server}, {})",
        labels::INJECT_INTO,
        labels::INJECT_INTO_ALL
    );
    let found = api
        .list(&ListParams::default().labels(&selector))
        .await
        .map_err(|source| DereferenceError::List { kind, source })?;
    Ok(found
        .items
        .into_iter()
        .map(|object| labelled(kind, object))
        .collect())
}

fn labelled<K: Resource>(kind: SourceKind, object: K) -> Labelled
where
    Source: From<K>,
{
    let annotation = |name: &str| object.annotations().get(name).cloned();
    Labelled {
        reference: SourceRef {
            kind,
            name: object.name_any(),
        },
        inject_as: annotation(labels::INJECT_AS),
        mount_path: annotation(labels::INJECT_MOUNT_PATH),
        source: Source::from(object),
    }
}
