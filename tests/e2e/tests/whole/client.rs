//! The client's session back end on the cluster: sessions made, opened and ended from outside, through a port forwarded in this process.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use sparkconnect_client::kubernetes::KubernetesConfig;
use sparkconnect_client::sessions::{Reach, SessionBackend, SessionConfig};
use sparkconnect_client::{
    Category, File, LogRequest, Progress, Role, Session, SessionRequest, SessionState, Source,
    SparkClient, Waiting,
};
use sparkconnect_e2e::{Namespace, server_local, server_with_executors, session};
use sparkconnect_spark::{Endpoint, Existence, SessionRef, SparkServer, Timeouts, Tls};
use sparkconnect_testkit::install::NAMESPACE;
use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::{command, python_package};
use tokio::runtime::Runtime;
use uuid::Uuid;

const GATEWAYS: &str = "app.kubernetes.io/name=sparkconnect-gateway";

async fn client(namespace: &Namespace) -> SparkClient {
    let cluster = &namespace.environment().cluster;
    let config = SessionConfig {
        kubernetes: KubernetesConfig {
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            context: None,
            namespace: Some(namespace.name.clone()),
        },
        reach: Reach::PortForward,
        ..SessionConfig::default()
    };
    SparkClient::new(SessionBackend::connect(config).await.expect("a back end"))
}

fn named(app_name: &str) -> SessionRequest {
    SessionRequest {
        app_name: Some(app_name.to_owned()),
        ..SessionRequest::default()
    }
}

/// Tells into a list.
fn listening() -> (Waiting, Arc<Mutex<Vec<Progress>>>) {
    let heard = Arc::<Mutex<Vec<Progress>>>::default();
    let told = Arc::clone(&heard);
    let waiting = Waiting {
        timeout: None,
        progress: Some(Arc::new(move |progress: &Progress| {
            told.lock().unwrap().push(progress.clone());
        })),
    };
    (waiting, heard)
}

/// The log as it is now.
async fn log(client: &SparkClient, session: &str, role: &Role) -> Result<Vec<String>, String> {
    let request = LogRequest {
        role: role.clone(),
        ..LogRequest::default()
    };
    let told = |error: sparkconnect_client::Error| error.to_string();
    let log = client.get_logs(session, request).await.map_err(told)?;
    log.try_collect().await.map_err(told)
}

/// Spark itself, by the way that the client opened.
fn spark(session: &Session) -> (SparkServer, SessionRef) {
    let connection = session.connection.clone();
    let server = SparkServer::new(&Endpoint {
        host: connection.host,
        grpc_port: connection.port,
        tls: connection.tls.map(|trust| Tls {
            ca: trust.ca,
            server_name: trust.server_name,
        }),
        metadata: Vec::new(),
        ui_port: None,
        token: connection.token,
        timeouts: Timeouts::default(),
    });
    let id = Uuid::parse_str(&connection.session_id).expect("a UUID");
    let user = connection.user_id.expect("the Secret names the user");
    (server.expect("a client"), SessionRef::new(user, id))
}

#[test]
fn a_session_is_made_and_reached_from_outside() {
    let namespace = Namespace::alone("client");
    let runtime = Runtime::new().expect("threads");
    let _entered = runtime.enter();
    namespace.apply(&server_local("demo", &json!({})));
    let client = runtime.block_on(client(&namespace));
    let (waiting, heard) = listening();
    // The server does not run yet: what is waited for is told.
    let created = client.create_session(named("Sales report"), &waiting);
    let session = runtime.block_on(created).expect("a session");
    let name = session.info.name.clone().expect("a name");
    assert!(name.starts_with("sales-report-"), "{name}");
    assert_eq!(session.info.state, SessionState::Ready);
    let told = heard.lock().unwrap().clone();
    let subject = format!("SparkSession {}/{name}", namespace.name);
    assert!(told.iter().all(|progress| progress.subject == subject));
    let pending = told.iter().find(|progress| progress.state == "Pending");
    assert!(pending.is_some_and(|it| !it.message.is_empty()), "{told:?}");

    let helpers = File {
        name: "pyfiles/helpers.py".to_owned(),
        content: "answer = 42".into(),
    };
    let uploaded = client.upload_artifacts(&name, vec![helpers]);
    runtime.block_on(uploaded).expect("an upload");
    // It stays: Spark closes an operation at its client's word, and counts it then.
    let mut shell = namespace.shell(&name);
    assert_eq!(shell.run("spark.range(3).count()"), 3);
    namespace.until("the status to count what was done", || {
        let metrics = runtime.block_on(client.get_session_metrics(&name));
        let metrics = metrics.map_err(|error| error.to_string())?;
        let one = metrics.artifacts_uploaded.filter(|it| it.value == 1);
        let some = metrics.queries_executed.filter(|it| it.value > 0);
        match (one, some) {
            (Some(one), Some(_)) if one.source == Source::Status => Ok(()),
            _ => Err(format!("{metrics:?}")),
        }
    });

    // The port leads to a gateway, whichever that is.
    let trust = session.connection.tls.as_ref();
    let trust = trust.expect("a gateway speaks TLS");
    assert!(trust.ca.is_some() && trust.server_name.is_some());
    let (server, reference) = spark(&session);
    runtime.block_on(server.exists(&reference)).expect("there");
    let delete = ["delete", "pod", "-n", NAMESPACE, "-l", GATEWAYS];
    let deleted = namespace.environment().kubectl.run(&delete);
    deleted.unwrap_or_else(|error| panic!("{error}"));
    namespace.until("the port to lead to another gateway", || {
        let found = runtime.block_on(server.exists(&reference));
        found.map_err(|error| error.to_string())
    });

    let closed = client.close_session(session.connection.session_id.as_str());
    runtime.block_on(closed).expect("an end");
    namespace.until_gone(&format!("sparksession/{name}"));
    let status = runtime.block_on(client.get_session_status(&name));
    assert_eq!(status.unwrap_err().category(), Category::NotFound);
}

