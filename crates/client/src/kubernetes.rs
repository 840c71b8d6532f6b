//! The Kubernetes cluster behind a back end: found by kubeconfig or from within a pod, and what its refusals mean. Does I/O.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::timeout::TimeoutLayer;

use crate::{Category, Error};

/// Longest wait for the API server to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for its answer to begin, where nobody else bounds that. It gives up after a minute itself, unless it is set up otherwise.
const ANSWER: Duration = Duration::from_secs(70);

/// Which cluster, and which namespace of it.
#[derive(Clone, Debug, Default)]
pub struct KubernetesConfig {
    /// Path of a kubeconfig; absent: `KUBECONFIG`, `~/.kube/config`, or the credentials of the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// Its context; absent: the present one.
    pub context: Option<String>,
    /// Namespace; absent: the context's, or the pod's own.
    pub namespace: Option<String>,
}

/// A cluster, and the namespace of it that is meant.
#[derive(Clone)]
pub struct Cluster {
    /// Its API server.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl KubernetesConfig {
    /// Reads the configuration. Sends nothing yet, but may run the plug-in that a kubeconfig names for its credentials.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] when there is none, or it cannot be used.
    pub async fn connect(&self) -> Result<Cluster, Error> {
        self.cluster(None).await
    }

    /// The same, where no answer of the API server is waited for without end.
    pub(crate) async fn connect_bounded(&self) -> Result<Cluster, Error> {
        self.cluster(Some(ANSWER)).await
    }

    async fn cluster(&self, answer: Option<Duration>) -> Result<Cluster, Error> {
        let mut config = self.config().await?;
        config.connect_timeout = Some(CONNECT);
        let namespace = &self.namespace;
        let namespace = namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let builder = ClientBuilder::try_from(config).map_err(unusable)?;
        // Not the configuration's own time for reads: a log that is followed may be silent for long.
        let client = match answer {
            Some(answer) => builder.with_layer(&TimeoutLayer::new(answer)).build(),
            None => builder.build(),
        };
        Ok(Cluster { client, namespace })
    }

    async fn config(&self) -> Result<Config, Error> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let read = |kubeconfig: Result<Kubeconfig, KubeconfigError>| kubeconfig.map_err(unusable);
        match (&self.kubeconfig, &self.context) {
            (Some(path), _) => {
                let kubeconfig = read(Kubeconfig::read_from(path))?;
                let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
                config.map_err(unusable)
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(unusable),
            (None, None) => Config::infer().await.map_err(|error| {
                Error::new(
                    Category::InvalidInput,
                    "no Kubernetes cluster is configured",
                )
                .caused_by(error)
                .hint("set KUBECONFIG, give `kubeconfig`, or run in a pod of the cluster")
            }),
        }
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Category::InvalidInput, "the kubeconfig cannot be used")
        .caused_by(error)
        .hint("`kubectl config get-contexts` lists what it has")
}

/// What a failure of the API server means, while `doing` something.
pub fn told(error: kube::Error, doing: &str) -> Error {
    let kube::Error::Api(status) = &error else {
        return unanswered(error, doing);
    };
    let (code, reason) = (status.code, status.reason.as_str());
    let (category, hint) = match (code, reason) {
        (401, _) => (
            Category::Unauthenticated,
            Some("the kubeconfig's credentials are not valid, or no longer"),
        ),
        (403, _) => (
            Category::PermissionDenied,
            Some("an administrator can grant what the message names, by a Role and a RoleBinding"),
        ),
        (404, "NotFound") => (Category::NotFound, None),
        // The API server does not know the kind.
        (404, _) => (
            Category::NotFound,
            Some("is the kind installed on this cluster? `kubectl api-resources` lists them"),
        ),
        (409, "AlreadyExists") => (
            Category::AlreadyExists,
            Some("choose another name, or delete that one"),
        ),
        (400 | 413 | 422, _) => (Category::InvalidInput, None),
        (409 | 429 | 500.., _) => (Category::Unavailable, None),
        _ => (Category::Failed, None),
    };
    let told = Error::new(category, format!("{doing} failed: {}", status.message));
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// What a failure without an answer of the API server means, or with one that cannot be read.
fn unanswered(error: kube::Error, doing: &str) -> Error {
    let (category, hint) = match error {
        kube::Error::BuildRequest(_) => (Category::InvalidInput, None),
        kube::Error::SerdeError(_) => (
            Category::Protocol,
            Some("is the kind of another version than this client knows?"),
        ),
        _ => (
            Category::Unavailable,
            Some("is the cluster of the present context up, and reached from here?"),
        ),
    };
    let told = Error::new(category, format!("{doing} failed")).caused_by(error);
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// Refuses what is no name of a resource: in the address of a request it could lead elsewhere.
pub fn named(kind: &str, name: &str) -> Result<(), Error> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    if name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::new(
        Category::NotFound,
        format!("no {kind} can be called `{name}`"),
    ))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn refusal(code: u16, reason: &str) -> Error {
        let status = Status::failure("said so", reason).with_code(code);
        told(kube::Error::Api(status.boxed()), "reading")
    }

    #[test]
    fn every_refusal_has_its_category() {
        for (code, reason, category) in [
            (401, "Unauthorized", Category::Unauthenticated),
            (403, "Forbidden", Category::PermissionDenied),
            (404, "NotFound", Category::NotFound),
            (409, "AlreadyExists", Category::AlreadyExists),
            (409, "Conflict", Category::Unavailable),
            (422, "Invalid", Category::InvalidInput),
            (429, "TooManyRequests", Category::Unavailable),
            (503, "ServiceUnavailable", Category::Unavailable),
        ] {
            let error = refusal(code, reason);
            assert_eq!(error.category(), category, "{code} {reason}");
            assert_eq!(error.to_string(), "reading failed: said so");
        }
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_not_there_says_so() {
        let config = KubernetesConfig {
            kubeconfig: Some("/nonexistent/kubeconfig".into()),
            ..KubernetesConfig::default()
        };
        let error = config.connect().await.unwrap_err();
        assert_eq!(error.category(), Category::InvalidInput);
        assert!(
            error.to_string().contains("/nonexistent/kubeconfig"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_api_server_that_does_not_answer_is_not_waited_for_without_end() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let kubeconfig = serde_json::json!({
            "current-context": "silent",
            "clusters": [{"name": "silent", "cluster": {"server": format!("http://{}", silent.local_addr().unwrap())}}],
            "users": [{"name": "silent", "user": {}}],
            "contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "silent"}}],
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        let config = KubernetesConfig {
            kubeconfig: Some(path),
            ..KubernetesConfig::default()
        };
        let cluster = config.cluster(Some(Duration::from_millis(50))).await;
        let Err(error) = cluster.unwrap().client.apiserver_version().await else {
            panic!("it does not answer");
        };
        let error = told(error, "asking");
        assert_eq!(error.category(), Category::Unavailable);
        assert!(error.to_string().contains("timed out"), "{error}");
    }

    #[test]
    fn a_name_leads_to_no_other_path() {
        for name in ["pi", "pi.2", "pi-2"] {
            named("SparkApplication", name).expect(name);
        }
        for name in ["", ".", "..", "pi/status", "../pods/x", "pi?x=y", "a b"] {
            let error = named("SparkApplication", name).unwrap_err();
            assert_eq!(error.category(), Category::NotFound, "{name}");
        }
    }
}
