//! The one writer of child objects: server-side apply under one field manager, and only where the live object is not
//! already as desired, so that a steady state costs no write.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sparkconnect_api::labels::{MANAGED_BY, MANAGER, SERVER};
use sparkconnect_telemetry::spans::within;
use tracing::Instrument;

use crate::refusal::said;
use crate::spans;

/// Annotation on every applied object: hash of what was applied. It tells a field that is no longer desired, which the
/// comparison of fields alone cannot see.
const APPLIED_HASH: &str = "sparkconnect.dev/applied-hash";

/// Why an object could not be written or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server refused or did not answer.
    #[error("{action} {kind} {name}: {}", said(source))]
    Api {
        /// `look for`, `apply` or `delete`.
        action: &'static str,
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Somebody else's object has its name.
    #[error(
        "{kind} {name} is there already and was not made for this server: delete it, or give the server another name"
    )]
    Taken {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The object cannot be written as JSON.
    #[error("{kind} cannot be written as JSON: {source}")]
    Json {
        /// Kind of the object.
        kind: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// What [`Applier::ensure`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The live object was as desired: nothing was sent.
    Unchanged,
    /// The object was applied.
    Applied,
}

/// Kinds that the applier writes.
pub trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
{
}

impl<K> Child for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
{
}

/// Writes child objects.
#[derive(Clone)]
pub struct Applier {
    client: Client,
}

impl Applier {
    /// An applier on this connection.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Makes the cluster's object as `desired`; `live` is what is known of it, a moment old perhaps.
    ///
    /// # Errors
    /// What the API server answers, with the object's kind and name.
    pub async fn ensure<K: Child>(
        &self,
        mut desired: K,
        live: Option<&K>,
    ) -> Result<Outcome, ApplyError> {
        let hash = hash(&json(&desired)?);
        desired
            .annotations_mut()
            .insert(APPLIED_HASH.to_owned(), hash);
        let wanted = json(&desired)?;
        if let Some(live) = live
            && live.meta().deletion_timestamp.is_none()
            && covers(&json(live)?, &wanted)
        {
            return Ok(Outcome::Unchanged);
        }
        let (name, api) = (desired.name_any(), self.api::<K>(&desired));
        let parameters = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&wanted);
        let span = spans::write("apply", &K::kind(&()), &name);
        within(span, api.patch(&name, &parameters, &patch))
            .await
            .map_err(|source| failed::<K>("apply", &name, source))?;
        Ok(Outcome::Applied)
    }

    /// Sees to it that no object of somebody else has the name of `desired`: to apply would change it, and give it an owner with whom it
    /// goes. Looked for in the cluster: the caches hold the operator's own alone.
    ///
    /// # Errors
    /// [`ApplyError::Taken`], or what the API server answers.
    pub async fn check_free<K: Child>(&self, desired: &K) -> Result<(), ApplyError> {
        let name = desired.name_any();
        let found = self.api::<K>(desired).get_metadata_opt(&name).await;
        let found = found.map_err(|source| failed::<K>("look for", &name, source))?;
        found.map_or(Ok(()), |found| check_ours(&found, desired))
    }

    /// Deletes `object` if it is still the one that was seen.
    ///
    /// # Errors
    /// What the API server answers, unless the object is gone or another one by now.
    pub async fn delete<K: Child>(&self, object: &K) -> Result<(), ApplyError> {
        let preconditions = Preconditions {
            uid: object.uid(),
            resource_version: None,
        };
        let parameters = DeleteParams::default().preconditions(preconditions);
        let (name, api) = (object.name_any(), self.api::<K>(object));
        let span = spans::write("delete", &K::kind(&()), &name);
        match api.delete(&name, &parameters).instrument(span).await {
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(source) => Err(failed::<K>("delete", &name, source)),
            Ok(_) => Ok(()),
        }
    }

    fn api<K: Child>(&self, object: &K) -> Api<K> {
        Api::namespaced(
            self.client.clone(),
            object.namespace().as_deref().unwrap_or("default"),
        )
    }
}

/// Refuses what was made neither for the owner of `desired` nor, by the operator, for a former server of its name.
///
/// # Errors
/// [`ApplyError::Taken`].
pub fn check_ours<K: Child>(found: &impl ResourceExt, desired: &K) -> Result<(), ApplyError> {
    let (labels, own) = (found.labels(), desired.labels());
    let same = |key: &str| own.contains_key(key) && labels.get(key) == own.get(key);
    let owners = desired.owner_references();
    let shared = |owner: &OwnerReference| owners.iter().any(|it| it.uid == owner.uid);
    if same(MANAGED_BY) && same(SERVER) || found.owner_references().iter().any(shared) {
        return Ok(());
    }
    Err(ApplyError::Taken {
        kind: K::kind(&()).into_owned(),
        name: desired.name_any(),
    })
}

fn failed<K: Child>(action: &'static str, name: &str, source: kube::Error) -> ApplyError {
    ApplyError::Api {
        action,
        kind: K::kind(&()).into_owned(),
        name: name.to_owned(),
        source: Box::new(source),
    }
}

fn json<K: Child>(object: &K) -> Result<Value, ApplyError> {
    serde_json::to_value(object).map_err(|source| ApplyError::Json {
        kind: K::kind(&()).into_owned(),
        source,
    })
}

fn hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether `live` has everything that `desired` has. Objects may have more, which is the cluster's or another manager's;
/// lists must agree in length, since what is missing from a list may be something that was taken out of it.
fn covers(live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => desired.iter().all(|(key, value)| {
            live.get(key)
                .map_or_else(|| is_empty(value), |live| covers(live, value))
        }),
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len() && live.iter().zip(desired).all(|(l, d)| covers(l, d))
        }
        (live, desired) => live == desired,
    }
}

/// The API server drops empty lists and objects.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn live_objects_may_have_more_and_must_not_have_less() {
        let live = json!({"a": 1, "b": {"c": [{"x": 1, "default": true}]}, "uid": "u"});
        for (desired, covered) in [
            (json!({"a": 1}), true),
            (json!({"b": {"c": [{"x": 1}]}}), true),
            (json!({"b": {}, "none": [], "null": null}), true),
            (json!({"a": 2}), false),
            (json!({"b": {"c": []}}), false),
            (json!({"b": {"c": [{"x": 1}, {"x": 2}]}}), false),
            (json!({"d": "new"}), false),
        ] {
            assert_eq!(covers(&live, &desired), covered, "{desired}");
        }
    }

    #[test]
    fn an_object_is_ours_by_its_labels_or_its_owner() {
        use k8s_openapi::api::core::v1::ServiceAccount;

        let object = |manager: &str, server: &str, uid: &str| -> ServiceAccount {
            let owner = json!({"apiVersion": "v1", "kind": "K", "name": "n", "uid": uid});
            serde_json::from_value(json!({"metadata": {
                "name": "spark", "labels": {MANAGED_BY: manager, SERVER: server}, "ownerReferences": [owner],
            }}))
            .unwrap()
        };
        let desired = object(MANAGER, "spark", "a");
        for (found, ours) in [
            (ServiceAccount::default(), false),
            (object("Helm", "spark", "b"), false),
            (object(MANAGER, "another", "b"), false),
            (object(MANAGER, "spark", "former"), true),
            (object("Helm", "none", "a"), true),
        ] {
            let checked = check_ours(&found, &desired);
            assert_eq!(checked.is_ok(), ours, "{found:?}");
        }
    }

    #[test]
    fn the_hash_sees_a_field_that_is_no_longer_desired() {
        assert_ne!(hash(&json!({"a": 1, "b": 2})), hash(&json!({"a": 1})));
    }
}
