//! The end of sessions: of those that are asked for, and of those that nobody came to have. Does I/O.

use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use sparkconnect_api::SparkSession;

use crate::Error;
use crate::kubernetes;

/// Deletes the resource; the operator releases the session on its server.
pub(super) async fn delete(
    sessions: &Api<SparkSession>,
    session: &SparkSession,
) -> Result<(), Error> {
    // Not one of the same name that was made since.
    let parameters = DeleteParams {
        preconditions: Some(kube::api::Preconditions {
            uid: session.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let name = session.name_any();
    match sessions.delete(&name, &parameters).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => {
            let doing = format!("deleting the SparkSession {name}");
            Err(kubernetes::told(error, &doing))
        }
    }
}

/// A session that was made and that nobody has yet: deleted when this is dropped.
pub(super) struct TakenBack(Option<(Api<SparkSession>, SparkSession)>);

impl TakenBack {
    pub(super) fn of(sessions: Api<SparkSession>, session: &SparkSession) -> Self {
        Self(Some((sessions, session.clone())))
    }

    pub(super) fn keep(mut self) {
        self.0 = None;
    }

    /// Before whoever asked for it is told, whose program may end then.
    pub(super) async fn now(mut self) {
        if let Some((sessions, session)) = &self.0 {
            deleted(sessions, session).await;
        }
        self.0 = None;
    }
}

impl Drop for TakenBack {
    fn drop(&mut self) {
        let Some((sessions, session)) = self.0.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move { deleted(&sessions, &session).await });
    }
}

async fn deleted(sessions: &Api<SparkSession>, session: &SparkSession) {
    if let Err(error) = delete(sessions, session).await {
        tracing::warn!(%error, "a session that nobody waits for was not deleted");
    }
}
