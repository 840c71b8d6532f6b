//! A program whose queries, failures and artifacts are known, through a gateway, before real servers: the operator has its numbers,
//! and has them still when it is started anew.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use sha2::{Digest, Sha256};
use sparkconnect_api::session::SessionMetrics;
use sparkconnect_gateway::ad_hoc::{AdHoc, AdHocLimits};
use sparkconnect_gateway::certificate::Certificate;
use sparkconnect_gateway::directory::{Directory, Name, Replica, Session, State, Suffixes};
use sparkconnect_gateway::identity::Identities;
use sparkconnect_gateway::limiter::Limiter;
use sparkconnect_gateway::listen::{ConnectionLimits, Door};
use sparkconnect_gateway::proxy::{CallLimits, Proxy};
use sparkconnect_gateway::settings::WINDOWS;
use sparkconnect_gateway::upstream::Upstreams;
use sparkconnect_gateway::workers::Workers;
use sparkconnect_operator::live::{Live, SessionSeen, Target, TrackedSession};
use sparkconnect_operator::metrics::Metrics;
use sparkconnect_operator::pacing::Pacer;
use sparkconnect_operator::watch::Triggers;
use sparkconnect_spark::{SessionRef, Token};
use sparkconnect_telemetry::Registry;
use sparkconnect_testkit::command;
use sparkconnect_testkit::pki::Authority;
use sparkconnect_testkit::spark::{Options, SparkServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::wire::Wire;
use crate::{Gateway, PATIENCE, at, authority, operator};

const TOKEN: &str = "the-servers-own";
const SECOND: Duration = Duration::from_secs(1);

/// No API server: whoever has no session's token is not known.
fn nobody() -> kube::Client {
    let nowhere = "http://127.0.0.1:1".parse().expect("a URL");
    kube::Client::try_from(kube::Config::new(nowhere)).expect("a client")
}

/// Opens the gateway's door to clients; `tls` has its certificate.
async fn open(
    gateway: &Gateway,
    directory: &Arc<Directory>,
    tls: TlsAcceptor,
) -> (SocketAddr, DropGuard) {
    let ad_hoc = AdHocLimits {
        per_user: 1,
        waiting: 1,
        ready: SECOND,
    };
    let proxy = Proxy {
        identities: Identities::new(Arc::clone(directory), nobody(), "x".to_owned(), None),
        ad_hoc: AdHoc::new(Arc::clone(directory), nobody(), ad_hoc),
        domain: None,
        ledger: gateway.ledger.clone(),
        users: Limiter::new(100),
        limits: CallLimits {
            message: 128 << 20,
            beginning: 64 << 10,
            first_message: 10 * SECOND,
        },
        metrics: Arc::default(),
        access_log: false,
    };
    let limits = ConnectionLimits {
        all: 100,
        per_address: 100,
        streams: 100,
        handshake: 10 * SECOND,
        idle: 300 * SECOND,
        age: 3600 * SECOND,
        grace: 10 * SECOND,
        ping_after: 30 * SECOND,
        ping_timeout: 20 * SECOND,
        windows: WINDOWS,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, stop) = (
        listener.local_addr().expect("an address"),
        CancellationToken::new(),
    );
    let door = Door {
        proxy: Arc::new(proxy),
        tls,
        limits,
    };
    let upstreams = || Upstreams::new(WINDOWS, 5 * SECOND, Arc::default());
    let workers = Workers::start(NonZeroUsize::MIN, upstreams).expect("a thread");
    tokio::spawn(door.serve(listener, workers, stop.clone()));
    (address, stop.drop_guard())
}

/// The session as the gateway knows it.
fn known(reference: &SessionRef, spark: &SparkServer) -> Session {
    Session {
        name: Name::new("ns", "known"),
        uid: "uid-of-known".to_owned(),
        server: "demo".to_owned(),
        id: reference.session_id.to_string(),
        user: reference.user.clone(),
        token_hash: Some(Sha256::digest(b"of-the-session").into()),
        ad_hoc: false,
        cloned_from: None,
        state: State::Ready(Replica {
            name: "demo-0".to_owned(),
            uid: "r".to_owned(),
            address: format!("127.0.0.1:{}", spark.grpc_port())
                .parse()
                .expect("host and port"),
            authorization: HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap(),
            observed: None,
        }),
        suffixes: Suffixes::default(),
    }
}

/// One process of the operator, as far as it watches the server at `host`; ends when its guard is dropped.
async fn watching(
    host: &str,
    gateways: sparkconnect_operator::live::Gateways,
) -> (Live, DropGuard) {
    let (servers, _) = unbounded_channel();
    let (sessions, _) = unbounded_channel();
    let stop = CancellationToken::new();
    let live = Live::new(
        Triggers { servers, sessions },
        Pacer::default(),
        Metrics::register(&Registry::new())
            .expect("each once")
            .servers,
        Some(Arc::new(gateways)),
        stop.clone(),
        TaskTracker::new(),
    );
    let target = Target {
        namespace: "ns".to_owned(),
        server: "demo".to_owned(),
        pod: "demo-0".to_owned(),
        uid: "r".to_owned(),
        restarts: 0,
        host: host.to_owned(),
        ui: true,
        executors: false,
        count_reads: true,
    };
    live.sync("ns", "demo", vec![target], &Token::new(TOKEN));
    live.look("r").await;
    (live, stop.drop_guard())
}

fn tracked(
    session: &SessionRef,
    metrics: SessionMetrics,
    cursor: Option<String>,
) -> TrackedSession {
    TrackedSession {
        name: "known".to_owned(),
        uid: "uid-of-known".to_owned(),
        session: session.clone(),
        metrics,
        cursor,
    }
}

/// What is seen of the session once it has this many queries.
async fn until(live: &Live, queries: i64) -> SessionSeen {
    let began = Instant::now();
    loop {
        live.look("r").await;
        let seen = live.session("r", "known").expect("it is watched");
        if seen.metrics.queries_executed == Some(queries) && !seen.running {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The certificate of the authority that the gateway's own is of.
const CA: &str = "ca.crt";

/// A new certificate for a gateway, in `folder`, with that of its authority beside it.
fn tls(folder: &Path) -> TlsAcceptor {
    let clients = Authority::new("clients").expect("an authority");
    let credentials = clients.server("gateway", &[], &["127.0.0.1"]);
    let written = credentials.and_then(|new| new.write(folder, "tls"));
    written.expect("a certificate");
    std::fs::write(folder.join(CA), clients.certificate()).expect("a file");
    let certificate = Arc::new(Certificate::read(folder).expect("a certificate"));
    TlsAcceptor::from(Arc::new(certificate.config().expect("TLS")))
}

/// The program whose numbers are known, by this Python.
async fn known_work(mut python: Command) {
    python.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/counts/known.py"
    ));
    let told = tokio::task::spawn_blocking(move || command::output(&mut python)).await;
    let told = told.unwrap().unwrap_or_else(|error| panic!("{error}"));
    assert!(told.contains("all done"), "{told}");
}

async fn numbers_are_the_programs(version: &'static str) {
    let options = Options {
        token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    let spark = tokio::task::spawn_blocking(move || SparkServer::start(version, options));
    let spark = spark.await.unwrap().expect("a Spark server");
    let wire = Wire::new(None, spark.grpc_port(), spark.ui_port()).await;
    let (ca, directory) = (authority(), Arc::new(Directory::default()));
    let gateway = Gateway::start(&ca).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _door) = open(&gateway, &directory, tls(folder.path())).await;

    let (gateways, _) = operator(&ca, &at(&[&gateway]));
    let (live, end) = watching(&wire.host, gateways).await;
    let session = SessionRef::new("ada", Uuid::new_v4());
    let watched = live.spark("r").expect("it is watched");
    let made = watched.create(&session, &[]).await;
    let session = session.observed(made.expect("a session"));
    directory.put(known(&session, &spark));
    live.track("r", tracked(&session, SessionMetrics::default(), None));
    let before = until(&live, 0).await;

    let remote = format!(
        "sc://{address}/;token=of-the-session;session_id={}",
        session.session_id
    );
    let mut python = spark.home().python();
    python
        .env("SPARK_REMOTE", remote)
        .env("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", folder.path().join(CA));
    known_work(python).await;

    let seen = until(&live, 4).await;
    let SessionMetrics {
        failed_queries,
        active_queries,
        artifacts_uploaded,
        ..
    } = seen.metrics;
    let numbers = [failed_queries, active_queries, artifacts_uploaded];
    assert_eq!(numbers, [Some(1), Some(0), Some(3)], "{seen:?}");
    assert!(
        seen.observed && seen.last_activity > before.last_activity,
        "{seen:?}"
    );
    assert!(seen.metrics.execution_time_ms.is_some(), "{seen:?}");
    drop((live, end));

    let (gateways, _) = operator(&ca, &at(&[&gateway]));
    let (live, _end) = watching(&wire.host, gateways).await;
    live.track(
        "r",
        tracked(&session, seen.metrics.clone(), seen.cursor.clone()),
    );
    let anew = until(&live, 4).await;
    assert_eq!(anew.metrics, seen.metrics, "nothing is counted twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_4_0() {
    numbers_are_the_programs("4.0.5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_4_3() {
    numbers_are_the_programs("4.3.0").await;
}
