//! Sessions of people whom the cluster knows: found by the id that they call, or made for them, as SparkSessions that the operator
//! looks after like any other. Writes SparkSessions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use sha2::{Digest, Sha256};
use sparkconnect_api::session::SparkSessionSpec;
use sparkconnect_api::{Period, SparkSession, labels};

use crate::directory::{Directory, Name, Session, State};
use crate::identity::{Access, Person};
use crate::limiter::{Limiter, Permit};
use crate::refusal::Refusal;
use crate::rpc::Rpc;

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
}

/// Finds and makes sessions.
pub struct AdHoc {
    directory: Arc<Directory>,
    access: Access,
    client: Client,
    limits: AdHocLimits,
    /// Ids that are being made, by user: the directory does not show them yet.
    making: Mutex<HashMap<String, HashSet<String>>>,
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
        let found = self.find(person, wanted);
        let server = match (&found, wanted.server) {
            (Some(session), _) => session.server(),
            (None, Some(server)) => server.clone(),
            (None, None) => return Err(Refusal::NoServer),
        };
        self.access.check(person, &server).await?;
        match found {
            Some(session) if !matches!(session.state, State::Pending { .. }) => Ok(session),
            Some(_) => self.ready(person, wanted).await,
            None => self.begin(person, wanted, &server).await,
        }
    }

    fn find(&self, person: &Person, wanted: Wanted<'_>) -> Option<Arc<Session>> {
        self.directory
            .of_user(&person.user, wanted.session, wanted.server)
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
        let _making = self.making(person, wanted.session)?;
        self.make(person, wanted.session, server).await?;
        self.ready(person, wanted).await
    }

    /// Holds a place among the user's sessions until the directory shows the session. Several calls may begin the same one.
    fn making(&self, person: &Person, session: &str) -> Result<Making<'_>, Refusal> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let its = making.entry(person.user.clone()).or_default();
        let mut all = self.directory.ad_hoc(&person.user);
        all.extend(its.iter().cloned());
        if all.len() >= self.limits.per_user && !all.contains(session) {
            if its.is_empty() {
                making.remove(&person.user);
            }
            return Err(Refusal::TooMany {
                what: "sessions of one user",
                limit: self.limits.per_user,
            });
        }
        its.insert(session.to_owned());
        Ok(Making {
            all: &self.making,
            user: person.user.clone(),
            session: session.to_owned(),
        })
    }

    /// Makes the SparkSession; that another call or another gateway was faster is as good.
    async fn make(&self, person: &Person, id: &str, server: &Name) -> Result<(), Refusal> {
        let api: Api<SparkSession> = Api::namespaced(self.client.clone(), &server.namespace);
        let parameters = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let session = resource(&person.user, id, server);
        let made = tokio::time::timeout(PATIENCE, api.create(&parameters, &session)).await;
        match made {
            Ok(Ok(made)) => {
                let name = made.metadata.name.unwrap_or_default();
                tracing::info!(
                    namespace = server.namespace,
                    session = name,
                    user = person.user,
                    "session made"
                );
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
            Ok(Err(error)) => Err(unmade(&error)),
            Err(late) => Err(unmade(&late)),
        }
    }

    /// Waits until the session can take calls, or never will.
    async fn ready(&self, person: &Person, wanted: Wanted<'_>) -> Result<Arc<Session>, Refusal> {
        let _waiting: Permit<()> = self.waiting.enter(&()).ok_or(Refusal::TooMany {
            what: "calls that wait for a session",
            limit: self.limits.waiting,
        })?;
        let mut changes = self.directory.changes();
        let mut last = "the operator has not seen it yet".to_owned();
        let seen = async {
            loop {
                changes.borrow_and_update();
                if let Some(session) = self.find(person, wanted) {
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

fn unmade(error: &dyn std::error::Error) -> Refusal {
    tracing::warn!(%error, "no session can be made");
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
struct Making<'a> {
    all: &'a Mutex<HashMap<String, HashSet<String>>>,
    user: String,
    session: String,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(its) = all.get_mut(&self.user) {
            its.remove(&self.session);
            if its.is_empty() {
                all.remove(&self.user);
            }
        }
    }
}
