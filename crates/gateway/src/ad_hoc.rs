//! Sessions of people whom the cluster knows: found by the id that they call, or made for them, as SparkSessions that the operator
//! looks after like any other. Writes SparkSessions.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};
use sha2::{Digest, Sha256};
use sparkconnect_api::session::SparkSessionSpec;
use sparkconnect_api::{Period, SparkSession, labels};
use sparkconnect_telemetry::RequestId;
use sparkconnect_telemetry::spans::{traceparent, within};

use crate::directory::{Directory, Name, Replica, Session, State};
use crate::identity::{Access, Person};
use crate::limiter::{Limiter, Permit};
use crate::refusal::Refusal;
use crate::rpc::Rpc;
use crate::spans;

/// Field manager of what the gateway makes.
const MANAGER: &str = "sparkconnect-gateway";
/// How long a session that has ended stays to be looked at.
const RETENTION: Period = Period::from_secs(3600);
/// Longest wait for the API server's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bounds on the sessions that are made for those who call.
#[derive(Clone, Copy, Debug)]
pub struct AdHocLimits {
    /// Sessions of one user that live at a time.
    pub per_user: usize,
    /// Calls at a time that wait for a session.
    pub waiting: usize,
    /// Longest wait for a session, until the operator has made it.
    pub ready: Duration,
}

/// What a person calls.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The method.
    pub rpc: Rpc,
    /// Id of the session.
    pub session: &'a str,
    /// The server, where the call names one.
    pub server: Option<&'a Name>,
    /// Id of the call.
    pub request: &'a RequestId,
}

/// Finds and makes sessions.
pub struct AdHoc {
    directory: Arc<Directory>,
    access: Access,
    client: Client,
    limits: AdHocLimits,
    /// Ids that are being made, by user, each as often as there are calls that make it: the directory does not show them yet.
    making: Mutex<HashMap<String, Vec<String>>>,
    waiting: Limiter<()>,
}

