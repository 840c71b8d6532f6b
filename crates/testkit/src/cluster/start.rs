//! Starts the cluster on a machine that has nothing of it, and tells whether it works.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::host::Host;
use super::layout::{Layout, NODE};
use super::parts::{self, Part};
use super::{cgroup, config, firewall, host, images, network, secrets};
use crate::command;
use crate::error::{Context, Error, Result};
use crate::process::{Detached, Identity, Seen, wait_for};
use crate::toolchain::Kubernetes;

/// How long a part may take to do its work: many times what it takes on a small machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts everything and waits until the node is ready and the cluster's services answer.
pub(super) fn start(layout: &Layout, programs: &Kubernetes, host: &Host) -> Result<()> {
    make_folders(layout)?;
    let members = cgroup::make()?;
    network::make(layout)?;
    firewall::open()?;
    secrets::write(layout)?;
    config::write(layout, &host.cni_programs)?;
    let first = parts::first(layout, programs, host.containerd.clone());
    let second = parts::second(layout, programs);
    host::require_ports(&first)?;
    host::require_ports(&second)?;
    first
        .iter()
        .try_for_each(|part| launch(layout, part, &members))?;
    wait_for_containerd(layout)?;
    images::load_pause(layout, programs)?;
    wait_for_api_server(layout, programs)?;
    second
        .iter()
        .try_for_each(|part| launch(layout, part, &members))?;
    let addons = layout.config("addons.yaml");
    command::output(
        kubectl(layout, programs)
            .arg("create")
            .arg("-f")
            .arg(addons),
    )?;
    wait_until_working(layout, programs)?;
    let started = layout.started();
    fs::write(&started, "").context(|| format!("writing {}", started.display()))
}

/// Waits until the parts, all of which are running, do their work.
pub(super) fn wait_until_working(layout: &Layout, programs: &Kubernetes) -> Result<()> {
    wait_for_containerd(layout)?;
    for part in parts::second(layout, programs)
        .iter()
        .filter(|part| part.health.is_some())
    {
        wait_for_health(layout, part)?;
    }
    wait_for_object(layout, programs, "create", &format!("node/{NODE}"))?;
    wait_for_object(layout, programs, "condition=Ready", &format!("node/{NODE}"))?;
    // Without it no pod is admitted to the namespace.
    wait_for_object(layout, programs, "create", "serviceaccount/default")
}

/// kubectl for this cluster, with a cache that ends with it.
pub(super) fn kubectl(layout: &Layout, programs: &Kubernetes) -> Command {
    let mut kubectl = Command::new(programs.kubectl());
    kubectl.env("KUBECONFIG", layout.kubeconfig());
    kubectl.env("KUBECACHEDIR", layout.config("kubectl-cache"));
    kubectl
}

/// What keeps the cluster from being one that was started whole and runs.
pub(super) fn faults(layout: &Layout) -> Vec<&'static str> {
    let missing = missing(layout);
    if missing.is_empty() && !layout.started().exists() {
        vec!["its start was interrupted"]
    } else {
        missing
    }
}

/// The parts that are not running.
fn missing(layout: &Layout) -> Vec<&'static str> {
    let runs =
        |name: &&str| Identity::recorded(&layout.record(name)).is_some_and(|part| part.alive());
    parts::NAMES
        .into_iter()
        .filter(|name| !runs(name))
        .collect()
}

fn make_folders(layout: &Layout) -> Result<()> {
    for folder in [layout.run.join("records"), layout.state.join("logs")] {
        fs::create_dir_all(&folder).context(|| format!("making {}", folder.display()))?;
    }
    let owner = layout.owner();
    let state = layout.state.display().to_string();
    fs::write(&owner, state).context(|| format!("writing {}", owner.display()))
}

fn launch(layout: &Layout, part: &Part, members: &Path) -> Result<()> {
    let detached = Detached {
        program: &part.program,
        args: &part.args,
        env: &[],
        log: layout.log(part.name),
        record: layout.record(part.name),
        join: vec![members.to_owned()],
    };
    detached.start()
}

fn wait_for_containerd(layout: &Layout) -> Result<()> {
    wait_for("containerd to answer", PATIENCE, || {
        require_running(layout, parts::CONTAINERD)?;
        Ok(seen(command::output(images::ctr(layout).arg("version"))))
    })
}

fn wait_for_api_server(layout: &Layout, programs: &Kubernetes) -> Result<()> {
    wait_for("the API server to be ready", PATIENCE, || {
        require_running(layout, parts::ETCD)?;
        require_running(layout, parts::API_SERVER)?;
        if TcpStream::connect((super::layout::NODE_ADDRESS, parts::API_PORT)).is_err() {
            return Ok(Seen::NotYet("it does not listen".to_owned()));
        }
        Ok(seen(command::output(
            kubectl(layout, programs).args(["get", "--raw", "/readyz"]),
        )))
    })
}

fn wait_for_health(layout: &Layout, part: &Part) -> Result<()> {
    let Some((address, port, path)) = part.health else {
        return Ok(());
    };
    wait_for(&format!("{} to do its work", part.name), PATIENCE, || {
        require_running(layout, part.name)?;
        Ok(seen(get(address, port, path)))
    })
}

fn wait_for_object(
    layout: &Layout,
    programs: &Kubernetes,
    event: &str,
    object: &str,
) -> Result<()> {
    let timeout = format!("--timeout={}s", PATIENCE.as_secs());
    let wait = ["wait", &format!("--for={event}"), object, &timeout];
    command::output(kubectl(layout, programs).args(wait))
        .map(drop)
        .map_err(|error| {
            let hint = format!("the logs are in {}", layout.state.join("logs").display());
            Error::new(format!("{object} did not come about: {error}")).hint(hint)
        })
}

fn seen(result: Result<String>) -> Seen<()> {
    match result {
        Ok(_) => Seen::Done(()),
        Err(error) => Seen::NotYet(error.to_string()),
    }
}

/// Ends a wait early when the part it is for has ended. A part that was just started may not have its record yet.
fn require_running(layout: &Layout, name: &str) -> Result<()> {
    match Identity::recorded(&layout.record(name)) {
        Some(part) if !part.alive() => Err(ended(layout, name)),
        _ => Ok(()),
    }
}

fn ended(layout: &Layout, name: &str) -> Error {
    let log = layout.log(name);
    let text = fs::read_to_string(&log).unwrap_or_default();
    Error::new(format!("{name} has ended:\n{}", command::tail(&text)))
        .hint(format!("the whole log is {}", log.display()))
}

/// A plain HTTP GET that must be answered with 200; gives the head of the answer.
fn get(address: &str, port: u16, path: &str) -> Result<String> {
    let subject = || format!("http://{address}:{port}{path}");
    let limit = Duration::from_secs(5);
    let ask = || {
        let place = (address, port)
            .to_socket_addrs()?
            .next()
            .ok_or(std::io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&place, limit)?;
        stream.set_read_timeout(Some(limit))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = ask().context(subject)?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(answer);
    }
    Err(Error::new(format!("{} answers {status}", subject())))
}
