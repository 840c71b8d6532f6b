//! The two operators as one: which of them a cluster has, and what each makes of a request and of a resource. Does I/O in [`find`] only.

use std::fmt;

use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{apache, kubeflow, request};
use crate::kubernetes::told;
use crate::pods::Place;
use crate::{Application, ApplicationRequest, ApplicationState, Category, Error, Role};

/// Whose Spark operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// kubeflow's: `sparkoperator.k8s.io/v1beta2`.
    Kubeflow,
    /// Apache's: `spark.apache.org/v1`.
    Apache,
}

impl Flavour {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Kubeflow, Self::Apache];

    /// The name, as in settings: `kubeflow` or `apache`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubeflow => "kubeflow",
            Self::Apache => "apache",
        }
    }

    /// The kind that it works on.
    pub(super) fn resource(self) -> ApiResource {
        let (group, version) = match self {
            Self::Kubeflow => ("sparkoperator.k8s.io", "v1beta2"),
            Self::Apache => ("spark.apache.org", "v1"),
        };
        let kind = GroupVersionKind::gvk(group, version, "SparkApplication");
        ApiResource::from_gvk_with_plural(&kind, "sparkapplications")
    }

    /// The resource for a request.
    pub(super) fn object(self, request: ApplicationRequest) -> Result<DynamicObject, Error> {
        request::check(&request)?;
        let spec = match self {
            Self::Kubeflow => kubeflow::spec(&request)?,
            Self::Apache => apache::spec(&request)?,
        };
        let mut object = DynamicObject::new(&request.name, &self.resource());
        object.metadata.labels = (!request.labels.is_empty()).then_some(request.labels);
        Ok(object.data(json!({"spec": spec})))
    }

    /// What a resource tells.
    pub(super) fn application(self, object: &DynamicObject) -> Result<Application, Error> {
        let untold = untold(object);
        Ok(match self {
            Self::Kubeflow => kubeflow::application(untold, status(object)?),
            Self::Apache => apache::application(untold, status(object)?),
        })
    }

    /// Where the pod of a role is; absent when the resource names none yet.
    pub(super) fn place(self, object: &DynamicObject, role: &Role) -> Result<Option<Place>, Error> {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let labels = match self {
            Self::Kubeflow => format!("sparkoperator.k8s.io/app-name={name}"),
            Self::Apache => format!("spark.operator/spark-app-name={name}"),
        };
        Ok(match (self, role) {
            (Self::Kubeflow, Role::Driver) => kubeflow::driver(status(object)?).map(Place::Name),
            (Self::Apache, Role::Driver) => {
                Some(Place::Labels(format!("{labels},spark-role=driver")))
            }
            // By labels: executors are named after what the program calls itself.
            (_, Role::Executor(number)) => {
                let number = executor_number(number)?;
                Some(Place::Labels(format!(
                    "{labels},spark-role=executor,spark-exec-id={number}"
                )))
            }
        })
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The operator of the cluster: the chosen one where it is there, else the only one.
pub(super) async fn find(client: &Client, chosen: Option<Flavour>) -> Result<Flavour, Error> {
    let mut served = Vec::new();
    for flavour in Flavour::ALL {
        if chosen.is_none_or(|chosen| chosen == flavour) && serves(client, flavour).await? {
            served.push(flavour);
        }
    }
    match (served.as_slice(), chosen) {
        (&[flavour], _) => Ok(flavour),
        ([], Some(chosen)) => Err(Error::new(
            Category::NotFound,
            format!("the cluster does not have {chosen}'s Spark operator"),
        )
        .hint(missing(chosen))),
        ([], None) => Err(Error::new(
            Category::NotFound,
            "the cluster has no Spark operator that this client knows",
        )
        .hint(Flavour::ALL.map(missing).join(", or "))),
        _ => Err(Error::new(
            Category::InvalidInput,
            "the cluster has both kubeflow's and Apache's Spark operator",
        )
        .hint("say whose with `flavour`: kubeflow or apache")),
    }
}

fn missing(flavour: Flavour) -> String {
    let version = flavour.resource().api_version;
    format!("install {flavour}'s, which has SparkApplication of {version}")
}

async fn serves(client: &Client, flavour: Flavour) -> Result<bool, Error> {
    let resource = flavour.resource();
    match client.list_api_group_resources(&resource.api_version).await {
        Ok(list) => Ok(list
            .resources
            .iter()
            .any(|served| served.name == resource.plural)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(told(error, "asking what the cluster has")),
    }
}

/// What every resource tells, whatever its operator has done.
fn untold(object: &DynamicObject) -> Application {
    let metadata = &object.metadata;
    Application {
        id: metadata.name.clone().unwrap_or_default(),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        state: ApplicationState::Submitted,
        peer_state: None,
        message: None,
        spark_application_id: None,
        ui_url: None,
        submitted: metadata.creation_timestamp.as_ref().map(|time| time.0),
        ended: None,
        executors: None,
    }
}

/// The status, or an empty one before the operator has written any.
fn status<T: DeserializeOwned + Default>(object: &DynamicObject) -> Result<T, Error> {
    let status = object.data.get("status").filter(|status| !status.is_null());
    let Some(status) = status else {
        return Ok(T::default());
    };
    T::deserialize(status).map_err(|error| {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        Error::new(
            Category::Protocol,
            format!("the status of the SparkApplication {name} cannot be read"),
        )
        .caused_by(error)
        .hint("is the operator of another version than this client knows?")
    })
}

fn executor_number(number: &str) -> Result<u32, Error> {
    number.parse().map_err(|error| {
        Error::new(
            Category::InvalidInput,
            format!("`{number}` is not the number of an executor"),
        )
        .caused_by(error)
        .hint("executors are numbered from 1")
    })
}

#[cfg(test)]
#[path = "flavour_tests.rs"]
mod tests;
