//! One proxy: what starts it, and its life as a process. Starts and ends processes, writes a log.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::{Error, Result, command};

use crate::client::{Connection, Target};
use crate::frames::Method;
use crate::usage::Tree;

/// Longest wait for a proxy to pass on its first call.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two tries.
const PACE: Duration = Duration::from_millis(20);

/// A proxy that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Name {
    /// This project's gateway, with everything on.
    Ours,
    /// Nothing but hyper.
    Floor,
    /// Envoy.
    Envoy,
    /// HAProxy.
    Haproxy,
    /// nginx.
    Nginx,
    /// nghttpx.
    Nghttpx,
}

/// What starts a proxy.
#[derive(Debug)]
pub struct Proxy {
    /// Which one it is.
    pub name: Name,
    /// What it calls itself, with its version.
    pub label: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// What is added to its environment.
    pub env: Vec<(&'static str, String)>,
    /// Whether it speaks HTTP/2 without TLS too.
    pub plain: bool,
    /// File that gets what it prints.
    pub log: PathBuf,
}

impl Proxy {
    /// Starts it, on the cores of this thread.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn start(&self) -> Result<Running> {
        let log = File::create(&self.log);
        let log = log.context(|| format!("making {}", self.log.display()))?;
        let copy = log.try_clone().context(|| "opening a log".to_owned())?;
        // Ended by the kernel when this program is killed.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy);
        let child = command.spawn();
        let child = child.context(|| "starting setpriv, of Debian's util-linux".to_owned())?;
        Ok(Running {
            label: self.label.clone(),
            log: self.log.clone(),
            child,
        })
    }
}

/// A proxy that runs; it ends with this value.
#[derive(Debug)]
pub struct Running {
    label: String,
    log: PathBuf,
    child: Child,
}

impl Running {
    /// Waits until it passes on a call.
    ///
    /// # Errors
    /// When it ends, or does not in time: with what came back last, and the end of its log.
    pub async fn ready(&mut self, target: &Target) -> Result<()> {
        let began = Instant::now();
        loop {
            let last = match first_call(target).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let ended = self.child.try_wait();
            let ended = ended.context(|| "looking at a process".to_owned())?;
            if ended.is_some() || began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let state =
                    ended.map_or("runs".to_owned(), |status| format!("ended with {status}"));
                return Err(Error::new(format!(
                    "{} passes no call on; it {state}; last seen: {last}\n{}",
                    self.label,
                    command::tail(&log)
                )));
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Its processes at this moment.
    pub fn tree(&self) -> Tree {
        Tree::of(i32::try_from(self.child.id()).expect("a process's number fits"))
    }
}

async fn first_call(target: &Target) -> Result<()> {
    let trying = async { Connection::open(target).await?.call(Method::Config).await };
    match tokio::time::timeout(PATIENCE, trying).await {
        Ok(done) => done,
        Err(_) => Err(Error::new("a call without an end")),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killed, as there is nothing to keep; the first one first, or it would start others in the place of those that end.
        if let Err(error) = self.tree().kill() {
            eprintln!("{}: {error}", self.label);
        }
        let _ = self.child.wait();
    }
}
