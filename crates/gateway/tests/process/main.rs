//! The gateway's program: follows the resources of a real API server, serves what they say, and ends when it is told to.

mod people;
#[path = "../live/raw.rs"]
mod raw;
mod told;
mod traces;

use std::process::Stdio;
use std::time::{Duration, Instant};

use raw::{Answered, Raw, framed};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sparkconnect_api::address;
use sparkconnect_spark::InstallationKey;
use sparkconnect_spark::key::token_hash;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::command;
use sparkconnect_testkit::pki::Authority;
use sparkconnect_testkit::ports::Port;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(60);
const KEY: [u8; 32] = [7; 32];
/// Id of the session.
const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

/// The program, and where it is.
struct Process {
    child: Child,
    address: Port,
    health: Port,
    authority: Authority,
    folder: TempDir,
}

fn start(api: &ApiServer, more: &[&str]) -> Process {
    start_in(api, more, &[])
}

/// The program with `variables` in its environment too.
fn start_in(api: &ApiServer, more: &[&str], variables: &[(&str, &str)]) -> Process {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("gateway").expect("an authority");
    let credentials = authority.server("gateway", &[], &["127.0.0.1"]);
    credentials
        .and_then(|new| new.write(folder.path(), "tls"))
        .expect("a certificate");
    let key = folder.path().join("key");
    std::fs::write(&key, KEY).expect("a file");
    let control = folder.path().join("control");
    std::fs::create_dir(&control).expect("a folder");
    std::fs::write(control.join("ca.crt"), authority.certificate()).expect("a file");
    let credentials = authority.server("gateway", &[], &[address::CONTROL_SERVER]);
    credentials
        .and_then(|new| new.write(&control, "tls"))
        .expect("a certificate");
    let log = std::fs::File::create(folder.path().join("log")).expect("a file");
    let claim = || Port::claim().expect("a port");
    let (address, health) = (claim(), claim());
    let child = Command::new(env!("CARGO_BIN_EXE_sparkconnect-gateway"))
        .env("KUBECONFIG", api.kubeconfig())
        .envs(variables.iter().copied())
        .arg(format!("--listen-address={}", address.address()))
        .arg(format!("--health-address={}", health.address()))
        .arg(format!("--tls-folder={}", folder.path().display()))
        .arg(format!("--key-file={}", key.display()))
        .arg("--control-address=127.0.0.1:0")
        .arg(format!("--control-tls-folder={}", control.display()))
        .args(["--log-format=text", "--connect-timeout=1s"])
        .args(more)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the program");
    Process {
        child,
        address,
        health,
        authority,
        folder,
    }
}

impl Process {
    /// What it has logged.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a file")
    }
}

fn api_server() -> ApiServer {
    let server = ApiServer::start().expect("an API server");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/crds/");
    for file in ["sparkconnectservers.yaml", "sparksessions.yaml"] {
        let path = format!("{folder}{file}");
        kubectl(&server, &["apply", "--server-side", "--filename", &path]);
    }
    let established = [
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=60s",
    ];
    kubectl(&server, &established);
    server
}

/// A server, which nobody runs.
fn demo() -> Value {
    json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer",
        "metadata": {"name": "demo", "namespace": "default"}, "spec": {"version": "4.3.0"},
    })
}

fn kubectl(server: &ApiServer, args: &[&str]) -> String {
    command::output(&mut server.kubectl(args)).unwrap_or_else(|error| panic!("{error}"))
}

fn apply(server: &ApiServer, object: &Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("object.json");
    std::fs::write(&file, object.to_string()).expect("a file");
    kubectl(
        server,
        &["apply", "--filename", &file.display().to_string()],
    );
}

/// Has the session say so of itself, as the operator would.
fn tell(server: &ApiServer, name: &str, phase: &str, message: &str) {
    let session = format!("sparksession/{name}");
    let uid = kubectl(server, &["get", &session, "-o=jsonpath={.metadata.uid}"]);
    let token = InstallationKey::from_bytes(KEY).session_token(&uid);
    let status = json!({
        "phase": phase, "server": "demo-0", "replicaUid": "r",
        "tokenHash": token_hash(&token), "message": message,
    });
    let patch = json!({"status": status}).to_string();
    kubectl(
        server,
        &[
            "patch",
            &session,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ],
    );
}

