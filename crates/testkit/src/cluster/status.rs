//! What of the cluster runs, as data; reads records and asks kubectl.

use std::fmt;
use std::path::PathBuf;

use super::layout::{Layout, NODE};
use super::parts::NAMES;
use super::start;
use crate::command;
use crate::error::Result;
use crate::process::Identity;
use crate::toolchain::{self, Kubernetes};

/// The state of the cluster.
#[derive(Debug)]
pub struct Status {
    /// Each process.
    pub parts: Vec<PartStatus>,
    /// What kubectl says of the node, or why it says nothing.
    pub node: String,
}

/// The state of one process.
#[derive(Debug)]
pub struct PartStatus {
    /// Its name.
    pub name: &'static str,
    /// Its number, while it runs.
    pub pid: Option<i32>,
    /// Its log, which outlives it.
    pub log: PathBuf,
}

impl Status {
    /// Whether every process runs.
    pub fn running(&self) -> bool {
        self.parts.iter().all(|part| part.pid.is_some())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:<8} {:>8}  LOG", "PART", "STATE", "PID")?;
        for part in &self.parts {
            let state = if part.pid.is_some() {
                "running"
            } else {
                "stopped"
            };
            let pid = part
                .pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
            writeln!(
                f,
                "{:<24} {state:<8} {pid:>8}  {}",
                part.name,
                part.log.display()
            )?;
        }
        write!(f, "\n{}", self.node)
    }
}

pub(super) fn status(layout: &Layout) -> Result<Status> {
    let part = |name| PartStatus {
        name,
        pid: Identity::recorded(&layout.record(name))
            .filter(Identity::alive)
            .map(|part| part.pid()),
        log: layout.log(name),
    };
    let mut status = Status {
        parts: NAMES.map(part).into(),
        node: "no node".to_owned(),
    };
    if status.running() {
        status.node = node(layout, &toolchain::kubernetes()?);
    }
    Ok(status)
}

fn node(layout: &Layout, programs: &Kubernetes) -> String {
    let mut get = start::kubectl(layout, programs);
    get.args(["get", "node", NODE, "--output=wide", "--request-timeout=5s"]);
    command::output(&mut get).unwrap_or_else(|error| format!("the node is not to be seen: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_does_not_run_is_shown() {
        let part = |name, pid| PartStatus {
            name,
            pid,
            log: "/logs/x".into(),
        };
        let status = Status {
            parts: vec![part("etcd", Some(7)), part("kubelet", None)],
            node: "no node".to_owned(),
        };
        assert!(!status.running());
        let text = status.to_string();
        assert!(
            text.contains("kubelet                  stopped         -  /logs/x"),
            "{text}"
        );
    }
}
