//! Keeps the Secrets with the gateway's certificates, and learns from them who vouches for the gateway. Reads and writes those
//! and the authority's, all in the operator's own namespace.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use sparkconnect_api::address::CONTROL_SERVER;
use sparkconnect_api::labels;

use super::Authority;
use super::certificate::{self, Ca, Leaf};
use super::control::{CredentialError, Credentials};
use crate::refusal::said;
use crate::watch;

/// Name of the Secret with the gateway's certificate.
pub const TLS_SECRET: &str = "sparkconnect-gateway-tls";
/// Name of the Secret with the certificate that the operator knows gateways by.
pub const CONTROL_SECRET: &str = "sparkconnect-gateway-control";
/// Name of the Secret with the authority that signs both, the first where nobody gives one.
pub const CA_SECRET: &str = "sparkconnect-gateway-ca";

/// Type of each.
const TYPE: &str = "kubernetes.io/tls";
/// Between two looks at how long the certificate lasts. A change of its Secret is seen at once.
const LOOK: Duration = Duration::from_secs(6 * 3600);
/// After a look that failed.
const RETRY: Duration = Duration::from_secs(30);
/// Most rounds of one look: the last one only reads, and another one is spoilt only by another writer.
const ATTEMPTS: usize = 5;

/// Why the gateway has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// A Secret could be neither read nor written.
    #[error(
        "Secret {secret} in namespace {namespace} cannot be read or written: {}: grant the operator get and update on it, and create on Secrets",
        said(source)
    )]
    Api {
        /// Its name.
        secret: String,
        /// The operator's namespace.
        namespace: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// A Secret that must be the operator's own is somebody else's.
    #[error("Secret {secret} in namespace {namespace} was not made by the operator: delete it")]
    Foreign {
        /// Its name.
        secret: &'static str,
        /// The operator's namespace.
        namespace: String,
    },
    /// The certificate could not be made.
    #[error("no certificate can be made for the gateway: {0}")]
    Make(#[from] rcgen::Error),
    /// The operator's own certificate is of no use.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// Somebody else writes the Secrets at the same time.
    #[error(
        "Secrets {TLS_SECRET}, {CONTROL_SECRET} and {CA_SECRET} in namespace {namespace} change all the time: let only one writer have them"
    )]
    Contended {
        /// The operator's namespace.
        namespace: String,
    },
}

/// Keeps the certificate of the gateway at one host.
#[derive(Clone)]
pub struct Keeper {
    secrets: Api<Secret>,
    namespace: String,
    names: Vec<String>,
    /// Secret with a certificate that somebody else makes.
    given: Option<String>,
    credentials: Credentials,
}

impl Keeper {
    /// Of the gateway that clients reach at `host`; `namespace` is the operator's own.
    pub fn new(client: Client, namespace: &str, host: &str) -> Self {
        Self {
            secrets: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            names: certificate::names(host, namespace),
            given: None,
            credentials: Credentials::default(),
        }
    }

    /// The same with the gateway's certificate in the Secret `given`, where there is one, which somebody else makes: it is read and
    /// never written, and may come later.
    pub fn with_certificate(self, given: Option<String>) -> Self {
        Self { given, ..self }
    }

    /// What the operator shows gateways; nothing before [`Self::ensure`].
    pub fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// Sees to it that there is an authority, that operator and gateways can know each other by it, and that the gateway has a
    /// certificate that lasts, unless somebody else gave it one; returns the certificate of the authority that vouches for the
    /// last, if the Secret has it.
    ///
    /// # Errors
    /// When a Secret cannot be read or written, or no certificate can be made.
    pub async fn ensure(&self, now: Timestamp) -> Result<Option<String>, KeeperError> {
        for _ in 0..ATTEMPTS {
            let Some(ca) = self.authority(now).await? else {
                continue; // somebody else was faster
            };
            self.credentials.keep(&ca, now)?;
            if !self.control(&ca, now).await? {
                continue;
            }
            if let Some(given) = &self.given {
                let found = self.get(given).await?;
                return Ok(found.as_ref().and_then(authority_of));
            }
            let found = self.get(TLS_SECRET).await?;
            if let Some(secret) = &found
                && (!is_ours(secret) || serves(secret, &ca, &self.names, now))
            {
                return Ok(authority_of(secret));
            }
            let leaf = ca.issue(&self.names, now)?;
            if self.put(TLS_SECRET, found, leaf.data()).await? {
                tracing::info!(secret = TLS_SECRET, "the gateway has a new certificate");
            }
        }
        Err(KeeperError::Contended {
            namespace: self.namespace.clone(),
        })
    }

