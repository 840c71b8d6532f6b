//! Against real servers of every supported version. Each version's server is started once and shared by its tests, which
//! keep out of each other's way by sessions of their own.

mod artifacts;
mod metrics;
mod sessions;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sparkconnect_spark::{Endpoint, SessionRef, SparkServer, Timeouts, Token};
use sparkconnect_testkit::spark::{Options, SparkServer as Fixture};
use uuid::Uuid;

const TOKEN: &str = "a-token.of~these+tests/1=";

/// How long a condition on a real server may take to come true.
const PATIENCE: Duration = Duration::from_secs(90);

/// Makes each of the functions a test on every version: `async fn(&'static Fixture)`.
macro_rules! on_every_version {
    ($($test:ident),* $(,)?) => {
        crate::on_version!(v4_0, "4.0.5", $($test),*);
        crate::on_version!(v4_1, "4.1.4", $($test),*);
        crate::on_version!(v4_2, "4.2.1", $($test),*);
        crate::on_version!(v4_3, "4.3.0", $($test),*);
    };
}

macro_rules! on_version {
    ($module:ident, $version:literal, $($test:ident),*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test(crate::shared($version)).await;
                }
            )*
        }
    };
}

pub(crate) use {on_every_version, on_version};

/// The version's server. Never dropped: it ends with this process.
fn shared(version: &'static str) -> &'static Fixture {
    static SERVERS: [OnceLock<Fixture>; 4] = [const { OnceLock::new() }; 4];
    let at = sparkconnect_testkit::spark::VERSIONS
        .iter()
        .position(|&known| known == version);
    SERVERS[at.expect("a supported version")].get_or_init(|| start(version))
}

fn start(version: &str) -> Fixture {
    let options = Options {
        token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    Fixture::start(version, options).expect("a Spark Connect server")
}

fn endpoint(fixture: &Fixture) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".to_owned(),
        grpc_port: fixture.grpc_port(),
        tls: None,
        metadata: Vec::new(),
        ui_port: Some(fixture.ui_port()),
        token: fixture.token().map(Token::new),
        timeouts: Timeouts {
            call: Duration::from_secs(60),
            ..Timeouts::default()
        },
    }
}

fn client(fixture: &Fixture) -> SparkServer {
    SparkServer::new(&endpoint(fixture)).expect("a client")
}

/// A session that nobody else has, of a user whose name is hard to parse.
fn fresh() -> SessionRef {
    SessionRef::new("team_a/anna_Session_b", Uuid::new_v4())
}

/// The program `tests/<name>` as a PySpark client in `session`.
fn program(fixture: &Fixture, session: &SessionRef, name: &str) -> std::process::Command {
    let mut command = fixture.python(&session.user, &session.session_id.to_string());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/").to_owned() + name);
    command
}

/// Asks again until there is an answer; a failure shows the last thing seen.
async fn eventually<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if began.elapsed() > PATIENCE => panic!("after {PATIENCE:?}: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
