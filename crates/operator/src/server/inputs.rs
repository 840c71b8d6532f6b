//! What a server's spec names besides itself: Secrets and ConfigMaps, as they were fetched. No I/O: `references` says what
//! to fetch by name, and the fetched content is handed to [`validate`](super::validate::validate) as [`Inputs`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use sparkconnect_api::SparkConnectServerSpec;
use sparkconnect_api::inputs::{Inject, ValueSource};

/// The two kinds of object that settings and files come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        })
    }
}

/// One Secret or ConfigMap of the server's namespace. Its Display is what messages say: `Secret s3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceRef {
    /// Its kind.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
}

impl SourceRef {
    /// A Secret by name.
    pub fn secret(name: impl Into<String>) -> Self {
        Self {
            kind: SourceKind::Secret,
            name: name.into(),
        }
    }

    /// A ConfigMap by name.
    pub fn config_map(name: impl Into<String>) -> Self {
        Self {
            kind: SourceKind::ConfigMap,
            name: name.into(),
        }
    }
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// The data of a Secret or ConfigMap. Its Debug shows keys only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Values by key; a ConfigMap's `data` and `binaryData` together.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("keys", &self.data.keys())
            .finish_non_exhaustive()
    }
}

impl From<Secret> for Source {
    fn from(secret: Secret) -> Self {
        let data = secret.data.unwrap_or_default();
        Self {
            data: data
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect(),
        }
    }
}

impl From<ConfigMap> for Source {
    fn from(map: ConfigMap) -> Self {
        let text = map.data.unwrap_or_default().into_iter();
        let binary = map.binary_data.unwrap_or_default().into_iter();
        Self {
            data: text
                .map(|(key, value)| (key, value.into_bytes()))
                .chain(binary.map(|(key, value)| (key, value.0)))
                .collect(),
        }
    }
}

/// A Secret or ConfigMap that asks, by its label, to be injected into the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Which object.
    pub reference: SourceRef,
    /// Its annotation `sparkconnect.dev/inject-as`, as it is written.
    pub inject_as: Option<String>,
    /// Its annotation `sparkconnect.dev/mount-path`, as it is written.
    pub mount_path: Option<String>,
    /// Its data.
    pub source: Source,
}

/// Everything fetched for one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What the spec names; `None` for an object that does not exist.
    pub named: BTreeMap<SourceRef, Option<Source>>,
    /// What is labelled for this server or for all of the namespace.
    pub labelled: Vec<Labelled>,
}

/// The objects that must be fetched by name before a server can be validated.
pub fn references(spec: &SparkConnectServerSpec) -> BTreeSet<SourceRef> {
    let settings = spec
        .spark_conf_from
        .iter()
        .filter_map(|conf| value_source(&conf.value_from))
        .map(|(reference, _)| reference);
    settings
        .chain(spec.inject.iter().flat_map(injected))
        .collect()
}

/// The object and key that a setting's value comes from; `None` where the spec gives neither.
pub(crate) fn value_source(from: &ValueSource) -> Option<(SourceRef, &str)> {
    match (&from.secret_key_ref, &from.config_map_key_ref) {
        (Some(key), _) => Some((SourceRef::secret(&key.name), &key.key)),
        (None, Some(key)) => Some((SourceRef::config_map(&key.name), &key.key)),
        (None, None) => None,
    }
}

fn injected(inject: &Inject) -> impl Iterator<Item = SourceRef> {
    let secrets = inject.secrets.iter();
    let config_maps = inject.config_maps.iter();
    secrets
        .map(|injection| SourceRef::secret(&injection.name))
        .chain(config_maps.map(|injection| SourceRef::config_map(&injection.name)))
}
