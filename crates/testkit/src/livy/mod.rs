//! A real Livy server in a process of its own, on a free loopback port, with a real Spark beneath it. Does I/O: runs Maven, Python and Java.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::ports::Port;
use crate::process::{Seen, wait_for};
use crate::spark::SparkHome;
use crate::{command, maven};

const SUPERVISOR: &str = include_str!("../spark/supervise.py");
const DEPENDENCIES: &str = include_str!("pom.xml");
/// The jar of Livy itself among the others.
const SERVER: &str = "livy-server-0.7.1-incubating.jar";
/// How long a server may take to open its port; it takes 5 s on two idle cores.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running Livy 0.7.1 that submits to `local[1]` and demands `X-Requested-By`; ended on drop, and when the test process ends, with all
/// that it has started.
#[derive(Debug)]
pub struct Livy {
    port: Port,
    folder: tempfile::TempDir,
    supervisor: Child,
}

impl Livy {
    /// Starts one with Spark `version`, and waits until its port accepts connections.
    ///
    /// # Errors
    /// When Livy or Spark cannot be had, Java is missing, or the server ends early or does not open its port in three minutes: with the end
    /// of its log.
    pub fn start(version: &str) -> Result<Self> {
        let (jars, home) = (jars()?, SparkHome::ensure(version)?);
        let port = Port::claim()?;
        let folder = tempfile::tempdir().context(|| "making Livy's folder".to_owned())?;
        lay_out(folder.path(), port.number())?;
        let supervisor = spawn(&jars, &home, folder.path())?;
        let mut livy = Self {
            port,
            folder,
            supervisor,
        };
        livy.wait_until_open()?;
        Ok(livy)
    }

    /// Port of its API on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The folder that its batches' files may be in.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    fn wait_until_open(&mut self) -> Result<()> {
        let opened = wait_for("Livy to open its port", PATIENCE, || {
            let looking = || "looking after Livy".to_owned();
            if let Some(status) = self.supervisor.try_wait().context(looking)? {
                return Err(Error::new(format!("Livy ended with {status}")));
            }
            Ok(match TcpStream::connect(self.port.address()) {
                Ok(_) => Seen::Done(()),
                Err(error) => Seen::NotYet(error.to_string()),
            })
        });
        let log = fs::read_to_string(log_in(self.folder.path())).unwrap_or_default();
        opened.map_err(|error| {
            Error::new(format!("{error}\n{}", command::tail(&log)))
                .hint("needs Java 17 on the PATH, and python3")
        })
    }
}

impl Drop for Livy {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!("waiting for the end of Livy: {error}");
        }
    }
}

/// Livy and all that it needs, 73 MB.
fn jars() -> Result<PathBuf> {
    maven::jars("livy", DEPENDENCIES, SERVER)
}

fn lay_out(folder: &Path, port: u16) -> Result<()> {
    for name in ["logs", "conf", "files"] {
        let made = folder.join(name);
        fs::create_dir(&made).context(|| format!("making {}", made.display()))?;
    }
    let settings = [
        ("server.host", "127.0.0.1".to_owned()),
        ("server.port", port.to_string()),
        ("server.csrf-protection.enabled", "true".to_owned()),
        ("spark.master", "local[1]".to_owned()),
        ("spark.deploy-mode", "client".to_owned()),
        (
            "file.local-dir-whitelist",
            format!("{}/", folder.join("files").display()),
        ),
        ("ui.enabled", "false".to_owned()),
    ];
    let lines = settings.map(|(name, value)| format!("livy.{name} = {value}\n"));
    write(&folder.join("conf/livy.conf"), &lines.concat())
}

fn spawn(jars: &Path, home: &SparkHome, folder: &Path) -> Result<Child> {
    let log = File::create(log_in(folder)).context(|| "making Livy's log".to_owned())?;
    let copy = log
        .try_clone()
        .context(|| "sharing Livy's log".to_owned())?;
    let conf = folder.join("conf");
    let mut command = home.python();
    command
        .args(["-c", SUPERVISOR, "java", "-Xmx512m", "-cp"])
        .arg(format!("{}/*:{}", jars.display(), conf.display()))
        .arg("org.apache.livy.server.LivyServer")
        .env("LIVY_HOME", folder)
        .env("LIVY_CONF_DIR", &conf)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(copy);
    command
        .spawn()
        .context(|| "starting Livy's supervisor (python3)".to_owned())
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("logs/server.log")
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).context(|| format!("writing {}", path.display()))
}
