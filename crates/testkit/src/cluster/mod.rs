//! The local cluster: a real Kubernetes of one node on this machine, from etcd to kube-proxy, with nothing but itself to talk to.
//! One a machine; needs Linux and root.
//!
//! `up` starts it afresh, keeping only the images of an earlier one; `down` leaves nothing of it running, mounted or routed.
//! What a killed `up`, or a machine in which everything was killed, leaves behind is removed by the next `up` or `down`.

mod cgroup;
mod config;
mod firewall;
mod host;
mod images;
mod layout;
mod mounts;
mod network;
mod parts;
mod secrets;
mod start;
mod status;
mod stop;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use images::pack as pack_image;
pub use layout::{NODE, NODE_ADDRESS, POD_RANGE, SERVICE_RANGE};
pub use status::{PartStatus, Status};

use crate::error::{Error, Result};
use crate::process::Identity;
use crate::toolchain::{self, Kubernetes};
use crate::{cache, progress};
use layout::Layout;

/// The local cluster, which may be running or not.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    programs: Kubernetes,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// Starts the cluster, or finds that it runs and answers.
    ///
    /// # Errors
    /// Without root, without a program that cannot be installed, with a port taken, or when a part does not come to work.
    pub fn up() -> Result<Self> {
        host::require_root()?;
        let _lock = lock()?;
        let cluster = Self::of(own_layout()?)?;
        let faults = start::faults(&cluster.layout);
        if faults.is_empty() {
            // Whoever is slow to answer is not restarted: others may be using the cluster.
            let working = start::wait_until_working(&cluster.layout, &cluster.programs);
            return working.map(|()| cluster).map_err(|error| {
                error.hint("`cargo xtask cluster down` ends it; the next `up` starts it afresh")
            });
        }
        let host = host::prepare()?;
        cluster.clear_remains(&faults)?;
        progress::step("Starting Kubernetes", || cluster.start(&host))?;
        Ok(cluster)
    }

    /// The cluster that runs.
    ///
    /// # Errors
    /// When it does not run.
    pub fn running() -> Result<Self> {
        let layout = own_layout()?;
        if start::faults(&layout).is_empty() {
            return Self::of(layout);
        }
        Err(Error::new("the local cluster does not run").hint("`cargo xtask cluster up` starts it"))
    }

    /// The path of the administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl with `args`, as the administrator.
    pub fn kubectl(&self, args: &[&str]) -> Command {
        let mut kubectl = start::kubectl(&self.layout, &self.programs);
        kubectl.args(args);
        kubectl
    }

    /// Imports the images of a docker archive; nothing happens if they are there with the same content.
    ///
    /// # Errors
    /// When it is no docker archive, or containerd refuses it.
    pub fn load_image(&self, archive: &Path) -> Result<()> {
        images::load(&self.layout, archive)
    }

    /// Every process of the cluster, those of pods included.
    ///
    /// # Errors
    /// When the machine has no control groups.
    pub fn processes(&self) -> Result<Vec<Identity>> {
        cgroup::processes()
    }

    fn of(layout: Layout) -> Result<Self> {
        let kubeconfig = layout.kubeconfig();
        Ok(Self {
            layout,
            programs: toolchain::kubernetes()?,
            kubeconfig,
        })
    }

    fn start(&self, host: &host::Host) -> Result<()> {
        start::start(&self.layout, &self.programs, host).inspect_err(|_| {
            // The logs stay. What cannot be removed now, the next `up` tries again and tells about.
            if let Err(error) = stop::clear(&self.layout) {
                progress::note(&format!("removing what was started: {error}"));
            }
        })
    }

    fn clear_remains(&self, faults: &[&str]) -> Result<()> {
        if !stop::anything_left(&self.layout) {
            return Ok(());
        }
        let what = format!(
            "Removing what is left of an earlier cluster (not there: {})",
            faults.join(", ")
        );
        progress::step(&what, || stop::clear(&self.layout))
    }
}

/// What of the cluster runs.
///
/// # Errors
/// When it runs, and kubectl is not there and cannot be built.
pub fn status() -> Result<Status> {
    status::status(&Layout::new()?)
}

/// Installs the programs that a cluster runs, where they are missing.
///
/// # Errors
/// When one is missing and cannot be installed.
pub fn install_tools() -> Result<()> {
    host::prepare().map(drop)
}

/// Ends the cluster and removes its traces. Its images stay for the next start unless `purge` is set, which removes the logs too.
///
/// # Errors
/// Without root, or when something cannot be ended or removed.
pub fn down(purge: bool) -> Result<()> {
    host::require_root()?;
    let _lock = lock()?;
    let layout = own_layout()?;
    if stop::anything_left(&layout) {
        progress::step("Ending the cluster", || stop::clear(&layout))?;
    }
    if purge { stop::purge(&layout) } else { Ok(()) }
}

/// The folders, unless those of another cache have a cluster on this machine.
fn own_layout() -> Result<Layout> {
    let layout = Layout::new()?;
    match stop::foreign_owner(&layout) {
        Some(owner) => Err(stop::refuse_foreign(&owner)),
        None => Ok(layout),
    }
}

/// One `up` or `down` at a time on the machine.
fn lock() -> Result<File> {
    cache::lock(Path::new(layout::LOCK))
}
