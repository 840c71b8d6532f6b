//! Prometheus, Debian's: its tool, and a server of a test's own on a free loopback port. Runs `apt-get`, `python3`, `prometheus`
//! and `promtool`.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::command;
use crate::error::{Context, Error, Result};
use crate::ports::Port;
use crate::process::{Seen, wait_for};
use crate::toolchain::{self, Tool};

const SUPERVISOR: &str = include_str!("spark/supervise.py");
/// How long the server may take to open its port.
const PATIENCE: Duration = Duration::from_secs(60);

/// promtool.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn promtool() -> Result<PathBuf> {
    installed("promtool")
}

fn installed(program: &'static str) -> Result<PathBuf> {
    let package = "prometheus";
    toolchain::install(&[Tool { program, package }])?;
    toolchain::find(program)
        .ok_or_else(|| Error::new(format!("{program} is not in the package {package}")))
}

/// A running Prometheus; ended on drop, and when the test process ends.
#[derive(Debug)]
pub struct Prometheus {
    port: Port,
    folder: tempfile::TempDir,
    promtool: PathBuf,
    supervisor: Child,
}

impl Prometheus {
    /// Starts one with this configuration, and waits until its port accepts connections.
    ///
    /// # Errors
    /// When it cannot be installed, or ends early or does not open its port in a minute: with the end of its log.
    pub fn start(configuration: &str) -> Result<Self> {
        let (program, promtool) = (installed("prometheus")?, promtool()?);
        let folder = tempfile::tempdir().context(|| "making Prometheus' folder".to_owned())?;
        let file = folder.path().join("prometheus.yaml");
        fs::write(&file, configuration).context(|| format!("writing {}", file.display()))?;
        let port = Port::claim()?;
        let mut prometheus = Self {
            supervisor: spawn(&program, folder.path(), port.number())?,
            port,
            folder,
            promtool,
        };
        prometheus.wait_until_open()?;
        Ok(prometheus)
    }

    /// What a query gives now.
    ///
    /// # Errors
    /// When it is not a query, with what Prometheus says.
    pub fn query(&self, query: &str) -> Result<Vec<Value>> {
        let mut promtool = Command::new(&self.promtool);
        promtool
            .args(["query", "--format=json", "instant"])
            .arg(format!("http://{}", self.port.address()))
            .arg(query);
        let answer = command::output(&mut promtool)?;
        serde_json::from_str(&answer).context(|| format!("reading the answer to {query}"))
    }

    fn wait_until_open(&mut self) -> Result<()> {
        let opened = wait_for("Prometheus to open its port", PATIENCE, || {
            let looking = || "looking after Prometheus".to_owned();
            if let Some(status) = self.supervisor.try_wait().context(looking)? {
                return Err(Error::new(format!("Prometheus ended with {status}")));
            }
            Ok(match TcpStream::connect(self.port.address()) {
                Ok(_) => Seen::Done(()),
                Err(error) => Seen::NotYet(error.to_string()),
            })
        });
        let log = fs::read_to_string(log_in(self.folder.path())).unwrap_or_default();
        opened.map_err(|error| Error::new(format!("{error}\n{}", command::tail(&log))))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!("waiting for the end of Prometheus: {error}");
        }
    }
}

fn spawn(program: &Path, folder: &Path, port: u16) -> Result<Child> {
    let log = File::create(log_in(folder)).context(|| "making Prometheus' log".to_owned())?;
    let copy = log
        .try_clone()
        .context(|| "sharing Prometheus' log".to_owned())?;
    Command::new("python3")
        .args(["-c", SUPERVISOR])
        .arg(program)
        .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(copy)
        .spawn()
        .context(|| "starting Prometheus' supervisor (python3)".to_owned())
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("log")
}
