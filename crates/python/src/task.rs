//! An operation under way: Python waits for it, in a thread or by a callback, or gives it up. What it comes to is JSON. No I/O of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use serde::{Deserialize, Serialize};
use sparkconnect_client::{Category, Error};
use tokio::task::AbortHandle;

use crate::runtime::{self, Door};

/// An operation.
#[pyclass(frozen)]
#[derive(Debug)]
pub(crate) struct Task {
    state: Arc<State>,
    abort: AbortHandle,
}

#[derive(Debug)]
struct State {
    door: Arc<Door>,
    inner: Mutex<Inner>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// JSON of what it came to, or of why it failed.
    outcome: Option<Result<String, String>>,
    callback: Option<Py<PyAny>>,
}

/// Why an operation failed.
#[derive(Serialize)]
struct Failure<'a> {
    category: &'a str,
    message: String,
    hint: Option<&'a str>,
}

impl Task {
    /// Begins it.
    pub(crate) fn begin<T: Serialize + Send + 'static>(
        operation: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> PyResult<Self> {
        let (threads, door) = runtime::handle()?;
        let state = Arc::new(State {
            door,
            inner: Mutex::default(),
            done: Condvar::new(),
        });
        let ended = Arc::clone(&state);
        let running = threads.spawn(async move {
            let outcome = match operation.await {
                Ok(result) => serde_json::to_string(&result).map_err(|error| error.to_string()),
                Err(error) => Err(failure(&error)),
            };
            ended.end(outcome);
        });
        Ok(Self {
            state,
            abort: running.abort_handle(),
        })
    }
}

#[pymethods]
impl Task {
    /// Waits for so many seconds at the most; whether it is done.
    fn wait(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let most = Duration::try_from_secs_f64(seconds);
        let most =
            most.map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
        Ok(py.detach(|| self.state.wait(most)))
    }

    /// Calls `callback` without arguments once it is done, from another thread; at once if it is.
    fn on_done(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<()> {
        let mut inner = self.state.lock();
        if inner.outcome.is_none() {
            inner.callback = Some(callback);
            return Ok(());
        }
        drop(inner);
        callback.call0(py).map(drop)
    }

    /// Whether it went well, and the JSON of what it came to or of why it failed; `None` while it is under way.
    fn outcome(&self) -> Option<(bool, String)> {
        let inner = self.state.lock();
        inner.outcome.as_ref().map(|outcome| match outcome {
            Ok(result) => (true, result.clone()),
            Err(failure) => (false, failure.clone()),
        })
    }

    /// Gives it up. What it made is taken back where the operation says so.
    fn cancel(&self) {
        self.abort.abort();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, most: Duration) -> bool {
        let waits = |inner: &mut Inner| inner.outcome.is_none();
        let waited = self.done.wait_timeout_while(self.lock(), most, waits);
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inner.outcome.is_some()
    }

    fn end(&self, outcome: Result<String, String>) {
        let mut inner = self.lock();
        inner.outcome = Some(outcome);
        let callback = inner.callback.take();
        drop(inner);
        self.done.notify_all();
        if let Some(callback) = callback {
            self.door.enter(|py| {
                if let Err(error) = callback.call0(py) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }
}

/// JSON of an error.
pub(crate) fn failure(error: &Error) -> String {
    let failure = Failure {
        category: error.category().name(),
        message: error.to_string(),
        hint: error.hint_text(),
    };
    serde_json::to_string(&failure).unwrap_or_default()
}

/// What the package wrote as JSON. An error names the field.
pub(crate) fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    let mut text = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut text)
        .map_err(|error| Error::new(Category::InvalidInput, error.to_string()))
}