/// Without a gateway the port leads to the replica itself, and to its next pod when that one is replaced.
pub(crate) fn a_replica_is_reached_through_a_port(namespace: &Namespace, replica: &str) {
    let runtime = Runtime::new().expect("threads");
    let _entered = runtime.enter();
    let client = runtime.block_on(client(namespace));
    let waiting = Waiting::default();
    let created = client.create_session(named("near"), &waiting);
    let session = runtime.block_on(created).expect("a session");
    assert_eq!(session.connection.tls, None);
    let (server, reference) = spark(&session);
    let alive = runtime.block_on(server.exists(&reference));
    assert!(matches!(alive, Ok(Existence::Alive { .. })), "{alive:?}");

    let pod = format!("pod/{replica}");
    let uid = |pod: &Value| pod["metadata"]["uid"].as_str().map(str::to_owned);
    let before = namespace.get(&pod).as_ref().and_then(uid);
    namespace.delete(&pod);
    namespace.until_object(&pod, "another one", |pod| uid(pod) != before);
    namespace.until("the port to lead to the next pod", || {
        let probed = runtime.block_on(server.probe());
        probed.map_err(|error| error.to_string())
    });
    let name = session.info.name.expect("a name");
    runtime
        .block_on(client.close_session(&name))
        .expect("an end");
    namespace.until_gone(&format!("sparksession/{name}"));
}

#[test]
fn sessions_of_others_are_listed_opened_and_ended() {
    let namespace = Namespace::new("client-others");
    let runtime = Runtime::new().expect("threads");
    let _entered = runtime.enter();
    let client = runtime.block_on(client(&namespace));
    let waiting = Waiting::default();
    let nowhere = client.create_session(named("a"), &waiting);
    let error = runtime.block_on(nowhere).unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput);
    assert!(
        error.to_string().contains("no SparkConnectServer"),
        "{error}"
    );

    namespace.apply(&server_with_executors("demo", &json!({})));
    namespace.apply(&session("ada", "demo", &json!({"user": "ada"})));
    let opened = client.open_session("ada", &waiting);
    let opened = runtime.block_on(opened).expect("another's session");
    assert_eq!(opened.info.user.as_deref(), Some("ada"));
    let (server, reference) = spark(&opened);
    runtime.block_on(server.exists(&reference)).expect("there");
    let listed = runtime.block_on(client.list_sessions()).expect("a list");
    let names: Vec<_> = listed.iter().map(|info| info.name.as_deref()).collect();
    assert_eq!(names, [Some("ada")]);

    for (role, says) in [
        (Role::Driver, "Spark Connect server started"),
        (Role::Executor("1".to_owned()), "Starting executor ID 1"),
    ] {
        namespace.until(&format!("a log to have `{says}`"), || {
            let log = runtime.block_on(log(&client, "ada", &role))?;
            let has = log.iter().any(|line| line.contains(says));
            has.then_some(()).ok_or_else(|| log.join("\n"))
        });
    }
    runtime
        .block_on(client.close_session("ada"))
        .expect("an end");
    namespace.until_gone("sparksession/ada");
}

#[test]
fn a_session_that_does_not_come_to_live_is_taken_back() {
    let namespace = Namespace::new("client-late");
    let runtime = Runtime::new().expect("threads");
    let _entered = runtime.enter();
    let client = runtime.block_on(client(&namespace));
    let request = |name: &str| SessionRequest {
        name: Some(name.to_owned()),
        server: Some("absent".to_owned()),
        ..SessionRequest::default()
    };
    let waiting = Waiting::at_most(Duration::from_secs(5));
    let late = client.create_session(request("late"), &waiting);
    let error = runtime.block_on(late).unwrap_err();
    assert_eq!(error.category(), Category::TimedOut);
    assert!(error.to_string().contains("absent"), "{error}");
    let left = namespace.get("sparksession/late");
    let going = |left: &Value| left["metadata"]["deletionTimestamp"].is_string();
    assert!(left.as_ref().is_none_or(going), "{left:?}");
    namespace.until_gone("sparksession/late");

    let left = {
        let client = client.clone();
        runtime.spawn(async move {
            let waiting = Waiting::default();
            client.create_session(request("left"), &waiting).await
        })
    };
    namespace.until_object("sparksession/left", "be there", |_| true);
    left.abort();
    namespace.until_gone("sparksession/left");
}

#[test]
fn the_python_package_does_the_same() {
    let namespace = Namespace::new("client-python");
    namespace.apply(&server_local("demo", &json!({})));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-package");
    let python = python_package::installed(&folder).unwrap_or_else(|error| panic!("{error}"));
    let home = SparkHome::ensure("4.3.0").unwrap_or_else(|error| panic!("{error}"));
    let mut program = python_package::with_pyspark(&python, &home);
    program
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/package.py"))
        .env("NAMESPACE", &namespace.name)
        .env("KUBECONFIG", namespace.environment().cluster.kubeconfig());
    let ended = command::output(&mut program);
    ended.unwrap_or_else(|error| panic!("{error}\n{}", namespace.explain()));
}
