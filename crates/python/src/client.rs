//! The client as Python has it: each operation begins a task. Sessions that it made or opened stay reachable until they are let go. Does
//! I/O through the client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};
use sparkconnect_client::{
    ApplicationRequest, Connection, Error, File, LogRequest, Progress, Role, Session, SessionInfo,
    SessionRequest, SparkClient, Tell, Trust, Waiting,
};

use crate::config::Config;
use crate::logs::Logs;
use crate::task::{Task, failure};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    executor_id: Option<String>,
    follow: bool,
    previous: bool,
    tail: Option<u32>,
}

#[pymethods]
impl Client {
    /// Begins to make one by its configuration, as JSON. It is done when `ready` is.
    #[staticmethod]
    fn new(py: Python<'_>, config: &str) -> PyResult<(Option<Self>, Option<String>)> {
        let config: Config = parsed(config)?;
        let runtime = crate::runtime::handle()?;
        let made = py.detach(|| runtime.block_on(config.client()));
        Ok(match made {
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
        request: &str,
        timeout: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let request: SessionRequest = parsed(request)?;
        let waiting = waiting(timeout, progress)?;
        let (client, sessions) = (self.client.clone(), Arc::clone(&self.sessions));
        Task::begin(async move {
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
        let waiting = waiting(timeout, progress)?;
        let (client, sessions) = (self.client.clone(), Arc::clone(&self.sessions));
        Task::begin(async move {
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

    fn submit_application(&self, request: &str) -> PyResult<Task> {
        let (client, request) = (self.client.clone(), parsed::<ApplicationRequest>(request)?);
        Task::begin(async move { client.submit_application(request).await })
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
        let waiting = waiting(timeout, progress)?;
        let client = self.client.clone();
        Task::begin(async move { client.wait(&id, &waiting).await })
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

    fn get_logs(&self, id: String, request: &str) -> PyResult<Logs> {
        let which: Which = parsed(request)?;
        let request = LogRequest {
            role: which.executor_id.map_or(Role::Driver, Role::Executor),
            follow: which.follow,
            previous: which.previous,
            tail: which.tail,
        };
        Ok(Logs::new(self.client.clone(), id, request))
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

fn waiting(timeout: Option<f64>, progress: Option<Py<PyAny>>) -> PyResult<Waiting> {
    let timeout = timeout.map(std::time::Duration::try_from_secs_f64);
    let timeout = timeout.transpose();
    let timeout = timeout.map_err(|error| PyValueError::new_err(format!("timeout: {error}")))?;
    let tell = |callback: Py<PyAny>| {
        let tell = move |progress: &Progress| {
            let text = serde_json::to_string(progress).unwrap_or_default();
            Python::attach(|py| {
                if let Err(error) = callback.call1(py, (text,)) {
                    error.write_unraisable(py, None);
                }
            });
        };
        Arc::new(tell) as Tell
    };
    Ok(Waiting {
        timeout,
        progress: progress.map(tell),
    })
}

/// What the package wrote as JSON.
fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| {
        let error = Error::new(
            sparkconnect_client::Category::InvalidInput,
            error.to_string(),
        );
        PyValueError::new_err(error.to_string())
    })
}