impl fmt::Debug for AdHoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdHoc")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl AdHoc {
    /// None yet.
    pub fn new(directory: Arc<Directory>, client: Client, limits: AdHocLimits) -> Self {
        Self {
            directory,
            access: Access::new(client.clone()),
            client,
            limits,
            making: Mutex::default(),
            waiting: Limiter::new(limits.waiting),
        }
    }

    /// The session that `person` calls, once it is ready. One that nobody made is made, if the call is one that begins a session.
    ///
    /// # Errors
    /// When the person may not use the server, or there is no such session and none can be made.
    pub async fn session(
        &self,
        person: &Person,
        wanted: Wanted<'_>,
    ) -> Result<Arc<Session>, Refusal> {
        let found = self.find(&person.user, wanted);
        let server = match (&found, wanted.server) {
            (Some(session), _) => session.server(),
            (None, Some(server)) => server.clone(),
            (None, None) => return Err(Refusal::NoServer),
        };
        self.access.check(person, &server).await?;
        match found {
            Some(session) if !matches!(session.state, State::Pending { .. }) => Ok(session),
            Some(_) => self.ready(&person.user, wanted).await,
            None => self.begin(person, wanted, &server).await,
        }
    }

    fn find(&self, user: &str, wanted: Wanted<'_>) -> Option<Arc<Session>> {
        self.directory.of_user(user, wanted.session, wanted.server)
    }

    async fn begin(
        &self,
        person: &Person,
        wanted: Wanted<'_>,
        server: &Name,
    ) -> Result<Arc<Session>, Refusal> {
        if !wanted.rpc.begins_a_session() {
            return Err(Refusal::NoSession {
                id: wanted.session.to_owned(),
            });
        }
        if !self.directory.has_server(server) {
            return Err(Refusal::UnknownServer(server.clone()));
        }
        let _making = self.making(&person.user, wanted.session)?;
        let resource = resource(&person.user, wanted.session, server);
        self.make(resource, wanted.request).await?;
        self.ready(&person.user, wanted).await
    }

    /// Holds a place among the user's sessions until the directory shows the session. Several calls may begin the same one.
    ///
    /// # Errors
    /// When the user has as many as may be.
    pub(crate) fn making(&self, user: &str, session: &str) -> Result<Making<'_>, Refusal> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let its = making.entry(user.to_owned()).or_default();
        let mut all = self.directory.ad_hoc(user);
        all.extend(its.iter().cloned());
        if all.len() >= self.limits.per_user && !all.contains(session) {
            if its.is_empty() {
                making.remove(user);
            }
            return Err(Refusal::TooMany {
                what: "sessions of one user",
                limit: self.limits.per_user,
            });
        }
        its.push(session.to_owned());
        Ok(Making {
            all: &self.making,
            user: user.to_owned(),
            session: session.to_owned(),
        })
    }

    /// Makes a SparkSession for the clone `id` of `session` on `replica`, as the call `request` asks, and waits until it is ready.
    ///
    /// # Errors
    /// When that is not possible: the clone has an owner only once it is.
    pub(crate) async fn adopt(
        &self,
        session: &Session,
        replica: &Replica,
        id: &str,
        request: &RequestId,
    ) -> Result<(), Refusal> {
        let server = session.server();
        let mut resource = resource(&session.user, id, &server);
        let root = session.cloned_from.as_ref().unwrap_or(&session.name.name);
        let labels = resource.metadata.labels.get_or_insert_default();
        labels.insert(labels::CLONED_FROM.to_owned(), root.clone());
        let home = (labels::CLONED_ON.to_owned(), replica.uid.clone());
        resource.metadata.annotations = Some([home].into());
        self.make(resource, request).await?;
        let wanted = Wanted {
            rpc: Rpc::CloneSession,
            session: id,
            server: Some(&server),
            request,
        };
        self.ready(&session.user, wanted).await.map(drop)
    }

    /// The session that a call with the token of `own` means: that one, or a clone of it.
    pub fn own(&self, own: Arc<Session>, called: &str) -> Arc<Session> {
        if own.id == called {
            return own;
        }
        let server = own.server();
        let found = self.directory.of_user(&own.user, called, Some(&server));
        let is_clone = |found: &Arc<Session>| found.cloned_from.as_ref() == Some(&own.name.name);
        found.filter(is_clone).unwrap_or(own)
    }

    /// Makes the SparkSession, which tells of the call that it is made for; that another call or another gateway was faster is as good.
    async fn make(&self, mut session: SparkSession, request: &RequestId) -> Result<(), Refusal> {
        let span = spans::create_session();
        let trace = traceparent(&span).map(|trace| (labels::TRACEPARENT.to_owned(), trace));
        let origin = (labels::REQUEST_ID.to_owned(), request.to_string());
        session
            .annotations_mut()
            .extend([origin].into_iter().chain(trace));
        let namespace = session.metadata.namespace.clone().unwrap_or_default();
        let api: Api<SparkSession> = Api::namespaced(self.client.clone(), &namespace);
        let parameters = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let made = within(span, api.create(&parameters, &session));
        let made = tokio::time::timeout(PATIENCE, made).await;
        match made {
            Ok(Ok(made)) => {
                let (name, user) = (made.name_any(), made.user_on_server());
                tracing::info!(request_id = %request, namespace, session = name, user, "session made");
                Ok(())
            }
            Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => Ok(()),
            Ok(Err(kube::Error::Api(status)))
                if (400..500).contains(&status.code) && status.code != 429 =>
            {
                Err(Refusal::NotMade {
                    why: status.message.clone(),
                })
            }
            Ok(Err(error)) => Err(unmade(request, &error)),
            Err(late) => Err(unmade(request, &late)),
        }
    }

    /// Waits until the session can take calls, or never will.
    async fn ready(&self, user: &str, wanted: Wanted<'_>) -> Result<Arc<Session>, Refusal> {
        within(spans::wait_for_session(), self.seen(user, wanted)).await
    }

    async fn seen(&self, user: &str, wanted: Wanted<'_>) -> Result<Arc<Session>, Refusal> {
        let _waiting: Permit<()> = self.waiting.enter(&()).ok_or(Refusal::TooMany {
            what: "calls that wait for a session",
            limit: self.limits.waiting,
        })?;
        let mut changes = self.directory.changes();
        let mut last = "the operator has not seen it yet".to_owned();
        let seen = async {
            loop {
                changes.borrow_and_update();
                if let Some(session) = self.find(user, wanted) {
                    match &session.state {
                        State::Pending { why } => last.clone_from(why),
                        State::Ready(_) | State::Ended { .. } => return session,
                    }
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let seen = tokio::time::timeout(self.limits.ready, seen).await;
        seen.map_err(|_| Refusal::NotReady {
            name: wanted.session.to_owned(),
            why: last,
        })
    }
}

fn unmade(request: &RequestId, error: &dyn std::error::Error) -> Refusal {
    tracing::warn!(request_id = %request, %error, "no session can be made");
    Refusal::Unsaid {
        what: "whether your session can be made",
    }
}

/// The SparkSession of a user who calls `id` on `server`. Its name is made of these, so that it is made once.
fn resource(user: &str, id: &str, server: &Name) -> SparkSession {
    let digest = Sha256::digest(format!("{server}\n{user}\n{id}"));
    let digits: String = digest
        .iter()
        .take(10)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    SparkSession {
        metadata: ObjectMeta {
            name: Some(format!("ad-hoc-{digits}")),
            namespace: Some(server.namespace.clone()),
            labels: Some([(labels::AD_HOC.to_owned(), "true".to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: SparkSessionSpec {
            server: server.name.clone(),
            user: Some(user.to_owned()),
            session_id: Some(id.to_owned()),
            retention: Some(RETENTION),
            app_name: None,
            spark_conf: BTreeMap::new(),
            artifacts: vec![],
            idle_timeout: None,
            ttl: None,
            on_server_loss: None,
        },
        status: None,
    }
}

/// A place among a user's sessions.
pub(crate) struct Making<'a> {
    all: &'a Mutex<HashMap<String, Vec<String>>>,
    user: String,
    session: String,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(its) = all.get_mut(&self.user) {
            if let Some(at) = its.iter().position(|id| *id == self.session) {
                its.swap_remove(at);
            }
            if its.is_empty() {
                all.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
#[path = "ad_hoc_tests.rs"]
mod tests;
