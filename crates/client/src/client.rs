//! [`SparkClient`]: the operations over whichever back end, and what they have in common: waiting for an application to end. Does I/O
//! through its back end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{
    Application, ApplicationRequest, Backend, BackendKind, Category, Error, File, LogRequest,
    LogStream, Progress, Session, SessionInfo, SessionMetrics, SessionRequest, Waiting,
};

/// Pause between two looks at an application that is waited for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many looks in a row may fail for want of an answer before waiting is given up.
const PATIENCE: u32 = 30;

/// A client. Clones share its back end.
#[derive(Clone, Debug)]
pub struct SparkClient {
    backend: Arc<dyn Backend>,
}

impl SparkClient {
    /// Over this back end.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self {
            backend: Arc::new(backend),
        }
    }

    /// Which back end it is over.
    pub fn kind(&self) -> BackendKind {
        self.backend.kind()
    }

    /// Makes a session and waits until it lives. One that does not in time, or whose future is dropped, is taken back.
    ///
    /// # Errors
    /// [`Category::TimedOut`] when it does not live in time; [`Category::Ended`] when it cannot be made, with the back end's reason.
    pub async fn create_session(
        &self,
        request: SessionRequest,
        waiting: &Waiting,
    ) -> Result<Session, Error> {
        self.backend.create_session(request, waiting).await
    }

    /// Opens a session that somebody made, by the name of its resource or by its id.
    ///
    /// # Errors
    /// [`Category::NotFound`]; [`Category::Ended`] when it has ended.
    pub async fn open_session(&self, session: &str, waiting: &Waiting) -> Result<Session, Error> {
        self.backend.open_session(session, waiting).await
    }

    /// The sessions that there are, whoever made them; on the Connect back end those that this client made.
    ///
    /// # Errors
    /// When the back end cannot be asked.
    pub async fn list_sessions(&self) -> Result<Vec<SessionInfo>, Error> {
        self.backend.list_sessions().await
    }

    /// What there is to tell of a session, by the name of its resource or by its id.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn get_session_status(&self, session: &str) -> Result<SessionInfo, Error> {
        self.backend.get_session_status(session).await
    }

    /// What a session has done.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn get_session_metrics(&self, session: &str) -> Result<SessionMetrics, Error> {
        self.backend.get_session_metrics(session).await
    }

    /// Gives a session files.
    ///
    /// # Errors
    /// [`Category::AlreadyExists`] when it has another file of that name: files cannot be replaced.
    pub async fn upload_artifacts(&self, session: &str, files: Vec<File>) -> Result<(), Error> {
        self.backend.upload_artifacts(session, files).await
    }

    /// Ends a session, whoever made it. One that has ended already is no error.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn close_session(&self, session: &str) -> Result<(), Error> {
        self.backend.close_session(session).await
    }

    /// Has an application run; does not wait for it.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] for what the back end cannot give it; [`Category::AlreadyExists`].
    pub async fn submit_application(
        &self,
        request: ApplicationRequest,
    ) -> Result<Application, Error> {
        self.backend.submit_application(request).await
    }

    /// What there is to tell of an application.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn get_status(&self, id: &str) -> Result<Application, Error> {
        self.backend.get_status(id).await
    }

    /// Waits until an application has ended, well or not; its state says which. Each change of state is told.
    ///
    /// # Errors
    /// [`Category::NotFound`] when it is gone; [`Category::TimedOut`]; [`Category::Unavailable`] when the back end gave no answer for
    /// long.
    pub async fn wait(&self, id: &str, waiting: &Waiting) -> Result<Application, Error> {
        let (began, mut silent, mut told) = (Instant::now(), 0, None);
        loop {
            match self.backend.get_status(id).await {
                Ok(application) => {
                    silent = 0;
                    let progress = Progress {
                        subject: format!("application {id}"),
                        state: application.peer_state.clone().unwrap_or_default(),
                        message: application.message.clone().unwrap_or_default(),
                    };
                    if told.as_ref() != Some(&progress) {
                        waiting.tell(&progress);
                        told = Some(progress);
                    }
                    if application.state.is_final() {
                        return Ok(application);
                    }
                }
                Err(error) if error.is_transient() && silent < PATIENCE => silent += 1,
                Err(error) => return Err(error),
            }
            if waiting.timeout.is_some_and(|most| began.elapsed() >= most) {
                return Err(timed_out(id, told.as_ref()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The applications that there are.
    ///
    /// # Errors
    /// When the back end cannot be asked.
    pub async fn list_applications(&self) -> Result<Vec<Application>, Error> {
        self.backend.list_applications().await
    }

    /// Stops an application and removes its record.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn delete_application(&self, id: &str) -> Result<(), Error> {
        self.backend.delete_application(id).await
    }

    /// Stops an application and holds it back until it is resumed.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn suspend_application(&self, id: &str) -> Result<(), Error> {
        self.backend.suspend_application(id, true).await
    }

    /// Has an application that was suspended run.
    ///
    /// # Errors
    /// [`Category::NotFound`].
    pub async fn resume_application(&self, id: &str) -> Result<(), Error> {
        self.backend.suspend_application(id, false).await
    }

    /// The log of an application, or of a session's server.
    ///
    /// # Errors
    /// [`Category::NotFound`] where there is none, or none yet.
    pub async fn get_logs(&self, id: &str, request: LogRequest) -> Result<LogStream, Error> {
        self.backend.get_logs(id, request).await
    }
}

fn timed_out(id: &str, told: Option<&Progress>) -> Error {
    let state = told.map_or("not known", |progress| progress.state.as_str());
    Error::new(
        Category::TimedOut,
        format!("application {id} did not end in time: its state is {state}"),
    )
    .hint("it goes on; wait again, or delete it")
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
