//! A real API server for tests, etcd included: on a loopback address of its own, without root, ready in a few seconds, as many
//! side by side as memory allows (about 400 MB each). Starts processes; a guard ends them and removes their folder when this
//! value is dropped, and also when the test's process is killed.
//!
//! There is no controller manager: namespaces get no default service account, deleted namespaces stay `Terminating`, and
//! owners' deletion does not reach what they own. The ServiceAccount admission plug-in is off, as it would refuse every pod for
//! want of that account; everything else is as in a cluster, RBAC and TokenRequest included. Nothing runs the pods.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::pki::{self, Authority};
use crate::process::{Identity, Seen, wait_for};
use crate::toolchain::{self, Kubernetes};
use crate::{cache, command};

/// Many times what a start takes on a small machine with others beside it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running API server.
#[derive(Debug)]
pub struct ApiServer {
    programs: Kubernetes,
    authority: Authority,
    url: String,
    folder: PathBuf,
    kubeconfig: PathBuf,
    users: AtomicUsize,
    guard: Child,
}

impl ApiServer {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// When its programs cannot be built or started, or it ends or is not ready in time: with the end of its log.
    pub fn start() -> Result<Self> {
        let programs = toolchain::kubernetes()?;
        let folder = tempfile::Builder::new()
            .prefix("sparkconnect-apiserver-")
            .tempdir();
        let folder = folder.context(|| "making a temporary folder".to_owned())?;
        let ports = Ports::choose(folder.path())?;
        let authority = prepare(folder.path(), &ports)?;
        let guard = spawn(&programs, folder.path(), &ports)?;
        let server = Self {
            programs,
            authority,
            url: ports.url(),
            kubeconfig: folder.path().join("kubeconfig"),
            folder: folder.keep(), // From here on the guard removes it.
            users: AtomicUsize::new(0),
            guard,
        };
        server.write_kubeconfig(&server.kubeconfig, "admin", &["system:masters"])?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The server's address, `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A kubeconfig for another user, by a client certificate, to test what RBAC allows them. It lives as long as the server.
    ///
    /// # Errors
    /// With more than two groups.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("user-{number}.kubeconfig"));
        self.write_kubeconfig(&path, user, groups)?;
        Ok(path)
    }

