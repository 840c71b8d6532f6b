//! Sessions as SparkSession resources: made, found, opened and ended on the API server, from within a cluster or outside of it. Does I/O.

mod end;
mod info;
mod logs;
mod resource;
mod secret;
mod wait;
mod way;

use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use sparkconnect_api::{SparkConnectServer, SparkSession};
use sparkconnect_spark::{Artifact, SparkServer};
use uuid::Uuid;

use self::end::{TakenBack, delete};
use crate::kubernetes::{self, Cluster, KubernetesConfig, named};
use crate::live::{self, told};
use crate::{
    Answer, Backend, BackendKind, Category, Error, File, LogRequest, LogStream, Session,
    SessionInfo, SessionMetrics, SessionRequest, SessionState, Waiting, pods,
};

/// Longest time for one call to a session's server.
const CALL: Duration = Duration::from_secs(30);

/// By which way sessions are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Straight where their host is reached from here, else through a forwarded port.
    #[default]
    Auto,
    /// Straight.
    Direct,
    /// Through a port that this process forwards by the API server.
    PortForward,
}

/// Which cluster, and what a request need not say.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The cluster, and the namespace of sessions.
    pub kubernetes: KubernetesConfig,
    /// The SparkConnectServer for sessions that name none; absent: the namespace's only one.
    pub server: Option<String>,
    /// By which way sessions are reached.
    pub reach: Reach,
    /// Longest wait for a session to live, where no other is given.
    pub timeout: Duration,
}

impl Default for SessionConfig {
    /// The present context, whichever way works, 300 s.
    fn default() -> Self {
        Self {
            kubernetes: KubernetesConfig::default(),
            server: None,
            reach: Reach::default(),
            timeout: Duration::from_secs(300),
        }
    }
}

/// The back end.
#[derive(Debug)]
pub struct SessionBackend {
    cluster: Cluster,
    server: Option<String>,
    reach: Reach,
    timeout: Duration,
}

impl SessionBackend {
    /// Reads the kubeconfig, or the credentials of the pod that this runs in. Sends nothing yet.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] when there is neither, or they cannot be used.
    pub async fn connect(config: SessionConfig) -> Result<Self, Error> {
        Ok(Self {
            cluster: config.kubernetes.connect_bounded().await?,
            server: config.server,
            reach: config.reach,
            timeout: config.timeout,
        })
    }

    /// The cluster, for what goes beyond sessions.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn client(&self) -> &Client {
        &self.cluster.client
    }

    fn sessions(&self) -> Api<SparkSession> {
        Api::namespaced(self.client().clone(), &self.cluster.namespace)
    }

    async fn create(&self, request: SessionRequest, waiting: &Waiting) -> Result<Session, Error> {
        let server = match request.server.clone().or_else(|| self.server.clone()) {
            Some(server) => server,
            None => self.only_server().await?,
        };
        let resource = resource::resource(request, server)?;
        let created = self
            .sessions()
            .create(&PostParams::default(), &resource)
            .await;
        let doing = format!("creating the SparkSession {}", resource.name_any());
        let created = created.map_err(|error| kubernetes::told(error, &doing))?;
        let taken_back = TakenBack::of(self.sessions(), &created);
        match self.opened(&created, waiting).await {
            Ok(session) => {
                taken_back.keep();
                Ok(session)
            }
            Err(error) => {
                taken_back.now().await;
                Err(error)
            }
        }
    }

    /// Waits until it lives, and finds the way to it.
    async fn opened(&self, session: &SparkSession, waiting: &Waiting) -> Result<Session, Error> {
        let waiting = Waiting {
            timeout: waiting.timeout.or(Some(self.timeout)),
            progress: waiting.progress.clone(),
        };
        let session = wait::until_ready(self.client(), session, &waiting).await?;
        let status = session.status.as_ref();
        let binding = status.and_then(|status| status.binding.as_ref());
        let name = &binding.ok_or_else(|| without_secret(&session))?.name;
        let secrets: Api<Secret> = Api::namespaced(self.client().clone(), &self.cluster.namespace);
        let secret = secrets.get(name).await;
        let doing = format!("reading the connection Secret {name}");
        let secret = secret.map_err(|error| kubernetes::told(error, &doing))?;
        let connection = secret::connection(&secret)?;
        let (connection, forward) = way::open(self.client(), connection, self.reach).await?;
        Ok(Session {
            info: info::info(&session),
            connection,
            _way: forward.map(|forward| Box::new(forward) as _),
        })
    }

    async fn only_server(&self) -> Result<String, Error> {
        let servers: Api<SparkConnectServer> =
            Api::namespaced(self.client().clone(), &self.cluster.namespace);
        let listed = servers.list(&ListParams::default()).await;
        let listed = listed.map_err(|error| kubernetes::told(error, "listing servers"))?;
        let names: Vec<_> = listed.items.iter().map(ResourceExt::name_any).collect();
        match &names[..] {
            [only] => Ok(only.clone()),
            names => Err(which_server(names, &self.cluster.namespace)),
        }
    }

    /// By the name of its resource, else by its id.
    async fn find(&self, session: &str) -> Result<SparkSession, Error> {
        named("SparkSession", session)?;
        let doing = format!("looking for the SparkSession {session}");
        let read = |error| kubernetes::told(error, &doing);
        if let Some(found) = self.sessions().get_opt(session).await.map_err(read)? {
            return Ok(found);
        }
        if Uuid::parse_str(session).is_ok() {
            let listed = self.sessions().list(&ListParams::default()).await;
            let mut listed = listed.map_err(read)?.items.into_iter();
            let found = listed.find(|it| info::info(it).session_id.as_deref() == Some(session));
            if let Some(found) = found {
                return Ok(found);
            }
        }
        let namespace = &self.cluster.namespace;
        Err(Error::new(
            Category::NotFound,
            format!("there is no SparkSession {session} in namespace {namespace}"),
        )
        .hint("list_sessions tells those that there are"))
    }

    async fn open(&self, session: &str, waiting: &Waiting) -> Result<Session, Error> {
        let session = self.find(session).await?;
        self.opened(&session, waiting).await
    }

    async fn upload(&self, session: &str, files: Vec<File>) -> Result<(), Error> {
        let opened = self.open(session, &Waiting::default()).await?;
        let endpoint = live::endpoint(&opened.connection, CALL);
        let server = SparkServer::new(&endpoint).map_err(told)?;
        let reference = live::session_ref(&opened.connection)?;
        let files = files.into_iter().map(|file| Artifact {
            name: file.name,
            content: file.content,
        });
        let files: Vec<_> = files.collect();
        server.add_artifacts(&reference, &files).await.map_err(told)
    }

    async fn logs(&self, session: &str, request: LogRequest) -> Result<LogStream, Error> {
        let session = self.find(session).await?;
        let pods = Api::namespaced(self.client().clone(), &self.cluster.namespace);
        match pods::find(&pods, &logs::place(&session, &request.role)?).await? {
            Some(pod) => pods::open(&pods, &pod, &request).await,
            None => {
                let seen = info::info(&session);
                let subject = format!("SparkSession {}", session.name_any());
                let (state, ended) = (seen.peer_state.as_deref(), seen.state.is_final());
                Err(pods::none(&subject, state, ended, &request.role))
            }
        }
    }

    async fn close(&self, session: &str) -> Result<(), Error> {
        let session = self.find(session).await?;
        delete(&self.sessions(), &session).await
    }
}

