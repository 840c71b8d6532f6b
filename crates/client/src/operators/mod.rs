//! Batch jobs as SparkApplication resources, of kubeflow's Spark operator (v1beta2) or of Apache's (v1). Which one the cluster has is
//! found out from what its API server serves. Does I/O with the API server only; the specs and the states are pure.

mod apache;
mod flavour;
mod kubeflow;
pub(crate) mod request;

use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{Request, Resource};
use serde_json::json;

pub use self::flavour::Flavour;
use crate::kubernetes::{Cluster, KubernetesConfig, named, told};
use crate::{
    Answer, Application, ApplicationRequest, Backend, BackendKind, Category, Error, LogRequest,
    LogStream, pods,
};

/// Who the API server is told made a resource.
const MANAGER: &str = "sparkconnect-client";

/// Which cluster, and which of its Spark operators.
#[derive(Clone, Debug, Default)]
pub struct OperatorConfig {
    /// The cluster, and the namespace of applications.
    pub kubernetes: KubernetesConfig,
    /// Whose operator; absent: the only one that the cluster has.
    pub flavour: Option<Flavour>,
}

/// The back end.
#[derive(Debug)]
pub struct OperatorBackend {
    cluster: Cluster,
    flavour: Flavour,
}

impl OperatorBackend {
    /// Asks the API server which operator's kind it serves.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] when the cluster has both operators and none is chosen, or no kubeconfig can be used;
    /// [`Category::NotFound`] when it has none, or not the chosen one.
    pub async fn connect(config: OperatorConfig) -> Result<Self, Error> {
        let cluster = config.kubernetes.connect_bounded().await?;
        let flavour = flavour::find(&cluster.client, config.flavour).await?;
        Ok(Self { cluster, flavour })
    }

    /// Whose operator it is.
    pub const fn flavour(&self) -> Flavour {
        self.flavour
    }

    fn applications(&self) -> Api<DynamicObject> {
        let resource = self.flavour.resource();
        let client = self.cluster.client.clone();
        Api::namespaced_with(client, &self.cluster.namespace, &resource)
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace)
    }

    async fn get(&self, id: &str) -> Result<DynamicObject, Error> {
        named("SparkApplication", id)?;
        let found = self.applications().get(id).await;
        found.map_err(|error| told(error, &format!("reading the SparkApplication {id}")))
    }

    /// Creates it strictly: a field that this version of the operator does not have is refused, where a plain request would drop it.
    async fn submit(&self, request: ApplicationRequest) -> Result<Application, Error> {
        let object = self.flavour.object(request)?;
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let doing = format!("creating the SparkApplication {name}");
        let request = strict(self.creation(&object)?);
        let created = self.cluster.client.request(request).await;
        let created: DynamicObject = created.map_err(|error| told(error, &doing))?;
        self.flavour.application(&created)
    }

    fn creation(&self, object: &DynamicObject) -> Result<http::Request<Vec<u8>>, Error> {
        let resource = self.flavour.resource();
        let path = DynamicObject::url_path(&resource, Some(&self.cluster.namespace));
        let parameters = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(Category::InvalidInput, "the request cannot be written").caused_by(error)
        };
        let body = serde_json::to_vec(object).map_err(|error| wrong(error.into()))?;
        let request = Request::new(path).create(&parameters, body);
        request.map_err(|error| wrong(error.into()))
    }

    async fn list(&self) -> Result<Vec<Application>, Error> {
        let listed = self.applications().list(&ListParams::default()).await;
        let listed = listed.map_err(|error| told(error, "listing SparkApplications"))?;
        let applications = listed.items.iter();
        applications
            .map(|object| self.flavour.application(object))
            .collect()
    }

    async fn delete(&self, id: &str) -> Result<(), Error> {
        named("SparkApplication", id)?;
        let applications = self.applications();
        let deleted = applications.delete(id, &DeleteParams::default()).await;
        deleted
            .map(drop)
            .map_err(|error| told(error, &format!("deleting the SparkApplication {id}")))
    }

    async fn suspend(&self, id: &str, suspend: bool) -> Result<(), Error> {
        named("SparkApplication", id)?;
        if self.flavour == Flavour::Apache {
            return Err(Error::new(
                Category::InvalidInput,
                "Apache's Spark operator cannot suspend an application",
            )
            .hint("kubeflow's can; with Apache's, delete the application and submit it again"));
        }
        let parameters = PatchParams::apply(MANAGER).validation_strict();
        let patch = Patch::Merge(json!({"spec": {"suspend": suspend}}));
        let patched = self.applications().patch(id, &parameters, &patch).await;
        let doing = format!("changing `suspend` of the SparkApplication {id}");
        patched.map(drop).map_err(|error| told(error, &doing))
    }

    async fn logs(&self, id: &str, request: LogRequest) -> Result<LogStream, Error> {
        let object = self.get(id).await?;
        let api = self.pods();
        let found = match self.flavour.place(&object, &request.role)? {
            Some(place) => pods::find(&api, &place).await?,
            None => None,
        };
        let Some(pod) = found else {
            let application = self.flavour.application(&object)?;
            let (state, ended) = (
                application.peer_state.as_deref(),
                application.state.is_final(),
            );
            let subject = format!("SparkApplication {id}");
            return Err(pods::none(&subject, state, ended, &request.role));
        };
        pods::open(&api, &pod, &request).await
    }
}

impl Backend for OperatorBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Operator
    }

    fn submit_application(&self, request: ApplicationRequest) -> Answer<'_, Application> {
        self.submit(request).boxed()
    }

    fn get_status<'a>(&'a self, id: &'a str) -> Answer<'a, Application> {
        async { self.flavour.application(&self.get(id).await?) }.boxed()
    }

    fn list_applications(&self) -> Answer<'_, Vec<Application>> {
        self.list().boxed()
    }

    fn delete_application<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        self.delete(id).boxed()
    }

    fn suspend_application<'a>(&'a self, id: &'a str, suspend: bool) -> Answer<'a, ()> {
        self.suspend(id, suspend).boxed()
    }

    fn get_logs<'a>(&'a self, id: &'a str, request: LogRequest) -> Answer<'a, LogStream> {
        self.logs(id, request).boxed()
    }
}

/// The same request, with unknown fields refused.
fn strict(request: http::Request<Vec<u8>>) -> http::Request<Vec<u8>> {
    let (mut parts, body) = request.into_parts();
    let uri = format!("{}&fieldValidation=Strict", parts.uri);
    parts.uri = uri.parse().expect("a URI with one more parameter is one");
    http::Request::from_parts(parts, body)
}
