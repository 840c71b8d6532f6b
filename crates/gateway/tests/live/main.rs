//! The gateway before real Spark servers, with real PySpark and with a client that speaks as no PySpark would.

mod clients;
mod doors;
mod faults;
mod fields;
mod limits;
mod raw;
mod replica;
mod spoofs;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use raw::{Answered, Raw};
use sparkconnect_gateway::ad_hoc::{AdHoc, AdHocLimits};
use sparkconnect_gateway::certificate::Certificate;
use sparkconnect_gateway::counts::Ledger;
use sparkconnect_gateway::directory::{self, Directory, Name, Replica, Session, State, Suffixes};
use sparkconnect_gateway::identity::Identities;
use sparkconnect_gateway::limiter::Limiter;
use sparkconnect_gateway::listen::{ConnectionLimits, Door};
use sparkconnect_gateway::proxy::{CallLimits, Proxy};
use sparkconnect_gateway::upstream::{Upstreams, Windows};
use sparkconnect_gateway::workers::Workers;
use sparkconnect_testkit::pki::Authority;
use sparkconnect_testkit::spark::{Options, SparkHome, SparkServer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Token of the Spark servers, which no client of the gateway has.
const SERVER_TOKEN: &str = "the-servers-own";
const WINDOWS: Windows = Windows {
    stream: 1 << 20,
    connection: 4 << 20,
    frame: 64 << 10,
};

/// The server of a version, started once. Never dropped: it ends with this process.
fn spark(version: &'static str) -> &'static SparkServer {
    static SERVERS: OnceLock<std::sync::Mutex<BTreeMap<&str, &'static SparkServer>>> =
        OnceLock::new();
    let mut servers = SERVERS.get_or_init(Default::default).lock().unwrap();
    servers.entry(version).or_insert_with(|| {
        // Slots for the long queries of every test that shares it.
        let conf = [("spark.master".to_owned(), "local[8]".to_owned())];
        let options = Options {
            token: Some(SERVER_TOKEN.to_owned()),
            conf: BTreeMap::from(conf),
        };
        Box::leak(Box::new(
            SparkServer::start(version, options).expect("a Spark server"),
        ))
    })
}

/// Bounds as generous as no test reaches them by accident.
fn connection_limits() -> ConnectionLimits {
    ConnectionLimits {
        all: 1000,
        per_address: 1000,
        streams: 100,
        handshake: Duration::from_secs(10),
        idle: Duration::from_secs(300),
        age: Duration::from_secs(3600),
        grace: Duration::from_secs(30),
        ping_after: Duration::from_secs(30),
        ping_timeout: Duration::from_secs(20),
        windows: WINDOWS,
    }
}

const AD_HOC: AdHocLimits = AdHocLimits {
    per_user: 10,
    waiting: 10,
    ready: Duration::from_secs(10),
};

/// No API server: whoever has no session's token is not known.
fn nobody() -> kube::Client {
    let nowhere = "http://127.0.0.1:1".parse().expect("a URL");
    kube::Client::try_from(kube::Config::new(nowhere)).expect("a client")
}

fn call_limits() -> CallLimits {
    CallLimits {
        message: 128 << 20,
        beginning: 64 << 10,
        first_message: Duration::from_secs(10),
    }
}

/// What a gateway does with calls: nothing of it is known to the one that comes after it but the resources, and here the counts.
fn proxy(
    directory: &Arc<Directory>,
    ledger: &Ledger,
    limits: CallLimits,
    per_user: usize,
) -> Proxy {
    Proxy {
        identities: Identities::new(Arc::clone(directory), nobody(), "x".to_owned(), None),
        ad_hoc: AdHoc::new(Arc::clone(directory), nobody(), AD_HOC),
        domain: None,
        ledger: ledger.clone(),
        users: Limiter::new(per_user),
        limits,
        metrics: Arc::default(),
        access_log: false,
    }
}

/// Two threads, so that what connections share is shared across them.
fn workers() -> Workers {
    let upstreams = || Upstreams::new(WINDOWS, Duration::from_secs(2), Arc::default());
    Workers::start(NonZeroUsize::new(2).unwrap(), upstreams).expect("threads")
}

/// A gateway of a test's own, in this process.
struct Gateway {
    address: SocketAddr,
    directory: Arc<Directory>,
    ledger: Ledger,
    tls: TlsAcceptor,
    stop: CancellationToken,
    authority: Authority,
    folder: TempDir,
    _end: DropGuard,
}

/// A session as its client knows it.
#[derive(Clone)]
struct Client {
    name: Name,
    id: String,
    token: String,
}

impl Gateway {
    async fn start() -> Self {
        Self::with(connection_limits(), call_limits(), 1000).await
    }

    async fn with(connections: ConnectionLimits, calls: CallLimits, per_user: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new("gateway").expect("an authority");
        renew(&authority, &folder);
        std::fs::write(folder.path().join("ca.crt"), authority.certificate()).expect("a file");
        let certificate = Arc::new(Certificate::read(folder.path()).expect("a certificate"));
        let tls = TlsAcceptor::from(Arc::new(certificate.config().expect("TLS")));
        let (directory, ledger) = (Arc::new(Directory::default()), Ledger::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let door = Door {
            proxy: Arc::new(proxy(&directory, &ledger, calls, per_user)),
            tls: tls.clone(),
            limits: connections,
        };
        tokio::spawn(door.serve(listener, workers(), stop.clone()));
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { certificate.follow().await }),
        );
        let _end = stop.clone().drop_guard();
        Self {
            address,
            directory,
            ledger,
            tls,
            stop,
            authority,
            folder,
            _end,
        }
    }

    /// Tells the gateway to end, and starts another one in its place, as a rollout does.
    async fn replace(&self) -> DropGuard {
        self.stop.cancel();
        let began = tokio::time::Instant::now();
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) => assert!(began.elapsed() < Duration::from_secs(10), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let door = Door {
            proxy: Arc::new(proxy(&self.directory, &self.ledger, call_limits(), 1000)),
            tls: self.tls.clone(),
            limits: connection_limits(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(door.serve(listener, workers(), stop.clone()));
        stop.drop_guard()
    }

    /// A connection of a client that speaks as no PySpark would.
    async fn raw(&self) -> Raw {
        self.try_raw().await.expect("a connection")
    }

    async fn try_raw(&self) -> Result<Raw, Box<dyn std::error::Error>> {
        Raw::connect(self.address, self.authority.certificate()).await
    }

    /// A session on a Spark server, of a user who is known by it.
    fn session(&self, user: &str, server: &SparkServer) -> Client {
        let port = server.grpc_port();
        self.session_at(user, &format!("127.0.0.1:{port}"), None)
    }

    fn session_at(&self, user: &str, address: &str, observed: Option<String>) -> Client {
        let id = uuid::Uuid::new_v4().to_string();
        let client = Client {
            name: Name::new("ns", format!("{user}-{id}")),
            token: format!("token-of-{id}"),
            id,
        };
        self.place(&client, user, address, observed);
        client
    }

    /// Has the session live at `address`.
    fn move_to(&self, client: &Client, user: &str, address: &str) {
        self.place(client, user, address, None);
    }

    fn place(&self, client: &Client, user: &str, address: &str, observed: Option<String>) {
        let replica = Replica {
            name: "demo-0".to_owned(),
            uid: "r0".to_owned(),
            address: address.parse().expect("host and port"),
            authorization: HeaderValue::from_str(&format!("Bearer {SERVER_TOKEN}")).unwrap(),
            observed,
        };
        self.put(client, user, State::Ready(replica));
    }

    fn put(&self, client: &Client, user: &str, state: State) {
        self.directory.put(Session {
            name: client.name.clone(),
            uid: client.id.clone(),
            server: "demo".to_owned(),
            id: client.id.clone(),
            user: user.to_owned(),
            token_hash: Some(directory::hash(&client.token)),
            ad_hoc: false,
            cloned_from: None,
            state,
            suffixes: Suffixes::default(),
        });
    }

    /// Plain PySpark of a version, which finds the session in `SPARK_REMOTE`.
    fn python(&self, version: &str, client: &Client) -> Command {
        let mut python = SparkHome::ensure(version).expect("a PySpark").python();
        let (address, Client { token, id, .. }) = (self.address, client);
        python.env(
            "SPARK_REMOTE",
            format!("sc://{address}/;token={token};session_id={id}"),
        );
        python.env(
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
            self.folder.path().join("ca.crt"),
        );
        python
    }
}

impl Raw {
    /// A call with this token and these frames.
    pub(crate) async fn call(&mut self, method: &str, token: &str, frames: &[&[u8]]) -> Answered {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("content-type", "application/grpc"),
            ("authorization", &authorization),
        ];
        self.send(method, &headers, frames).await
    }
}

/// A new certificate of the authority for the gateway.
fn renew(authority: &Authority, folder: &TempDir) {
    let credentials = authority.server("gateway", &[], &["127.0.0.1"]);
    credentials
        .and_then(|new| new.write(folder.path(), "tls"))
        .expect("a certificate");
}

/// The program `tests/<name>`.
fn program(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(name)
}

/// Longest time for a program.
const PATIENCE: Duration = Duration::from_secs(240);

/// Runs a command to its end, and returns what it printed.
async fn run(command: Command) -> Result<String, String> {
    let mut command = tokio::process::Command::from(command);
    let ended = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output());
    let Ok(output) = ended.await else {
        return Err(format!("no end within {} s", PATIENCE.as_secs()));
    };
    let output = output.expect("Python is there");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!(
            "{}\n{}",
            text(&output.stdout),
            text(&output.stderr)
        ))
    }
}
