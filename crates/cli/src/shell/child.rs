//! The Python process with the session: what it is told, and how it ends. Does I/O: runs it.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde_json::{Value, json};
use sparkconnect_client::{Category, Connection, SessionInfo};
use sparkconnect_spark::Token;
use tokio::process::{Child, Command};

use super::python::Python;
use crate::context::Context;
use crate::ending::{Ending, Endings};
use crate::error::Error;

const STARTUP: &str = include_str!("startup.py");
const TUTORIAL: &str = include_str!("tutorial.py");
/// Where the Python side is told; it takes that out of its environment at once.
const VARIABLE: &str = "SPARKCONNECT_SHELL";
/// How long Python may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(10);

/// What the Python side is told.
pub(super) struct Told<'a> {
    /// How the session is reached.
    pub(super) connection: &'a Connection,
    /// First words of the prompt.
    pub(super) banner: String,
    /// What the tutorial needs to know.
    pub(super) tutorial: Option<Tutorial>,
    /// What is run in place of a prompt.
    pub(super) program: &'a [String],
}

/// What the tutorial needs to know.
#[derive(Serialize)]
pub(super) struct Tutorial {
    source: &'static str,
    config: Value,
}

impl Tutorial {
    /// For sessions beside this one.
    pub(super) fn of(context: &Context, session: &SessionInfo) -> Self {
        let given = [
            ("namespace", session.namespace.clone().map(Value::from)),
            ("server", session.server.clone().map(Value::from)),
            (
                "kubeconfig",
                context.global.kubeconfig.as_ref().map(|path| json!(path)),
            ),
            ("context", context.global.context.clone().map(Value::from)),
        ];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Self {
            source: TUTORIAL,
            config: Value::Object(given.collect()),
        }
    }
}

impl Told<'_> {
    /// With the session's token: for the child's environment alone.
    fn with_secrets(&self) -> String {
        let connection = self.connection;
        let trust = connection.tls.as_ref();
        json!({
            "url": connection.url_with_token(),
            "url_without_token": connection.url(),
            "token": connection.token.as_ref().map(Token::expose),
            "tls": trust.is_some(),
            "ca": trust.and_then(|trust| trust.ca.as_deref()),
            "server_name": trust.and_then(|trust| trust.server_name.as_deref()),
            "max_message_size": connection.max_message_size,
            "banner": self.banner,
            "tutorial": self.tutorial,
            "program": self.program,
        })
        .to_string()
    }
}

/// Runs Python to its end; its exit code is ours.
pub(super) async fn run(
    python: &Python,
    told: &Told<'_>,
    endings: &mut Endings,
) -> Result<ExitCode, Error> {
    let mut command = Command::new(&python.program);
    command
        .args(["-c", STARTUP])
        .env(VARIABLE, told.with_secrets())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(code(status.map_err(failed)?)),
            ending = endings.next() => match ending {
                // Python got it too, and makes of it what it makes of it.
                Ending::Interrupted => {}
                Ending::Terminated => return end(&mut child).await,
            }
        }
    }
}

/// Has it end as this program was told to.
async fn end(child: &mut Child) -> Result<ExitCode, Error> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM).map_err(|error| failed(error.into()))?;
    }
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => Ok(code(status.map_err(failed)?)),
        Err(_) => {
            child.kill().await.map_err(failed)?;
            Ok(signalled(Signal::KILL.as_raw()))
        }
    }
}

/// The exit code that shells give a process.
fn code(status: ExitStatus) -> ExitCode {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, Some(signal)) => signalled(signal),
        (None, None) => ExitCode::FAILURE,
    }
}

fn signalled(signal: i32) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}

fn failed(error: std::io::Error) -> Error {
    let told = sparkconnect_client::Error::new(Category::Failed, "Python cannot be run");
    Error::Client(told.caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_pythons() {
        let exited = |status: i32| code(ExitStatus::from_raw(status << 8));
        assert_eq!(exited(0), ExitCode::SUCCESS);
        assert_eq!(exited(3), ExitCode::from(3));
        let interrupted = code(ExitStatus::from_raw(2));
        assert_eq!(interrupted, ExitCode::from(130));
    }
}
