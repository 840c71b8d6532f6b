//! Makes a session on its replica, and writes its connection Secret. Writes to both; each part may be repeated.

use kube::ResourceExt;
use kube::runtime::controller::Action;
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{Reason, SparkSession, labels};
use sparkconnect_spark::{Artifact, Error as SparkError, SessionRef, SparkServer};
use sparkconnect_telemetry::RequestId;
use sparkconnect_telemetry::spans::within;

use k8s_openapi::api::core::v1::Secret;

use super::artifacts::{self, Fetched};
use super::carry_out::{Next, end};
use super::connection::Connection;
use super::decide::Ending;
use super::turn::Turn;
use super::{Error, facts, identity, secret, status};
use crate::spans;

/// Makes the session, gives it its artifacts, writes its connection Secret and records that it lives.
///
/// # Errors
/// When a call fails that may go through another time. What Spark refuses is no error here: the status says so.
pub(super) async fn make(turn: &mut Turn<'_>) -> Result<Next, Error> {
    let replica = turn.status().replica_uid.unwrap_or_default();
    let spark = turn.context.live.spark(&replica);
    let (Some(spark), Some(reference)) = (spark, identity::session_ref(&turn.session)) else {
        return Ok(Next::after(false)); // the replica went in this moment
    };
    let artifacts = match artifacts::fetch(turn.client(), &turn.session).await? {
        Fetched::All(artifacts) => artifacts,
        Fetched::Missing(what) => return missing(turn, &what).await,
    };
    let span = spans::spark("create session", turn.status().server.as_deref());
    let made = on_server(&spark, &reference, &turn.session, &artifacts);
    let made = match within(span, made).await {
        Ok(server_side_session_id) => server_side_session_id,
        Err(error) => return refused(turn, error).await,
    };
    let Some(connection) = connection(turn) else {
        return Ok(Next::after(false));
    };
    if !write_secret(turn, &connection).await? {
        return taken(turn).await;
    }
    turn.context.backoff.succeeded(&turn.waiting_key());
    let spark_version = turn
        .context
        .live
        .seen(&replica)
        .and_then(|seen| seen.version);
    let made = status::Made {
        server_side_session_id: made,
        spark_version,
        connection,
    };
    let now = turn.now();
    let waited = status::waited(&turn.session, now);
    let written = turn.write(status::ready(&turn.session, made, now)).await?;
    if written {
        turn.context.metrics.servers.session_started(
            &turn.session.namespace().unwrap_or_default(),
            &turn.session.spec.server,
            waited.as_secs_f64(),
        );
        tell(turn);
        turn.track();
        // The caches do not show yet what was made: the next decision comes with them.
        return Ok(Next::rest(None));
    }
    Ok(Next::after(false))
}

/// Has the log tell that the session lives, and of which call.
fn tell(turn: &Turn<'_>) {
    let (session, request) = (&turn.session, spans::request_id(&turn.session));
    tracing::info!(
        request_id = request.as_ref().map(RequestId::as_str),
        namespace = session.namespace(),
        session = session.name_any(),
        replica = turn.status().server,
        "session made on its replica"
    );
}

/// Writes the connection Secret of a session that lives.
///
/// # Errors
/// When the API server does not answer or refuses.
pub(super) async fn repair(turn: &mut Turn<'_>) -> Result<Next, Error> {
    if let Some(connection) = connection(turn)
        && !write_secret(turn, &connection).await?
    {
        return taken(turn).await;
    }
    Ok(Next::rest(Some(super::decide::SOON)))
}

/// The session on its server; returns Spark's id of it.
async fn on_server(
    spark: &SparkServer,
    reference: &SessionRef,
    session: &SparkSession,
    artifacts: &[Artifact],
) -> Result<String, SparkError> {
    let made = spark
        .create(reference, &identity::settings(session))
        .await?;
    if !artifacts.is_empty() {
        let observed = reference.clone().observed(&made);
        spark.add_artifacts(&observed, artifacts).await?;
    }
    Ok(made)
}

/// Something that the artifacts come from is not there. Nothing tells when it is, so it is looked for again and again.
async fn missing(turn: &mut Turn<'_>, what: &str) -> Result<Next, Error> {
    let message = format!("artifacts are missing: {what}");
    let status = status::troubled(
        &turn.session,
        Reason::ArtifactNotFound,
        &message,
        turn.now(),
    );
    turn.write(status).await?;
    let wait = turn.context.backoff.failed(&turn.waiting_key());
    Ok(Next::Wait(Action::requeue(wait)))
}

/// Spark's refusals: a setting can be mended in the spec, an artifact or an id cannot.
async fn refused(turn: &mut Turn<'_>, error: SparkError) -> Result<Next, Error> {
    let message = error.to_string();
    let reason = match error {
        SparkError::ConfRejected { .. } => {
            let status =
                status::troubled(&turn.session, Reason::ConfRejected, &message, turn.now());
            return turn.write(status).await.map(Next::after);
        }
        SparkError::SessionClosed => Reason::SessionIdUsed,
        SparkError::InvalidFormat { .. } => Reason::SessionIdInvalid,
        SparkError::ArtifactExists { .. } | SparkError::ArtifactRejected { .. } => {
            Reason::ArtifactRejected
        }
        source => {
            return Err(Error::Spark {
                doing: "make the session",
                source,
            });
        }
    };
    end(turn, &Ending::new(SessionPhase::Failed, reason, message)).await
}

/// Somebody else's Secret has the name; nothing tells when it goes.
async fn taken(turn: &mut Turn<'_>) -> Result<Next, Error> {
    let name = secret::name(&turn.session.name_any());
    let message = format!(
        "Secret {name} is there and not this session's: delete it, or make the session under another name"
    );
    let status = status::troubled(&turn.session, Reason::SecretNameTaken, &message, turn.now());
    turn.write(status).await?;
    let wait = turn.context.backoff.failed(&turn.waiting_key());
    Ok(Next::Wait(Action::requeue(wait)))
}

fn connection(turn: &Turn<'_>) -> Option<Connection> {
    let namespace = turn.session.namespace().unwrap_or_default();
    let resources = &turn.context.resources;
    let server = resources.server(&namespace, &turn.session.spec.server);
    facts::connection(turn.context, &turn.session, server.as_ref())
}

/// Writes the Secret if it is not as it should be; `false` if somebody else's is in its place. Looked for in the cluster and
/// not in the cache, which holds nobody else's.
async fn write_secret(turn: &Turn<'_>, connection: &Connection) -> Result<bool, Error> {
    let desired = secret::connection_secret(&turn.session, connection);
    let secrets = turn.namespaced::<Secret>();
    let mut found = secrets
        .get_opt(&desired.name_any())
        .await
        .map_err(Error::Read)?;
    if let Some(other) = found.take_if(|found| !secret::belongs_to(found, &turn.session)) {
        if !is_of_former_session(&other) {
            return Ok(false);
        }
        turn.context.applier.delete(&other).await?;
    }
    turn.context.applier.ensure(desired, found.as_ref()).await?;
    Ok(true)
}

/// Whether the operator wrote it for a session of the same name that is gone.
fn is_of_former_session(secret: &Secret) -> bool {
    let label =
        |key: &str, value: &str| secret.labels().get(key).is_some_and(|found| found == value);
    label(labels::MANAGED_BY, labels::MANAGER) && label(labels::COMPONENT, labels::CONNECTION)
}