    /// kubectl with `args`, as the administrator; another `KUBECONFIG` in its environment makes it another user's.
    pub fn kubectl(&self, args: &[&str]) -> Command {
        let mut kubectl = Command::new(self.programs.kubectl());
        kubectl
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.folder.join("kubectl"));
        kubectl.args(args);
        kubectl
    }

    /// The folder that holds everything of this server, its logs included; gone with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process that ends the server with this one.
    pub fn guard(&self) -> Option<Identity> {
        Identity::of(i32::try_from(self.guard.id()).expect("a process's number fits"))
    }

    fn write_kubeconfig(&self, path: &Path, user: &str, groups: &[&str]) -> Result<()> {
        let credentials = self.authority.client(user, groups)?;
        let text = pki::kubeconfig(&self.url, self.authority.certificate(), &credentials);
        pki::write_private(path, &text)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let ready = wait_for("the API server to be ready", PATIENCE, || {
            if self.guard().is_none() {
                return Err(Error::new("the API server has ended"));
            }
            Ok(
                match command::output(&mut self.kubectl(&["get", "--raw", "/readyz"])) {
                    Ok(_) => Seen::Done(()),
                    Err(error) => Seen::NotYet(error.to_string()),
                },
            )
        });
        ready.map_err(|error| Error::new(format!("{error}\n{}", logs(&self.folder))))
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let guard = &mut self.guard;
        let ended = wait_for("the API server to end", Duration::from_secs(30), || {
            let status = guard
                .try_wait()
                .context(|| "waiting for the guard".to_owned())?;
            Ok(status.map_or(Seen::NotYet("its guard runs".to_owned()), Seen::Done))
        });
        match ended {
            Ok(status) if status.success() => {}
            Ok(_) => remove(&self.folder), // It had ended by itself, and left its logs to be read.
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Where the server and its etcd listen.
#[derive(Debug)]
struct Ports {
    address: String,
    api: u16,
    etcd: u16,
    peer: u16,
}

impl Ports {
    /// An address that no other fixture has, from the folder's random name, so that a free port stays free.
    fn choose(folder: &Path) -> Result<Self> {
        let address = own_address(folder);
        let listen = || {
            TcpListener::bind((address.as_str(), 0)).context(|| format!("listening on {address}"))
        };
        let listeners = [listen()?, listen()?, listen()?];
        let port = |index: usize| {
            let place = listeners[index].local_addr();
            place
                .map(|place| place.port())
                .context(|| "asking for a port".to_owned())
        };
        let (api, etcd, peer) = (port(0)?, port(1)?, port(2)?);
        Ok(Self {
            address,
            api,
            etcd,
            peer,
        })
    }

    fn url(&self) -> String {
        format!("https://{}:{}", self.address, self.api)
    }

    fn etcd_args(&self, folder: &Path) -> Vec<String> {
        let client = format!("http://{}:{}", self.address, self.etcd);
        let peer = format!("http://{}:{}", self.address, self.peer);
        vec![
            "etcd".to_owned(),
            format!("--data-dir={}", folder.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    fn api_server_args(&self, folder: &Path) -> Vec<String> {
        let file = |name: &str| folder.join(name).display().to_string();
        vec![
            "kube-apiserver".to_owned(),
            format!("--bind-address={}", self.address),
            format!("--secure-port={}", self.api),
            // Only written into an Endpoints object, which must not hold a loopback address.
            "--advertise-address=198.18.0.1".to_owned(),
            format!("--etcd-servers=http://{}:{}", self.address, self.etcd),
            "--service-cluster-ip-range=198.18.32.0/20".to_owned(),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            format!(
                "--service-account-key-file={}",
                file("service-accounts.pub")
            ),
            format!(
                "--service-account-signing-key-file={}",
                file("service-accounts.key")
            ),
            // An issuer that can be asked for its keys where it listens.
            format!("--service-account-issuer={}", self.url()),
            format!("--service-account-jwks-uri={}/openid/v1/jwks", self.url()),
            "--authorization-mode=RBAC".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--profiling=false".to_owned(),
        ]
    }
}

/// 127.64.0.0 to 127.191.255.255, clear of what listens on 127.0.0.1 and of the local cluster.
fn own_address(folder: &Path) -> String {
    let digits = cache::key([folder.as_os_str().as_encoded_bytes()]);
    let number = u64::from_str_radix(&digits, 16).expect("a key is hexadecimal");
    let [first, second, third, ..] = number.to_be_bytes();
    format!(
        "127.{}.{second}.{}",
        64 + (first & 127),
        third.clamp(1, 254)
    )
}

fn prepare(folder: &Path, ports: &Ports) -> Result<Authority> {
    let authority = Authority::new("sparkconnect test API server")?;
    pki::write_private(&folder.join("ca.crt"), authority.certificate())?;
    let names = [
        ports.address.as_str(),
        "localhost",
        "kubernetes.default.svc",
    ];
    authority
        .server("kube-apiserver", &[], &names)?
        .write(folder, "apiserver")?;
    let (public, private) = pki::signing_key()?;
    pki::write_private(&folder.join("service-accounts.pub"), &public)?;
    pki::write_private(&folder.join("service-accounts.key"), &private)?;
    Ok(authority)
}

fn spawn(programs: &Kubernetes, folder: &Path, ports: &Ports) -> Result<Child> {
    let log = folder.join("guard.log");
    let open = || {
        File::options()
            .create(true)
            .append(true)
            .open(&log)
            .context(|| format!("making {}", log.display()))
    };
    let mut guard = Command::new(programs.kube());
    guard
        .arg("guard")
        .arg(folder)
        .args(ports.etcd_args(folder))
        .arg("--")
        .args(ports.api_server_args(folder));
    // In a group of its own: an interrupt at the terminal is for the test, and the guard must live to clear up after it.
    guard
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(open()?)
        .stderr(open()?);
    guard
        .spawn()
        .context(|| format!("starting {}", programs.kube().display()))
}

fn logs(folder: &Path) -> String {
    let read = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
        format!("--- {name}\n{}", command::tail(&text))
    };
    ["guard.log", "etcd.log", "kube-apiserver.log"]
        .map(read)
        .join("\n")
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            eprintln!("removing {}: {error}", folder.display());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_folders_own() {
        let (first, second) = (
            own_address(Path::new("/tmp/a")),
            own_address(Path::new("/tmp/b")),
        );
        assert_ne!(first, second);
        for address in [first, second] {
            let parsed: std::net::Ipv4Addr = address.parse().unwrap();
            assert!(
                parsed.is_loopback() && (64..192).contains(&parsed.octets()[1]),
                "{address}"
            );
        }
    }

    #[test]
    fn the_ports_differ() {
        let ports = Ports::choose(Path::new("/tmp/some-folder")).unwrap();
        assert!(
            ports.api != ports.etcd && ports.etcd != ports.peer && ports.api != ports.peer,
            "{ports:?}"
        );
    }
}
