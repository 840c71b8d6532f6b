//! A real Spark Connect server in a process of its own, on free loopback ports. Does I/O.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::SparkHome;
use crate::command;
use crate::error::{Context, Error, Result};
use crate::ports::Port;

const SUPERVISOR: &str = include_str!("supervise.py");

/// How long a server may take to open its ports; it takes 5 to 10 s on two idle cores.
const START_LIMIT: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a server is started.
#[derive(Clone, Default)]
pub struct Options {
    /// The token that it demands; none if absent.
    pub token: Option<String>,
    /// Spark settings beside the fixture's own, which they override.
    pub conf: BTreeMap<String, String>,
}

struct Ports {
    grpc: Port,
    ui: Port,
}

/// A running Spark Connect server with local executors (`local[2]`); ended on drop, and when the test process ends.
pub struct SparkServer {
    home: SparkHome,
    options: Options,
    ports: Ports,
    folder: tempfile::TempDir,
    supervisor: Child,
}

impl SparkServer {
    /// Starts a server of Spark `version` and waits until its gRPC and UI ports accept connections.
    ///
    /// # Errors
    /// When the Spark home cannot be made, Java is missing, or the server ends early or does not open its ports in
    /// three minutes: with the end of its log.
    pub fn start(version: &str, options: Options) -> Result<Self> {
        let home = SparkHome::ensure(version)?;
        let ports = Ports {
            grpc: Port::claim()?,
            ui: Port::claim()?,
        };
        let folder = tempfile::tempdir().context(|| "making the server's folder".to_owned())?;
        let supervisor = spawn(&home, folder.path(), &options, &ports)?;
        let mut server = Self {
            home,
            options,
            ports,
            folder,
            supervisor,
        };
        server.wait_until_open()?;
        Ok(server)
    }

    /// Ends the process and starts another on the same ports: a new application that knows no session.
    ///
    /// # Errors
    /// As [`SparkServer::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        self.supervisor = spawn(&self.home, self.folder.path(), &self.options, &self.ports)?;
        self.wait_until_open()
    }

    /// Port of Spark Connect on 127.0.0.1.
    pub fn grpc_port(&self) -> u16 {
        self.ports.grpc.number()
    }

    /// Port of the UI and its REST API on 127.0.0.1.
    pub fn ui_port(&self) -> u16 {
        self.ports.ui.number()
    }

    /// The token that the server demands.
    pub fn token(&self) -> Option<&str> {
        self.options.token.as_deref()
    }

    /// A folder that lives as long as the server, which may write to it: for tables and files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The home that the server runs from.
    pub fn home(&self) -> &SparkHome {
        &self.home
    }

    /// The server's URL for a PySpark program; it holds the token.
    pub fn url(&self, user: &str, session_id: &str) -> String {
        let encode = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    byte if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) => {
                        char::from(byte).to_string()
                    }
                    byte => format!("%{byte:02X}"),
                })
                .collect()
        };
        let mut url = format!(
            "sc://{}/;user_id={}",
            self.ports.grpc.address(),
            encode(user)
        );
        write!(url, ";session_id={session_id}").expect("writing to a string succeeds");
        if let Some(token) = self.token() {
            write!(url, ";authorization=Bearer%20{}", encode(token)).expect("as above");
        }
        url
    }

    /// A Python of the server's own version that finds the server in `SPARK_REMOTE`.
    pub fn python(&self, user: &str, session_id: &str) -> Command {
        let mut command = self.home.python();
        command.env("SPARK_REMOTE", self.url(user, session_id));
        command
    }

    fn log(&self) -> PathBuf {
        log_in(self.folder.path())
    }

    fn wait_until_open(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            let closed: Vec<SocketAddr> = [&self.ports.grpc, &self.ports.ui]
                .map(Port::address)
                .into_iter()
                .filter(|address| TcpStream::connect(address).is_err())
                .collect();
            if closed.is_empty() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                return Err(self.failure(&format!("ended with {status}")));
            }
            if began.elapsed() > START_LIMIT {
                return Err(self.failure(&format!("has not opened {closed:?}")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn failure(&self, what: &str) -> Error {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        Error::new(format!(
            "Spark {} {what}:\n{}",
            self.home.version(),
            command::tail(&log)
        ))
        .hint("needs Java 17 or newer on the PATH, and python3")
    }

    /// Closes the supervisor's standard input, which makes it end the server, and waits for that.
    fn end(&mut self) {
        drop(self.supervisor.stdin.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!(
                "waiting for the end of Spark {}: {error}",
                self.home.version()
            );
        }
    }
}

impl Drop for SparkServer {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(home: &SparkHome, folder: &Path, options: &Options, ports: &Ports) -> Result<Child> {
    let properties = folder.join("server.properties");
    fs::write(&properties, properties_text(folder, options, ports))
        .context(|| format!("writing {}", properties.display()))?;
    let log = File::create(log_in(folder)).context(|| "making the server's log".to_owned())?;
    let copy = log
        .try_clone()
        .context(|| "sharing the server's log".to_owned())?;
    let mut command = Command::new("python3");
    home.environment(&mut command);
    command
        .args(["-c", SUPERVISOR])
        .arg(home.spark_submit())
        .args([
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
        ])
        .arg("--properties-file")
        .arg(&properties);
    if let Some(jar) = home.connect_jar()? {
        command.arg("--jars").arg(jar);
    }
    command
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(copy);
    command
        .spawn()
        .context(|| "starting the server's supervisor (python3)".to_owned())
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

fn properties_text(folder: &Path, options: &Options, ports: &Ports) -> String {
    let mut settings = BTreeMap::from([
        ("spark.master", "local[2]".to_owned()),
        ("spark.app.name", "test".to_owned()),
        ("spark.driver.memory", "700m".to_owned()),
        (
            "spark.driver.extraJavaOptions",
            "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC".to_owned(),
        ),
        ("spark.driver.host", "127.0.0.1".to_owned()),
        ("spark.driver.bindAddress", "127.0.0.1".to_owned()),
        ("spark.port.maxRetries", "0".to_owned()),
        ("spark.ui.port", ports.ui.number().to_string()),
        (
            "spark.connect.grpc.binding.port",
            ports.grpc.number().to_string(),
        ),
        (
            "spark.sql.warehouse.dir",
            folder.join("warehouse").display().to_string(),
        ),
        // Off, Spark 4.1 and newer count the bytes that they read from local files right.
        (
            "spark.hadoop.parquet.hadoop.vectored.io.enabled",
            "false".to_owned(),
        ),
    ]);
    if let Some(token) = &options.token {
        settings.insert("spark.connect.authenticate.token", token.clone());
    }
    settings.extend(
        options
            .conf
            .iter()
            .map(|(key, value)| (key.as_str(), value.clone())),
    );
    settings
        .iter()
        .map(|(key, value)| format!("{key} {value}\n"))
        .collect()
}