    /// Keeps the certificate and `authority` up to date for as long as it is polled, and calls `changed` when the authority is
    /// another one.
    pub async fn keep(self, authority: Authority, changed: impl Fn()) {
        let watch = |name: &str| {
            let one = watch::config().fields(&format!("metadata.name={name}"));
            watcher(self.secrets.clone(), one).default_backoff().boxed()
        };
        let certificate = self.given.as_deref().unwrap_or(TLS_SECRET);
        let all = [certificate, CONTROL_SECRET, CA_SECRET].map(watch);
        let mut events = pin!(futures::stream::select_all(all));
        loop {
            let wait = match self.ensure(Timestamp::now()).await {
                Ok(certificate) => {
                    if authority.set(certificate) {
                        changed();
                    }
                    LOOK
                }
                Err(error) => {
                    tracing::warn!(%error, "the gateway's certificate is not looked after; trying again");
                    RETRY
                }
            };
            tokio::select! {
                () = change(&mut events) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The authority that there is or, where it is of no use any more, a new one. `None` when somebody else was faster.
    async fn authority(&self, now: Timestamp) -> Result<Option<Ca>, KeeperError> {
        let found = self.own(CA_SECRET).await?;
        let ca = found.as_ref().and_then(|secret| secret.data.as_ref());
        let ca = ca.and_then(Ca::read).filter(|ca| ca.lasts(now));
        if let Some(ca) = ca.filter(|ca| ca.signs(now)) {
            return Ok(Some(ca));
        }
        let ca = Ca::make(now)?;
        let written = self.put(CA_SECRET, found, ca.data()).await?;
        Ok(written.then_some(ca))
    }

    /// Sees to it that gateways have a certificate of `ca` to be known by; `false` when somebody else was faster.
    async fn control(&self, ca: &Ca, now: Timestamp) -> Result<bool, KeeperError> {
        let (found, names) = (self.own(CONTROL_SECRET).await?, [CONTROL_SERVER.to_owned()]);
        if found
            .as_ref()
            .is_some_and(|secret| serves(secret, ca, &names, now))
        {
            return Ok(true);
        }
        let leaf = ca.issue(&names, now)?;
        self.put(CONTROL_SECRET, found, leaf.data()).await
    }

    /// A Secret that is nobody's but the operator's.
    async fn own(&self, name: &'static str) -> Result<Option<Secret>, KeeperError> {
        let found = self.get(name).await?;
        if found.as_ref().is_some_and(|secret| !is_ours(secret)) {
            return Err(KeeperError::Foreign {
                secret: name,
                namespace: self.namespace.clone(),
            });
        }
        Ok(found)
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, KeeperError> {
        let found = self.secrets.get_opt(name).await;
        found.map_err(|error| self.failed(name, error))
    }

    /// Writes `data` in the place of what was `found`; `false` when that is not the last word any more.
    async fn put(
        &self,
        name: &'static str,
        found: Option<Secret>,
        data: BTreeMap<String, ByteString>,
    ) -> Result<bool, KeeperError> {
        let parameters = PostParams {
            field_manager: Some(labels::MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = if let Some(mut secret) = found {
            secret.data = Some(data);
            self.secrets.replace(name, &parameters, &secret).await
        } else {
            self.secrets.create(&parameters, &secret(name, data)).await
        };
        match written {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    fn failed(&self, secret: &str, source: kube::Error) -> KeeperError {
        KeeperError::Api {
            secret: secret.to_owned(),
            namespace: self.namespace.clone(),
            source: Box::new(source),
        }
    }
}

/// Waits until one of the Secrets may be another one. The end of a list counts: what was deleted before it is in none of its events.
async fn change(events: &mut (impl Stream<Item = Result<Event<Secret>, watcher::Error>> + Unpin)) {
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init | Event::InitApply(_)) => {}
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => return,
            Err(error) => {
                tracing::warn!(%error, "watch of a Secret failed; trying again");
            }
        }
    }
    // A watch never ends by itself.
    std::future::pending::<()>().await;
}

fn secret(name: &str, data: BTreeMap<String, ByteString>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(labels::MANAGED_BY.to_owned(), labels::MANAGER.to_owned())].into()),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// Whether the operator made it.
pub(crate) fn is_ours(secret: &Secret) -> bool {
    let label = secret.labels().get(labels::MANAGED_BY);
    label.is_some_and(|manager| manager == labels::MANAGER)
}

/// Whether the certificate in the Secret is by `ca`, for `names`, and lasts. One by another authority is of no use: that is gone, perhaps since
/// its key was seen.
fn serves(secret: &Secret, ca: &Ca, names: &[String], now: Timestamp) -> bool {
    let leaf = secret.data.as_ref().and_then(Leaf::read);
    leaf.is_some_and(|leaf| leaf.authority() == ca.certificate() && leaf.serves(names, now))
}

/// The authority's certificate in the Secret; an empty one, as some tools write it, is none.
fn authority_of(secret: &Secret) -> Option<String> {
    let entry = secret.data.as_ref()?.get(certificate::AUTHORITY)?;
    let text = String::from_utf8(entry.0.clone()).ok()?;
    Some(text).filter(|text| !text.trim().is_empty())
}
