//! Where a run takes place: a loopback address of its own, a folder, a certificate, and the cores. Writes files, sets this
//! thread's cores.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use sparkconnect_api::address::CONNECT_PORT;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::{Error, Result};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use crate::tls;

/// The core of the proxy.
pub const PROXY_CORE: usize = 0;
/// The core of the load and the backend.
pub const LOAD_CORE: usize = 1;

/// Open files that a run needs: two for each idle connection, in the worst of proxies.
const FILES: u64 = 8192;

/// Where a run takes place.
pub struct Place {
    folder: TempDir,
    address: Ipv4Addr,
    connector: TlsConnector,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("folder", &self.folder)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Place {
    /// A new one.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sparkconnect-bench-")
            .tempdir()
            .context(|| "making a temporary folder".to_owned())?;
        // 127.32.0.0 to 127.63.255.255: clear of 127.0.0.1, of the API server's and of the cluster's addresses.
        let [a, b, c, ..] = *uuid::Uuid::new_v4().as_bytes();
        let address = Ipv4Addr::new(127, 32 + (a & 31), b, c.clamp(1, 254));
        let connector = tls::issue(folder.path(), &address.to_string())?;
        Ok(Self {
            folder,
            address,
            connector,
        })
    }

    /// Its folder, with `tls.crt`, `tls.key` and `both.pem`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What trusts its certificate.
    pub fn connector(&self) -> TlsConnector {
        self.connector.clone()
    }

    /// Where a proxy listens without TLS.
    pub fn plain(&self) -> SocketAddr {
        (self.address, 8080).into()
    }

    /// Where a proxy listens with TLS.
    pub fn tls(&self) -> SocketAddr {
        (self.address, 8443).into()
    }

    /// Where the gateway tells of its health.
    pub fn health(&self) -> SocketAddr {
        (self.address, 8081).into()
    }

    /// Where the backend listens: on the port of Spark Connect, which the gateway calls.
    pub fn backend(&self) -> SocketAddr {
        (self.address, CONNECT_PORT).into()
    }
}

/// Does `work` with this thread on `core` alone, which processes that it starts inherit; this thread goes back then.
///
/// # Errors
/// When there is no such core, or `work` fails.
pub fn on_core<T>(core: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = sched_getaffinity(None).context(|| "asking for the cores".to_owned())?;
    stay_on(core)?;
    let done = work();
    sched_setaffinity(None, &before).context(|| "going back to the other cores".to_owned())?;
    done
}

/// Keeps this thread, and what it starts from now on, on `core`.
///
/// # Errors
/// When there is no such core.
pub fn stay_on(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|error| {
        Error::new(format!("core {core} cannot be used: {error}"))
            .hint("the benchmark needs cores 0 and 1: one for the proxy, one for the load")
    })
}

/// Lets this process and those that it starts open as many files as a run needs.
///
/// # Errors
/// When the system's limit is lower.
pub fn raise_files() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= FILES) {
        return Ok(());
    }
    limit.current = Some(FILES);
    setrlimit(Resource::Nofile, limit).map_err(|error| {
        Error::new(format!("{FILES} files cannot be opened at a time: {error}"))
            .hint("raise the hard limit: `ulimit -Hn 8192`")
    })
}
