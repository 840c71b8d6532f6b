//! One session that the Connect back end made or opened, from its first call to its end. Does I/O: gRPC.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use sparkconnect_spark::{Artifact, Error as SparkError, Existence, SessionRef, SparkServer};
use uuid::Uuid;

use super::metrics::Meter;
use crate::live::{self, told};
use crate::{
    Category, Connection, Counted, Error, File, Progress, SessionInfo, SessionMetrics,
    SessionRequest, SessionState, Source, Waiting,
};

/// Longest time for one call; one that is made again is a call of its own.
const CALL: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Of a session that may be there.
const UNTOLD: &str =
    "Spark 3.5 does not tell whether it is there: it makes one at every call that names it";
/// Of a session that was closed.
const STAYS: &str =
    "Spark 3.5 cannot end a session: the server keeps it for an hour after its last call";

/// A session.
#[derive(Debug)]
pub(super) struct Made {
    pub connection: Connection,
    server: SparkServer,
    session: SessionRef,
    app_name: Option<String>,
    version: String,
    began: jiff::Timestamp,
    new: bool,
    closed: AtomicBool,
    uploaded: AtomicI64,
    meter: Meter,
}

impl Made {
    /// Makes the session, or opens it where it must be there. A server that does not answer yet is asked again until `timeout`, and each
    /// time that is told.
    pub(super) async fn begin(
        connection: Connection,
        request: SessionRequest,
        ui: (String, u16),
        timeout: Duration,
        told_to: &Waiting,
        new: bool,
    ) -> Result<Self, Error> {
        let endpoint = live::endpoint(&connection, CALL.min(timeout));
        let server = SparkServer::new(&endpoint).map_err(told)?;
        let session = live::session_ref(&connection)?;
        let settings = settings(&request);
        let mut release = new.then(|| Release::of(&server, &session));
        let make = async || match new {
            true => server.create(&session, &settings).await,
            false => opened(&server, &session).await,
        };
        let made = make
            .retry(pauses())
            .when(|error| matches!(error, SparkError::Unreachable { .. }))
            .notify(|error, _| told_to.tell(&unreached(&connection, error)));
        let made = tokio::time::timeout(timeout, made).await;
        let made = made.map_err(|_| late(&connection, timeout))?;
        let id = made.map_err(told)?;
        let version = server.version_for(&session).await.map_err(told)?;
        if let Some(release) = &mut release {
            release.0 = None;
        }
        Ok(Self {
            // 3.5 gives sessions no id of its own.
            session: match id.is_empty() {
                true => session,
                false => session.observed(id),
            },
            meter: Meter::new(ui, endpoint.timeouts),
            app_name: request.app_name,
            began: jiff::Timestamp::now(),
            new,
            closed: AtomicBool::new(false),
            uploaded: AtomicI64::new(0),
            connection,
            server,
            version,
        })
    }

    pub(super) fn id(&self) -> Uuid {
        self.session.session_id
    }

    /// Whether the server gives its sessions an id of its own, and with it tells one from another of the same name: since 4.0.
    fn knows_sessions(&self) -> bool {
        self.session.server_side_session_id.is_some()
    }

    /// As it was last seen: right after it was made or opened, or by [`Self::look`].
    pub(super) fn info(&self) -> SessionInfo {
        let closed = self.closed.load(Ordering::Relaxed);
        let (state, message) = match (closed, self.knows_sessions()) {
            (true, true) => (SessionState::Closed, None),
            (true, false) => (SessionState::Closed, Some(STAYS)),
            (false, false) if !self.new => (SessionState::Unknown, Some(UNTOLD)),
            (false, _) => (SessionState::Ready, None),
        };
        SessionInfo {
            session_id: Some(self.id().to_string()),
            name: None,
            namespace: None,
            app_name: self.app_name.clone(),
            user: Some(self.session.user.clone()),
            server: Some(self.connection.authority()),
            state,
            peer_state: None,
            message: message.map(str::to_owned),
            spark_version: Some(self.version.clone()),
            url: Some(self.connection.url()),
            ui_url: self.meter.reached(),
            start_time: Some(self.began),
            last_activity_time: None,
            end_time: None,
        }
    }

    /// Asks the server whether it is there. That keeps it alive.
    pub(super) async fn look(&self) -> Result<SessionInfo, Error> {
        let mut info = self.info();
        if info.state.is_final() {
            return Ok(info);
        }
        let (state, message) = match self.server.exists(&self.session).await.map_err(told)? {
            _ if !self.knows_sessions() => (SessionState::Unknown, Some(UNTOLD)),
            Existence::Alive { .. } => (SessionState::Ready, None),
            Existence::Closed => (SessionState::Closed, Some("it was released or expired")),
            Existence::NotFound => (
                SessionState::Lost,
                Some("the server does not know it: it was started anew since"),
            ),
            Existence::Changed { .. } => (
                SessionState::Lost,
                Some("the server was started anew since, and has another session of this id"),
            ),
        };
        info.state = state;
        info.message = message.map(str::to_owned);
        Ok(info)
    }

    pub(super) async fn metrics(&self) -> Result<SessionMetrics, Error> {
        let mut metrics = self.meter.read(&self.session).await;
        // The server does not count them.
        metrics.artifacts_uploaded = Some(Counted {
            value: self.uploaded.load(Ordering::Relaxed),
            source: Source::Client,
        });
        Ok(metrics)
    }

    pub(super) async fn upload(&self, files: Vec<File>) -> Result<(), Error> {
        for file in files {
            let artifact = Artifact {
                name: file.name,
                content: file.content,
            };
            let sent = self.server.add_artifacts(&self.session, &[artifact]).await;
            sent.map_err(told)?;
            self.uploaded.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) async fn close(&self) -> Result<(), Error> {
        match self.server.release(&self.session).await {
            // 3.5 cannot.
            Ok(()) | Err(SparkError::Unsupported { .. }) => {}
            Err(error) => return Err(told(error)),
        }
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

async fn opened(server: &SparkServer, session: &SessionRef) -> Result<String, SparkError> {
    match server.exists(session).await? {
        Existence::Alive {
            server_side_session_id,
        } => Ok(server_side_session_id),
        Existence::Closed => Err(SparkError::SessionClosed),
        Existence::NotFound | Existence::Changed { .. } => Err(SparkError::SessionNotFound),
    }
}

fn settings(request: &SessionRequest) -> Vec<(String, String)> {
    let name = request.app_name.iter();
    let name = name.map(|name| ("spark.app.name".to_owned(), name.clone()));
    let conf = request.spark_conf.iter();
    name.chain(conf.map(|(key, value)| (key.clone(), value.clone())))
        .collect()
}

fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times() // the time-out ends it
}

fn unreached(connection: &Connection, error: &SparkError) -> Progress {
    Progress {
        subject: format!("Spark Connect server {}", connection.authority()),
        state: "Unreachable".to_owned(),
        message: error.to_string(),
    }
}

fn late(connection: &Connection, timeout: Duration) -> Error {
    Error::new(
        Category::TimedOut,
        format!(
            "no session on {} within {} s",
            connection.authority(),
            timeout.as_secs()
        ),
    )
    .hint("does the server run, and is it reached from here? TLS or not must agree too")
}

/// Releases a session that was made when whoever asked for it has gone.
struct Release(Option<(SparkServer, SessionRef)>);

impl Release {
    fn of(server: &SparkServer, session: &SessionRef) -> Self {
        Self(Some((server.clone(), session.clone())))
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let Some((server, session)) = self.0.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = server.release(&session).await {
                tracing::warn!(%error, "a session that nobody waits for was not released");
            }
        });
    }
}
