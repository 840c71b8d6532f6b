//! The Connect back end against real Spark servers of every supported version, in the clear and through TLS. Each version's server is
//! started once and shared.

mod earlier;
mod tls;

use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use sparkconnect_client::connect::{ConnectBackend, ConnectConfig};
use sparkconnect_client::{
    Category, Connection, Error, File, Progress, Session, SessionMetrics, SessionRequest,
    SessionState, Source, SparkClient, Waiting,
};
use sparkconnect_spark::Token;
use sparkconnect_testkit::command;
use sparkconnect_testkit::spark::{Options, SparkServer, VERSIONS};

const TOKEN: &str = "a-token.of~these+tests/1=";
/// How long a condition on a real server may take to come true.
const PATIENCE: Duration = Duration::from_secs(90);

/// The version's server. Never dropped: it ends with this process.
fn shared(version: &str) -> &'static SparkServer {
    static SERVERS: [OnceLock<SparkServer>; 4] = [const { OnceLock::new() }; 4];
    let at = VERSIONS.iter().position(|known| *known == version);
    SERVERS[at.expect("a supported version")].get_or_init(|| start(version))
}

fn start(version: &str) -> SparkServer {
    let options = Options {
        token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    SparkServer::start(version, options).expect("a Spark Connect server")
}

fn config(server: &SparkServer) -> ConnectConfig {
    ConnectConfig {
        token: Some(Token::new(TOKEN)),
        use_ssl: Some(false),
        user_id: Some("ada".to_owned()),
        ui: Some(("127.0.0.1".to_owned(), server.ui_port())),
        ..ConnectConfig::new(format!("sc://127.0.0.1:{}", server.grpc_port()))
    }
}

fn client(server: &SparkServer) -> SparkClient {
    SparkClient::new(ConnectBackend::new(config(server)).expect("a back end"))
}

fn named(app_name: &str) -> SessionRequest {
    SessionRequest {
        app_name: Some(app_name.to_owned()),
        ..SessionRequest::default()
    }
}

async fn making(client: &SparkClient, request: SessionRequest) -> Result<Session, Error> {
    client.create_session(request, &Waiting::default()).await
}

async fn create(client: &SparkClient) -> Session {
    making(client, named("demo")).await.expect("a session")
}

/// A PySpark program in the session, by its URL alone.
fn pyspark(server: &SparkServer, connection: &Connection, code: &str) -> Result<String, String> {
    let mut python: Command = server.home().python();
    python.env("SPARK_REMOTE", connection.url_with_token());
    // Leaving by the interpreter's own way would release the session.
    let code = format!(
        "import os\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n{code}\n\
         import sys; sys.stdout.flush(); os._exit(0)"
    );
    python.args(["-c", &code]);
    command::output(&mut python).map_err(|error| error.to_string())
}

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

/// From its making to its end, with PySpark in it.
async fn a_session_lives(version: &str) {
    let server = shared(version);
    let client = client(server);
    let mut request = named("demo");
    let shuffle = "spark.sql.shuffle.partitions";
    let setting = (shuffle.to_owned(), "7".to_owned());
    request.spark_conf.extend([setting]);
    let session = making(&client, request).await.expect("a session");
    let (info, id) = (session.info, session.connection.session_id.clone());
    assert_eq!(info.state, SessionState::Ready);
    assert_eq!(info.spark_version.as_deref(), Some(version));
    assert_eq!(info.app_name.as_deref(), Some("demo"));
    assert!(!info.url.expect("a URL").contains("token"));

    let helpers = File {
        name: "pyfiles/helpers.py".to_owned(),
        content: "def answer(): return 42".into(),
    };
    let uploaded = client.upload_artifacts(&id, vec![helpers]).await;
    uploaded.expect("an upload");
    let code = format!(
        "from pyspark.sql.functions import udf\n\
         def answer(x):\n    import helpers\n    return helpers.answer()\n\
         row = spark.range(1).select(udf(answer, 'int')('id')).first()\n\
         print(row[0], spark.conf.get('{shuffle}'))"
    );
    let printed = pyspark(server, &session.connection, &code).expect("PySpark in the session");
    assert_eq!(printed.trim(), "42 7");

    let listed = client.list_sessions().await.expect("a list");
    let ids: Vec<_> = listed
        .iter()
        .map(|info| info.session_id.as_deref())
        .collect();
    assert_eq!(ids, [Some(id.as_str())]);
    let metrics = metrics_with_a_query(&client, &id, version).await;
    let uploads = metrics.artifacts_uploaded.expect("uploads are counted");
    assert_eq!((uploads.value, uploads.source), (1, Source::Client));
    let seen = client.get_session_status(&id).await.expect("a status");
    let ui = format!("http://127.0.0.1:{}", server.ui_port());
    assert_eq!(seen.ui_url, Some(ui));

    client.close_session(&id).await.expect("an end");
    client
        .close_session(&id)
        .await
        .expect("an end already come");
    let status = client.get_session_status(&id).await.expect("a status");
    assert_eq!(status.state, SessionState::Closed);
    let refused = pyspark(server, &session.connection, "spark.range(1).count()");
    assert!(refused.is_err(), "{refused:?}");
}

/// The server's own numbers, once it shows the query: since 4.3 as an operation, before as the time that it took.
async fn metrics_with_a_query(client: &SparkClient, id: &str, version: &str) -> SessionMetrics {
    eventually(async || {
        let metrics = client.get_session_metrics(id).await.expect("metrics");
        let told = if version == "4.3.0" {
            metrics.queries_executed
        } else {
            metrics.execution_time_ms
        };
        match told {
            Some(counted) if counted.value > 0 && counted.source == Source::Server => Ok(metrics),
            _ => Err(format!("{metrics:?}")),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_4_0() {
    a_session_lives("4.0.5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_4_1() {
    a_session_lives("4.1.4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_4_2() {
    a_session_lives("4.2.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_4_3() {
    a_session_lives("4.3.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_opens_what_another_made() {
    let server = shared("4.3.0");
    let (first, second) = (client(server), client(server));
    let session = create(&first).await;
    let id = session.connection.session_id;
    let opened = second.open_session(&id, &Waiting::default()).await;
    assert_eq!(opened.expect("the same").info.state, SessionState::Ready);
    second.close_session(&id).await.expect("an end");
    let status = first.get_session_status(&id).await.expect("a status");
    assert_eq!(status.state, SessionState::Closed);

    let nobody = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
    let error = second.open_session(nobody, &Waiting::default()).await;
    assert_eq!(error.unwrap_err().category(), Category::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_anew_has_lost_the_session() {
    let mut server = start("4.3.0");
    let client = client(&server);
    let id = create(&client).await.connection.session_id;
    server.restart().expect("a restart");
    let status = eventually(async || {
        let status = client.get_session_status(&id).await;
        status.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(status.state, SessionState::Lost);
    assert!(status.message.expect("a reason").contains("anew"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_says_why() {
    let server = shared("4.3.0");
    let wrong = ConnectConfig {
        token: Some(Token::new("wrong")),
        ..config(server)
    };
    let stranger = SparkClient::new(ConnectBackend::new(wrong).unwrap());
    let error = making(&stranger, named("demo")).await.unwrap_err();
    assert_eq!(error.category(), Category::Unauthenticated);
    assert!(!error.to_string().contains("wrong"), "{error}");

    let mut request = named("demo");
    let setting = ("spark.executor.memory".to_owned(), "8g".to_owned());
    request.spark_conf.extend([setting]);
    let error = making(&client(server), request).await.unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput);
    assert!(
        error.to_string().contains("spark.executor.memory"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_waited_for_as_long_as_was_said() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let config = ConnectConfig {
        use_ssl: Some(false),
        ..ConnectConfig::new(format!("sc://{address}"))
    };
    let client = SparkClient::new(ConnectBackend::new(config).unwrap());
    let heard = Arc::<Mutex<Vec<Progress>>>::default();
    let told = Arc::clone(&heard);
    let waiting = Waiting {
        progress: Some(Arc::new(move |progress: &Progress| {
            told.lock().unwrap().push(progress.clone());
        })),
        ..Waiting::at_most(Duration::from_secs(1))
    };
    let error = client.create_session(named("demo"), &waiting).await;
    let error = error.unwrap_err();
    assert_eq!(error.category(), Category::TimedOut);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.hint_text().is_some());
    let heard = heard.lock().unwrap();
    let first = heard.first().expect("what it waits for is told");
    assert_eq!(first.subject, format!("Spark Connect server {address}"));
    assert!(!first.message.is_empty(), "{first:?}");
}