/// A message that names a session and nothing else.
fn message(session: &str) -> Vec<u8> {
    let mut message = vec![];
    prost::encoding::string::encode(1, &session.to_owned(), &mut message);
    framed(&message)
}

/// Calls again until the answer is as wanted.
async fn until(process: &Process, token: &str, what: &str, is_it: impl Fn(&Answered) -> bool) {
    let call = || process.call("Config", token, ID, None);
    until_called(call, what, is_it).await;
}

/// Calls by `call` again until the answer is as wanted.
async fn until_called<F: Future<Output = Answered>>(
    call: impl Fn() -> F,
    what: &str,
    is_it: impl Fn(&Answered) -> bool,
) -> Answered {
    let began = Instant::now();
    loop {
        let answer = call().await;
        if is_it(&answer) {
            return answer;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "waited for {what}; last: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Process {
    /// The answer to a call of `session`, on `server` where one is named; no status while the program is not there.
    async fn call(
        &self,
        method: &str,
        token: &str,
        session: &str,
        server: Option<&str>,
    ) -> Answered {
        let server = server.map(|server| ("x-sparkconnect-server", server));
        let more: Vec<_> = server.into_iter().collect();
        self.call_with(method, token, session, &more).await
    }

    /// The same with more metadata.
    async fn call_with(
        &self,
        method: &str,
        token: &str,
        session: &str,
        more: &[(&str, &str)],
    ) -> Answered {
        let mut raw = match Raw::connect(self.address.address(), self.authority.certificate()).await
        {
            Ok(raw) => raw,
            Err(error) => return Answered::nothing(error.to_string()),
        };
        let authorization = format!("Bearer {token}");
        let grpc = ("content-type", "application/grpc");
        let headers = [&[grpc, ("authorization", &authorization)], more].concat();
        raw.send(method, &headers, &[&message(session)]).await
    }
}

fn readiness(process: &Process) -> String {
    let ready = format!("http://{}/readyz", process.health.address());
    let ready = command::output(std::process::Command::new("curl").args(["-sf", &ready]));
    ready.expect("it is ready").trim().to_owned()
}

/// It ends in good order.
async fn told_to_end(process: &mut Process) {
    let pid = process
        .child
        .id()
        .and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
    kill_process(pid.expect("it runs"), Signal::TERM).expect("a signal");
    let ended = tokio::time::timeout(PATIENCE, process.child.wait()).await;
    assert!(ended.expect("in time").expect("an end").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_what_the_resources_say() {
    let api = api_server();
    apply(&api, &demo());
    let session = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
        "metadata": {"name": "ada", "namespace": "default"},
        "spec": {"server": "demo", "sessionId": ID},
    });
    apply(&api, &session);
    tell(&api, "ada", "Pending", "waits for a replica");
    let mut process = start(&api, &[]);
    let uid = kubectl(
        &api,
        &["get", "sparksession/ada", "-o=jsonpath={.metadata.uid}"],
    );
    let token = InstallationKey::from_bytes(KEY).session_token(&uid);
    let token = token.expose();
    let says = |text: &'static str| move |answer: &Answered| answer.message.contains(text);
    until(
        &process,
        token,
        "a session that waits",
        says("waits for a replica"),
    )
    .await;
    assert_eq!(readiness(&process), "ok");
    tell(&api, "ada", "Ready", "serves");
    // No replica of that name exists: that it is asked for shows where the call would go.
    until(
        &process,
        token,
        "its replica",
        says("replica demo-0 does not answer"),
    )
    .await;
    until(&process, "another", "a refusal", |answer| {
        answer.status == Some(16)
    })
    .await;
    tell(&api, "ada", "Closed", "was released by its client");
    until(
        &process,
        token,
        "its end",
        says("was released by its client"),
    )
    .await;
    kubectl(&api, &["delete", "sparksession/ada"]);
    until(&process, token, "its token to mean nothing", |answer| {
        answer.status == Some(16)
    })
    .await;

    told_to_end(&mut process).await;
}
