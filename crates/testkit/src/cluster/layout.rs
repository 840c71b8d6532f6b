//! Where the local cluster lives: addresses, names and folders. No I/O but resolving the state folder's real path.
//!
//! All addresses are of 198.18.0.0/15, which is reserved for tests (RFC 2544) and so is no user's network, or of the loopback
//! network, where an address of our own keeps clear of what listens on 127.0.0.1.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache;
use crate::error::{Context, Result};

/// The only node's name.
pub const NODE: &str = "sparkconnect";
/// The node's address; the API server, the kubelet and DNS listen on it.
pub const NODE_ADDRESS: &str = "198.18.0.1";
/// Where the control plane's inner parts listen; pods cannot reach it.
pub(super) const CONTROL_ADDRESS: &str = "127.198.18.1";
/// The first address of the service range: `kubernetes.default.svc`.
pub(super) const API_SERVICE_ADDRESS: &str = "198.18.32.1";
/// Addresses of pods.
pub const POD_RANGE: &str = "198.18.16.0/20";
/// Addresses of services.
pub const SERVICE_RANGE: &str = "198.18.32.0/20";
/// Everything above, which never leaves the machine.
pub(super) const TEST_RANGE: &str = "198.18.0.0/15";
/// The bridge that carries the node's address: not every kernel has dummy devices.
pub(super) const NODE_BRIDGE: &str = "sck-node";
/// The bridge that the pods are on.
pub(super) const POD_BRIDGE: &str = "sck-pods";
/// The control group of all that the cluster runs. Being in it is what makes a process ours.
pub(super) const CGROUP: &str = "/sparkconnect";
/// The image that holds a pod's namespaces; `localhost` as no registry has it.
pub(super) const PAUSE_IMAGE: &str = "localhost/sparkconnect/pause:1";
/// The folder of sockets, records and containerd's mounts: short, because a socket's path has at most 107 bytes.
const RUN: &str = "/run/sparkconnect-cluster";
/// One cluster a machine, whatever the cache's place: the lock is not in the cache.
pub(super) const LOCK: &str = "/run/sparkconnect-cluster.lock";

/// The folders of the cluster.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) state: PathBuf,
    pub(super) run: PathBuf,
}

impl Layout {
    /// The folders for this user's cache; makes the state folder, because mounts are listed by its real path.
    pub(super) fn new() -> Result<Self> {
        let state = cache::root().join("cluster");
        fs::create_dir_all(&state).context(|| format!("making {}", state.display()))?;
        let state = state
            .canonicalize()
            .context(|| format!("resolving {}", state.display()))?;
        Ok(Self {
            state,
            run: PathBuf::from(RUN),
        })
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }

    pub(super) fn pki(&self, name: &str) -> PathBuf {
        self.state.join("pki").join(name)
    }

    pub(super) fn config(&self, name: &str) -> PathBuf {
        self.state.join("config").join(name)
    }

    pub(super) fn log(&self, part: &str) -> PathBuf {
        self.state.join("logs").join(format!("{part}.log"))
    }

    /// The file that says which process a part is.
    pub(super) fn record(&self, part: &str) -> PathBuf {
        self.run.join("records").join(part)
    }

    /// The file that says which state folder the running cluster uses.
    pub(super) fn owner(&self) -> PathBuf {
        self.run.join("state-folder")
    }

    /// The file that says that a start came to its end.
    pub(super) fn started(&self) -> PathBuf {
        self.run.join("started")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.run.join("containerd.sock")
    }

    /// The folders that only a running cluster has; containerd's, with the images, is not one of them.
    pub(super) fn transient(&self) -> impl Iterator<Item = PathBuf> {
        ["etcd", "kubelet", "pki", "config", "pods", "kubeconfig"]
            .into_iter()
            .map(|name| self.state.join(name))
    }

    /// Whether `path` is within one of the folders.
    pub(super) fn owns(&self, path: &Path) -> bool {
        path.starts_with(&self.state) || path.starts_with(&self.run)
    }
}
