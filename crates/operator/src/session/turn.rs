//! One reconcile of one session: the session as this reconcile knows it, and the few ways in which it is read and written.
//! Reads and writes the resource itself; every write names the version that it rests on, so that one that rests on an
//! outdated cache is refused.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};
use serde_json::json;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{SessionStatus, SparkSession, labels};
use tracing::Instrument;

use super::facts::{self, Done, Facts, Fetched};
use super::{Error, identity, secret, status};
use crate::context::Context;
use crate::live::TrackedSession;
use crate::spans;

/// What a session is while it is reconciled.
pub(super) struct Turn<'a> {
    /// What every reconcile has at hand.
    pub(super) context: &'a Context,
    /// The session, as it was last read or written.
    pub(super) session: SparkSession,
    /// What was done where no cache shows it.
    pub(super) done: Done,
    fetched: Fetched,
    fresh: bool,
}

impl<'a> Turn<'a> {
    /// Begins with the session as the cache has it.
    pub(super) fn new(context: &'a Context, session: SparkSession) -> Self {
        Self {
            context,
            session,
            done: Done::default(),
            fetched: Fetched::default(),
            fresh: false,
        }
    }

    /// What is known now.
    pub(super) fn facts(&self) -> Facts<'_> {
        facts::gather(self.context, &self.session, &self.fetched, self.done)
    }

    /// Whether the session was read from the API server in this reconcile.
    pub(super) const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Reads the session anew, and for one that has been made its pod and its Secret too; `false` when it is gone.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(super) async fn refresh(&mut self) -> Result<bool, Error> {
        self.fresh = true;
        let name = self.session.name_any();
        let found = self.api().get_opt(&name).await.map_err(Error::Read)?;
        let Some(session) = found.filter(|found| found.uid() == self.session.uid()) else {
            return Ok(false);
        };
        self.session = session;
        if self.phase() != Some(SessionPhase::Ready) {
            return Ok(true);
        }
        let pod = self.status().server.clone().unwrap_or_default();
        let (pods, secrets) = (self.namespaced::<Pod>(), self.namespaced::<Secret>());
        let secret = secret::name(&name);
        let (pod, secret) = futures::try_join!(pods.get_opt(&pod), secrets.get_opt(&secret))
            .map_err(Error::Read)?;
        let secret = secret.filter(|secret| secret::belongs_to(secret, &self.session));
        self.fetched = Fetched {
            pod: Some(pod),
            secret: Some(secret),
        };
        Ok(true)
    }

    /// Writes the status if it tells something new, and tells of transitions; `false` when the session has changed since it
    /// was read: that change is on its way and begins a reconcile of its own.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub(super) async fn write(&mut self, status: SessionStatus) -> Result<bool, Error> {
        let before = self.status();
        if !status::differs(&before, &status) {
            return Ok(true);
        }
        if before.replica_uid != status.replica_uid {
            self.fetched = Fetched::default();
        }
        let patch = json!({
            "apiVersion": "sparkconnect.dev/v1alpha1",
            "kind": "SparkSession",
            "metadata": {"resourceVersion": self.session.resource_version()},
            "status": status,
        });
        let parameters = PatchParams::apply(labels::MANAGER).force();
        let (name, api, patch) = (self.session.name_any(), self.api(), Patch::Apply(&patch));
        let span = spans::write("apply status of", "SparkSession", &name);
        let written = api.patch_status(&name, &parameters, &patch);
        let written = written.instrument(span).await;
        let Some(session) = unless_outdated(written).map_err(Error::Status)? else {
            return Ok(false);
        };
        self.session = session;
        self.context
            .metrics
            .status_writes
            .with_label_values(&["SparkSession"])
            .inc();
        for note in status::notes(&before.conditions, &status.conditions) {
            self.context.events.publish(&self.session, &note).await;
        }
        Ok(true)
    }

    /// Puts the finalizer on, or takes it off; `false` as for [`Self::write`], or when the session is gone.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub(super) async fn guard(&mut self, on: bool) -> Result<bool, Error> {
        let mut finalizers = self.session.finalizers().to_vec();
        finalizers.retain(|name| name != labels::SESSION_FINALIZER);
        if on {
            finalizers.push(labels::SESSION_FINALIZER.to_owned());
        }
        let version = self.session.resource_version();
        let patch = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
        let parameters = PatchParams {
            field_manager: Some(labels::MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let (name, api, patch) = (self.session.name_any(), self.api(), Patch::Merge(&patch));
        let span = spans::write("patch finalizers of", "SparkSession", &name);
        let written = api.patch(&name, &parameters, &patch);
        let written = written.instrument(span).await;
        let Some(session) = unless_outdated(written).map_err(Error::Finalizer)? else {
            return Ok(false);
        };
        self.session = session;
        Ok(true)
    }

    /// Deletes the session's resource, if it is still this one.
    ///
    /// # Errors
    /// When the API server does not answer or refuses.
    pub(super) async fn delete(&self) -> Result<(), Error> {
        let preconditions = Preconditions {
            uid: self.session.uid(),
            resource_version: None,
        };
        let parameters = DeleteParams::default().preconditions(preconditions);
        let deleted = self
            .api()
            .delete(&self.session.name_any(), &parameters)
            .await;
        unless_outdated(deleted).map(drop).map_err(Error::Delete)
    }

    /// Has the live watch follow the session on its replica, and the placement count it there.
    pub(super) fn track(&self) {
        let status = self.status();
        let (Some(replica), Some(reference)) =
            (&status.replica_uid, identity::observed_ref(&self.session))
        else {
            return;
        };
        let tracked = TrackedSession {
            name: self.session.name_any(),
            uid: self.uid(),
            session: reference,
            metrics: status::counted(&self.session),
            cursor: status.metrics_cursor,
        };
        self.context.placement.restore(&self.uid(), replica);
        self.context.live.track(replica, tracked);
    }

    /// Drops what memory has of a session that lives nowhere any more.
    pub(super) fn forget(&self) {
        let namespace = self.session.namespace().unwrap_or_default();
        self.context
            .live
            .untrack(&namespace, &self.session.name_any());
        self.release();
        self.context.backoff.succeeded(&self.waiting_key());
    }

    /// Gives up the session's place. Its server may have waited for that, to restart the replica.
    pub(super) fn release(&self) {
        if self.context.placement.release(&self.uid()) {
            self.wake_server();
        }
    }

    /// Gives up its place for another one: it is called as before.
    pub(super) fn vacate(&self) {
        if self.context.placement.vacate(&self.uid()) {
            self.wake_server();
        }
    }

    /// Has the server count its sessions again.
    pub(super) fn wake_server(&self) {
        let namespace = self.session.namespace().unwrap_or_default();
        self.context
            .counts
            .changed(&namespace, &self.session.spec.server);
    }

    /// Under which its waits for something that no watch tells of are counted.
    pub(super) fn waiting_key(&self) -> String {
        format!("waits/{}", self.uid())
    }

    /// The status, empty for a new session.
    pub(super) fn status(&self) -> SessionStatus {
        self.session.status.clone().unwrap_or_default()
    }

    /// The phase.
    pub(super) fn phase(&self) -> Option<SessionPhase> {
        self.session.status.as_ref().and_then(|status| status.phase)
    }

    /// UID of the session.
    pub(super) fn uid(&self) -> String {
        self.session.uid().unwrap_or_default()
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Connection to the API server.
    pub(super) const fn client(&self) -> &Client {
        &self.context.client
    }

    /// The API of a kind in the session's namespace.
    pub(super) fn namespaced<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(
            self.context.client.clone(),
            &self.session.namespace().unwrap_or_default(),
        )
    }

    fn api(&self) -> Api<SparkSession> {
        self.namespaced()
    }
}

/// `None` where the object has changed since it was read, or is gone.
fn unless_outdated<T>(result: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match result {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(None),
        Err(error) => Err(error),
    }
}
