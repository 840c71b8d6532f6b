//! Fetches what a session's artifacts hold. Reads from the API server; content is never part of a message.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::Api;
use kube::{Client, ResourceExt};
use sparkconnect_api::SparkSession;
use sparkconnect_api::session as api;
use sparkconnect_spark::Artifact;

use crate::refusal::said;
use crate::server::inputs::{Source, SourceKind, SourceRef};

/// Why an artifact's source could not be read. One that does not exist is no error here.
#[derive(Debug, thiserror::Error)]
#[error("{reference} cannot be read: {}", said(source))]
pub struct ArtifactError {
    /// Which object.
    reference: SourceRef,
    /// What the API server said.
    source: kube::Error,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Every artifact, in the spec's order.
    All(Vec<Artifact>),
    /// Something is not there: what is missing, for people.
    Missing(String),
}

/// Fetches every artifact of the session's spec.
///
/// # Errors
/// When the API server does not answer, or the operator may not read.
pub(super) async fn fetch(
    client: &Client,
    session: &SparkSession,
) -> Result<Fetched, ArtifactError> {
    let wanted: BTreeSet<SourceRef> = session
        .spec
        .artifacts
        .iter()
        .filter_map(place)
        .map(|(reference, _)| reference)
        .collect();
    let namespace = session.namespace().unwrap_or_default();
    let reads = wanted
        .into_iter()
        .map(|reference| read(client, &namespace, reference));
    Ok(pick(
        &session.spec.artifacts,
        &try_join_all(reads).await?.into_iter().collect(),
    ))
}

type Sources = BTreeMap<SourceRef, Option<Source>>;

async fn read(
    client: &Client,
    namespace: &str,
    reference: SourceRef,
) -> Result<(SourceRef, Option<Source>), ArtifactError> {
    let name = reference.name.as_str();
    let found = match reference.kind {
        SourceKind::Secret => {
            let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
            api.get_opt(name).await.map(|found| found.map(Source::from))
        }
        SourceKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            api.get_opt(name).await.map(|found| found.map(Source::from))
        }
    };
    match found {
        Ok(source) => Ok((reference, source)),
        Err(source) => Err(ArtifactError { reference, source }),
    }
}

fn pick(artifacts: &[api::Artifact], sources: &Sources) -> Fetched {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for artifact in artifacts {
        match content(artifact, sources) {
            Ok(content) => {
                found.push(Artifact {
                    name: artifact.name.clone(),
                    content: content.into(),
                });
            }
            Err(what) => missing.push(format!("{what} (for {})", artifact.name)),
        }
    }
    if missing.is_empty() {
        Fetched::All(found)
    } else {
        Fetched::Missing(missing.join(", "))
    }
}

/// The content, or what is missing for it.
fn content(artifact: &api::Artifact, sources: &Sources) -> Result<Vec<u8>, String> {
    let (reference, key) = place(artifact).ok_or_else(|| "a source".to_owned())?;
    let source = sources.get(&reference).and_then(Option::as_ref);
    let source = source.ok_or_else(|| reference.to_string())?;
    source
        .data
        .get(key)
        .cloned()
        .ok_or_else(|| format!("key {key} of {reference}"))
}

fn place(artifact: &api::Artifact) -> Option<(SourceRef, &str)> {
    match (&artifact.secret_key_ref, &artifact.config_map_key_ref) {
        (Some(key), _) => Some((SourceRef::secret(&key.name), &key.key)),
        (None, Some(key)) => Some((SourceRef::config_map(&key.name), &key.key)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn artifact(name: &str, field: &str, key: &str) -> api::Artifact {
        serde_json::from_value(json!({"name": name, field: {"name": "code", "key": key}})).unwrap()
    }

    fn sources() -> Sources {
        let map: ConfigMap = serde_json::from_value(json!({
            "data": {"a.py": "pass"}, "binaryData": {"b.zip": "AAEC"},
        }))
        .unwrap();
        [
            (SourceRef::config_map("code"), Some(map.into())),
            (SourceRef::secret("code"), None),
        ]
        .into()
    }

    #[test]
    fn text_and_binary_keys_are_found_in_the_specs_order() {
        let artifacts = [
            artifact("archives/b.zip", "configMapKeyRef", "b.zip"),
            artifact("pyfiles/a.py", "configMapKeyRef", "a.py"),
        ];
        let Fetched::All(found) = pick(&artifacts, &sources()) else {
            panic!("all are there")
        };
        let found: Vec<_> = found
            .iter()
            .map(|a| (a.name.as_str(), a.content.as_ref()))
            .collect();
        assert_eq!(
            found,
            [
                ("archives/b.zip", &[0, 1, 2][..]),
                ("pyfiles/a.py", &b"pass"[..])
            ]
        );
    }

    #[test]
    fn everything_that_is_missing_is_named() {
        let artifacts = [
            artifact("pyfiles/a.py", "configMapKeyRef", "a.py"),
            artifact("pyfiles/c.py", "configMapKeyRef", "c.py"),
            artifact("files/s", "secretKeyRef", "s"),
        ];
        let Fetched::Missing(what) = pick(&artifacts, &sources()) else {
            panic!("some are not")
        };
        assert_eq!(
            what,
            "key c.py of ConfigMap code (for pyfiles/c.py), Secret code (for files/s)"
        );
    }
}