impl Backend for SessionBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Session
    }

    fn create_session<'a>(
        &'a self,
        request: SessionRequest,
        waiting: &'a Waiting,
    ) -> Answer<'a, Session> {
        self.create(request, waiting).boxed()
    }

    fn open_session<'a>(&'a self, session: &'a str, waiting: &'a Waiting) -> Answer<'a, Session> {
        self.open(session, waiting).boxed()
    }

    fn list_sessions(&self) -> Answer<'_, Vec<SessionInfo>> {
        async {
            let listed = self.sessions().list(&ListParams::default()).await;
            let listed = listed.map_err(|error| kubernetes::told(error, "listing sessions"))?;
            Ok(listed.items.iter().map(info::info).collect())
        }
        .boxed()
    }

    fn get_session_status<'a>(&'a self, session: &'a str) -> Answer<'a, SessionInfo> {
        async { Ok(info::info(&self.find(session).await?)) }.boxed()
    }

    fn get_session_metrics<'a>(&'a self, session: &'a str) -> Answer<'a, SessionMetrics> {
        async { Ok(info::metrics(&self.find(session).await?)) }.boxed()
    }

    fn upload_artifacts<'a>(&'a self, session: &'a str, files: Vec<File>) -> Answer<'a, ()> {
        self.upload(session, files).boxed()
    }

    fn close_session<'a>(&'a self, session: &'a str) -> Answer<'a, ()> {
        self.close(session).boxed()
    }

    fn get_logs<'a>(&'a self, session: &'a str, request: LogRequest) -> Answer<'a, LogStream> {
        self.logs(session, request).boxed()
    }
}

fn without_secret(session: &SparkSession) -> Error {
    let name = session.name_any();
    let state = info::info(session).state;
    debug_assert_eq!(state, SessionState::Ready);
    Error::new(
        Category::Protocol,
        format!("the SparkSession {name} is ready, but names no connection Secret"),
    )
    .hint("is the operator of another version than this client?")
}

fn which_server(names: &[String], namespace: &str) -> Error {
    let error = |message: String| Error::new(Category::InvalidInput, message);
    if names.is_empty() {
        return error(format!("namespace {namespace} has no SparkConnectServer"))
            .hint("apply one, or choose another namespace");
    }
    error(format!(
        "namespace {namespace} has several servers: {}",
        names.join(", ")
    ))
    .hint("say which with `server`")
}
