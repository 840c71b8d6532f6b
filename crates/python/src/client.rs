//! The client as Python has it: each operation begins a task. Sessions that it made or opened stay reachable until they are let go. Does
//! I/O through the client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use serde::Serialize;
use sparkconnect_client::{
    ApplicationRequest, Connection, Error, File, Progress, Session, SessionInfo, SessionRequest,
    SparkClient, Tell, Trust, Waiting,
};

use crate::config::Config;
use crate::logs::Logs;
use crate::runtime;
use crate::task::{Task, failure, parsed};

/// A client.
#[pyclass(frozen)]
#[derive(Debug)]
pub(crate) struct Client {
    client: SparkClient,
    /// By id. The way to one that goes through this process ends with it.
    sessions: Arc<Mutex<HashMap<String, Session>>>,
}

/// A session as Python gets it, token included: it has to connect.
#[derive(Serialize)]
struct Opened {
    info: SessionInfo,
    url: String,
    host: String,
    port: u16,
    tls: bool,
    ca: Option<String>,
    server_name: Option<String>,
    token: Option<String>,
    max_message_size: u32,
}

#[pymethods]
impl Client {
    /// Makes one by its configuration, as JSON; or says why not, as JSON.
    #[staticmethod]
    fn new(py: Python<'_>, config: &str) -> PyResult<(Option<Self>, Option<String>)> {
        let (runtime, _) = runtime::handle()?;
        let made = async { parsed::<Config>(config)?.client().await };
        Ok(match py.detach(|| runtime.block_on(made)) {
            Ok(client) => (
                Some(Self {
                    client,
                    sessions: Arc::default(),
                }),
                None,
            ),
            Err(error) => (None, Some(failure(&error))),
        })
    }

    /// The back end's name.
    fn kind(&self) -> &'static str {
        self.client.kind().name()
    }

    fn create_session(
        &self,
        request: String,
        timeout: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (client, sessions) = (self.client.clone(), Arc::clone(&self.sessions));
        let tell = progress.map(telling).transpose()?;
        Task::begin(async move {
            let request: SessionRequest = parsed(&request)?;
            let waiting = waiting(timeout, tell)?;
            let session = client.create_session(request, &waiting).await?;
            Ok(kept(&sessions, session))
        })
    }

    fn open_session(
        &self,
        session: String,
        timeout: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (client, sessions) = (self.client.clone(), Arc::clone(&self.sessions));
        let tell = progress.map(telling).transpose()?;
        Task::begin(async move {
            let waiting = waiting(timeout, tell)?;
            let session = client.open_session(&session, &waiting).await?;
            Ok(kept(&sessions, session))
        })
    }

    /// Ends the way to a session through this process, if it has one.
    fn let_go(&self, session: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(session);
    }

    fn list_sessions(&self) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.list_sessions().await })
    }

    fn get_session_status(&self, session: String) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.get_session_status(&session).await })
    }

    fn get_session_metrics(&self, session: String) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.get_session_metrics(&session).await })
    }

    /// Files by their names on the server and their contents.
    fn upload_artifacts(&self, session: String, files: Vec<(String, Vec<u8>)>) -> PyResult<Task> {
        let client = self.client.clone();
        let files = files.into_iter().map(|(name, content)| File {
            name,
            content: content.into(),
        });
        let files = files.collect();
        Task::begin(async move { client.upload_artifacts(&session, files).await })
    }

    fn close_session(&self, session: String) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.close_session(&session).await })
    }

    fn submit_application(&self, request: String) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move {
            let request: ApplicationRequest = parsed(&request)?;
            client.submit_application(request).await
        })
    }

    fn get_status(&self, id: String) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.get_status(&id).await })
    }

    fn wait(
        &self,
        id: String,
        timeout: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let client = self.client.clone();
        let tell = progress.map(telling).transpose()?;
        Task::begin(async move { client.wait(&id, &waiting(timeout, tell)?).await })
    }

    fn list_applications(&self) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.list_applications().await })
    }

    fn delete_application(&self, id: String) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move { client.delete_application(&id).await })
    }

    fn suspend_application(&self, id: String, suspend: bool) -> PyResult<Task> {
        let client = self.client.clone();
        Task::begin(async move {
            match suspend {
                true => client.suspend_application(&id).await,
                false => client.resume_application(&id).await,
            }
        })
    }

    fn get_logs(&self, id: String, request: String) -> Logs {
        Logs::new(self.client.clone(), id, request)
    }
}

/// Keeps a session reachable, and tells Python how it is.
fn kept(sessions: &Mutex<HashMap<String, Session>>, session: Session) -> Opened {
    let connection = session.connection.clone();
    let opened = opened(session.info.clone(), connection);
    let id = session.connection.session_id.clone();
    let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.insert(id, session);
    opened
}

fn opened(info: SessionInfo, mut connection: Connection) -> Opened {
    let token = connection
        .token
        .as_ref()
        .map(|token| token.expose().to_owned());
    let tls = connection.tls.is_some();
    let Trust { ca, server_name } = connection.tls.clone().unwrap_or_default();
    // Over TLS the token goes with the call's credentials, not in the URL.
    if tls {
        connection.token = None;
    }
    Opened {
        info,
        url: connection.url_with_token(),
        host: connection.host,
        port: connection.port,
        tls,
        ca,
        server_name,
        token: token.filter(|_| tls),
        max_message_size: connection.max_message_size,
    }
}

/// Tells Python, as JSON.
fn telling(callback: Py<PyAny>) -> PyResult<Tell> {
    let (_, door) = runtime::handle()?;
    Ok(Arc::new(move |progress: &Progress| {
        let text = serde_json::to_string(progress).unwrap_or_default();
        door.enter(|py| {
            if let Err(error) = callback.call1(py, (text,)) {
                error.write_unraisable(py, None);
            }
        });
    }))
}

fn waiting(timeout: Option<f64>, progress: Option<Tell>) -> Result<Waiting, Error> {
    Ok(Waiting {
        timeout: timeout.map(crate::config::seconds).transpose()?,
        progress,
    })
}
