//! Validates a server once, into [`ValidatedServer`]: every reference resolved, every setting merged, so that `build` cannot
//! fail. Finds all problems, not the first only. No I/O.

mod fields;
mod injection;
pub(crate) mod layout;
mod pods;
mod python;
mod settings;
mod version;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodTemplateSpec, ResourceRequirements};
use sparkconnect_api::condition::{DEGRADED, INPUTS_RESOLVED, VERSION_MATCHED};
use sparkconnect_api::server::{ImagePullPolicy, Mode};
use sparkconnect_api::{Reason, SparkConnectServer, labels};

pub use sparkconnect_spark::Token;

pub use injection::{FileVolume, Injections};
pub use settings::Properties;
pub use version::SparkVersion;

use super::inputs::Inputs;

/// What the operator's own settings give to every server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Image for a server that names none; `{version}` in it stands for the Spark version.
    pub image: String,
    /// The operator's namespace, from which probes and the gateway reach the servers; absent where network policies need not let it in.
    pub operator_namespace: Option<String>,
    /// Whether clients come through the gateway, and from nowhere else.
    pub gateway: bool,
}

/// Which resource a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerKey {
    /// The resource's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
}

/// Something about a server that keeps it from being built. Never holds a secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The condition that it makes False (or, for Degraded, True): a type of [`sparkconnect_api::condition`].
    pub condition: &'static str,
    /// A CamelCase word that programs can match on.
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    fn input(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            condition: INPUTS_RESOLVED,
            reason,
            message: message.into(),
        }
    }

    fn version(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            condition: VERSION_MATCHED,
            reason,
            message: message.into(),
        }
    }

    fn spec(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            condition: DEGRADED,
            reason,
            message: message.into(),
        }
    }
}

/// Image of driver and executors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its reference.
    pub name: String,
    /// When it is pulled; absent: Kubernetes' own rule.
    pub pull_policy: Option<ImagePullPolicy>,
    /// Names of the Secrets to pull it with.
    pub pull_secrets: Vec<String>,
}

/// Service account of driver pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// Made for the server, under its name.
    Made,
    /// The user's own.
    Given(String),
}

impl Account {
    fn name<'a>(&'a self, key: &'a ServerKey) -> &'a str {
        match self {
            Self::Made => &key.name,
            Self::Given(name) => name,
        }
    }
}

/// One role of pods, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct PodPlan {
    /// Requests and limits of the container `spark`; for executors without CPU and memory, which Spark sets.
    pub resources: ResourceRequirements,
    /// Value of JAVA_TOOL_OPTIONS: the operator's option and the user's.
    pub java_tool_options: String,
    /// Value of PYTHONPATH: where the spec's Python files are, and the user's own; absent where there are no such files.
    pub python_path: Option<String>,
    /// The user's template, checked; empty where there is none.
    pub template: PodTemplateSpec,
}

/// Rights that a driver needs beyond its pods, as its settings decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Spark makes volume claims for executors.
    pub claims: bool,
    /// Spark makes a ConfigMap for executors.
    pub config_maps: bool,
    /// Spark deletes services of its application when it ends.
    pub services: bool,
}

/// A server whose spec and inputs are right: all that the builders need.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedServer {
    /// Which resource it is.
    pub key: ServerKey,
    /// Spark version of the spec.
    pub version: SparkVersion,
    /// Image of driver and executors.
    pub image: Image,
    /// Where executors run.
    pub mode: Mode,
    /// Whether Spark's web interface runs.
    pub ui: bool,
    /// Service account of driver pods.
    pub account: Account,
    /// What the driver may do beyond its pods.
    pub rights: Rights,
    /// Driver pods.
    pub driver: PodPlan,
    /// Executor pods; absent in mode Local.
    pub executor: Option<PodPlan>,
    /// The whole properties file: operator's, user's and secret settings, and the token.
    pub properties: Properties,
    /// Files and environment of driver and executors.
    pub injections: Injections,
    /// Value of the restart annotation, which the pods carry too.
    pub restarted_at: Option<String>,
    /// Where the operator's probes come from, and the gateway's calls.
    pub operator_namespace: Option<String>,
    /// Whether clients come through the gateway, and from nowhere else.
    pub gateway: bool,
}

impl ValidatedServer {
    /// Name of the service account that driver pods run under.
    pub fn account_name(&self) -> &str {
        self.account.name(&self.key)
    }

    /// Labels that select this server's pods of one component.
    pub fn pod_selector(&self, component: &str) -> BTreeMap<String, String> {
        [
            (labels::SERVER, self.key.name.as_str()),
            (labels::COMPONENT, component),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// Labels of what is made for this server; `component` names the role of a pod.
    pub fn labels(&self, component: Option<&str>) -> BTreeMap<String, String> {
        labels_of(&self.key, component)
    }
}

fn labels_of(key: &ServerKey, component: Option<&str>) -> BTreeMap<String, String> {
    let common = [
        (labels::NAME, labels::APP),
        (labels::INSTANCE, key.name.as_str()),
        (labels::MANAGED_BY, labels::MANAGER),
        (labels::SERVER, key.name.as_str()),
    ];
    common
        .into_iter()
        .chain(component.map(|component| (labels::COMPONENT, component)))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Resolves a server's spec and inputs into what the builders need.
///
/// # Errors
/// Every problem found, in the order of the spec.
pub fn validate(
    server: &SparkConnectServer,
    inputs: &Inputs,
    token: &Token,
    defaults: &Defaults,
) -> Result<ValidatedServer, Vec<Problem>> {
    fields::validate(server, inputs, token, defaults)
}
