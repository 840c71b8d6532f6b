//! `session`. Where an operator's answer matters, a thread of the test gives it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;

use serde_json::{Value, json};
use sparkconnect_testkit::command;
use sparkconnect_testkit::pki::Authority;
use sparkconnect_testkit::process::{Seen, wait_for};

use crate::fixture::{PATIENCE, Space, ada, event, pending, secret, server};
use crate::program::{Program, told};
use crate::servers::without_versions;

fn with_sessions(name: &'static str) -> Space {
    let space = Space::new(name);
    let (session, status) = ada();
    space.create(&session, &status);
    space.create(&pending("bob"), &Value::Null);
    space
}

#[test]
fn a_list_has_its_forms() {
    let space = with_sessions("session-list");
    for (name, args) in [
        ("table", &[][..]),
        ("wide", &["-o", "wide"]),
        ("no-headers", &["--no-headers"]),
        ("json", &["-o", "json"]),
        ("yaml", &["-o", "yaml"]),
        ("name", &["-o", "name"]),
    ] {
        let told = space.run(&[&["session", "ls"], args].concat());
        insta::assert_snapshot!(format!("session-ls-{name}"), without_versions(&told));
    }
}

#[test]
fn a_list_is_one_request() {
    let space = with_sessions("session-requests");
    let told = space.run(&["session", "ls", "--verbose"]);
    assert_eq!(told.matches(": requesting\n").count(), 1, "{told}");
    assert!(!told.contains("authorization"), "{told}");
}

#[test]
fn one_is_described_by_its_name_or_its_id() {
    let space = with_sessions("session-get");
    let ready = event(
        &space,
        "sps/ada",
        "SessionReady",
        "the session is ready on demo-0",
    );
    space.create(&ready, &Value::Null);
    let by_name = space.run(&["session", "get", "ada"]);
    insta::assert_snapshot!("session-get", by_name);
    let id = "11111111-6e0e-4f58-9d6e-2f6a3c1b7a10";
    assert_eq!(space.run(&["session", "get", id]), by_name);
    insta::assert_snapshot!("session-get-pending", space.run(&["session", "get", "bob"]));
}

#[test]
fn a_url_has_its_token_unless_it_is_left_out() {
    let space = with_sessions("session-url");
    space.create(&secret(), &Value::Null);
    insta::assert_snapshot!("session-url", space.run(&["session", "url", "ada"]));
    insta::assert_snapshot!(
        "session-url-no-token",
        space.run(&["session", "url", "ada", "--no-token"])
    );
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().display().to_string();
    let told = space.run(&["session", "url", "ada", "--no-token", "--ca-file", &path]);
    insta::assert_snapshot!("session-url-ca-file", told);
    let written = std::fs::read_to_string(&file).expect("it was written");
    assert_eq!(written, "-----BEGIN CERTIFICATE-----\n");
    let late = space.run(&["session", "url", "bob", "--timeout", "1s"]);
    insta::assert_snapshot!("session-url-late", late);
}

#[test]
fn several_are_ended_at_once() {
    let space = with_sessions("session-close");
    let told = space.run(&[
        "session",
        "close",
        "ada",
        "sparksession.sparkconnect.dev/bob",
    ]);
    insta::assert_snapshot!(told);
    assert_eq!(space.kubectl(&["get", "sps", "--output=name"]), "");
}

#[test]
fn a_log_is_that_of_the_replica() {
    let space = with_sessions("session-logs");
    insta::assert_snapshot!("session-logs", space.run(&["session", "logs", "ada"]));
    insta::assert_snapshot!(
        "session-logs-pending",
        space.run(&["session", "logs", "bob"])
    );
}

/// The program making a session in `space`, its output kept.
fn creating(space: &Space, args: &[&str]) -> Child {
    let base = ["session", "create", "demo", "--name", "ada", "-n", space.0];
    let mut program = Program::new(&[&base, args].concat()).with(server().kubeconfig());
    program.0.stdout(Stdio::piped()).stderr(Stdio::piped());
    program.0.spawn().expect("the program starts")
}

fn until_there(space: &Space) {
    let seen = wait_for("the session to be there", PATIENCE, || {
        let found = space.kubectl(&["get", "sps", "--output=name"]);
        Ok(if found.is_empty() {
            Seen::NotYet(found)
        } else {
            Seen::Done(())
        })
    });
    seen.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn one_is_made_and_waited_for() {
    let space = Space::new("session-create");
    space.create(&secret(), &Value::Null);
    let options = [
        "--app-name",
        "notebook",
        "--user",
        "ada",
        "--conf",
        "spark.a=1",
        "--idle-timeout",
        "90m",
        "--ttl",
        "8h",
        "--label",
        "team=data",
        "--session-id",
        "11111111-6e0e-4f58-9d6e-2f6a3c1b7a10",
    ];
    let child = creating(&space, &options);
    until_there(&space);
    let (_, status) = ada();
    space.tell("sps/ada", &status);
    let output = child.wait_with_output().expect("it ends");
    insta::assert_snapshot!("session-create", told(&output));
    let made: Value =
        serde_json::from_str(&space.kubectl(&["get", "sps/ada", "--output=json"])).expect("JSON");
    assert_eq!(
        made["spec"],
        json!({
            "server": "demo", "user": "ada", "appName": "notebook", "sparkConf": {"spark.a": "1"},
            "idleTimeout": "1h30m", "ttl": "8h", "sessionId": "11111111-6e0e-4f58-9d6e-2f6a3c1b7a10",
            "retention": "24h",
        })
    );
    assert_eq!(made["metadata"]["labels"]["team"], "data");
    insta::assert_snapshot!(
        "session-create-again",
        space.run(&["session", "create", "demo", "--name", "ada"])
    );
}

#[test]
fn one_that_cannot_be_made_is_told_with_the_operators_words() {
    let space = Space::new("session-failed");
    let child = creating(&space, &["-o", "name"]);
    until_there(&space);
    let failed = json!({"phase": "Failed", "message": "the server refused `spark.a`"});
    space.tell("sps/ada", &failed);
    let output = child.wait_with_output().expect("it ends");
    insta::assert_snapshot!(told(&output));
}

#[test]
fn one_that_is_not_ready_in_time_is_taken_back() {
    let space = Space::new("session-late");
    insta::assert_snapshot!(space.run(&[
        "session",
        "create",
        "demo",
        "--name",
        "ada",
        "--timeout",
        "1s"
    ]));
    assert_eq!(space.kubectl(&["get", "sps", "--output=name"]), "");
}

#[test]
fn an_interrupt_takes_the_session_back() {
    let space = Space::new("session-interrupt");
    let child = creating(&space, &["--verbose"]);
    until_there(&space);
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    let told = told(&output);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(
        told.contains("Interrupted: the session ada was taken back."),
        "{told}"
    );
    // Already now, and not some time later.
    assert_eq!(space.kubectl(&["get", "sps", "--output=name"]), "");
}

/// What Ctrl-C at a terminal does.
pub(crate) fn interrupt(child: &Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("it runs");
}

#[test]
fn without_a_server_named_it_must_be_the_only_one() {
    let space = Space::new("session-which");
    insta::assert_snapshot!(
        "session-create-no-server",
        space.run(&["session", "create"])
    );
    let (mut one, _) = crate::fixture::demo();
    space.create(&one, &Value::Null);
    one["metadata"]["name"] = json!("other");
    space.create(&one, &Value::Null);
    insta::assert_snapshot!("session-create-which", space.run(&["session", "create"]));
}

#[test]
fn a_wait_on_no_terminal_is_silent_unless_more_is_asked_for() {
    let space = Space::new("session-verbose");
    space.create(&secret(), &Value::Null);
    let children = thread::scope(|scope| {
        let child = creating(&space, &["--verbose"]);
        until_there(&space);
        scope.spawn(|| {
            let (_, status) = ada();
            space.tell("sps/ada", &status);
        });
        child.wait_with_output().expect("it ends")
    });
    let told = String::from_utf8_lossy(&children.stderr).into_owned();
    assert!(
        told.contains("SparkSession session-verbose/ada: waiting for the operator to see it"),
        "{told}"
    );
    assert!(!told.contains("hidden"), "{told}");
}

/// A session whose gateway is the API server of the tests: it speaks TLS too. `authority` is the field of its Secret, and the value, that
/// vouches for it.
fn at_the_api_server(name: &'static str, authority: (&str, &str)) -> Space {
    let space = with_sessions(name);
    let (_, address) = server().url().split_once("//").expect("a URL");
    let uri =
        format!("sc://{address}/;token=hidden;session_id=11111111-6e0e-4f58-9d6e-2f6a3c1b7a10");
    let mut secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ada-connection"},
        "stringData": {"uri": uri},
    });
    let (field, certificate) = authority;
    secret[field]["ca.crt"] = certificate.into();
    space.create(&secret, &Value::Null);
    space
}

fn forwarding(space: &Space) -> Program {
    let args = ["session", "url", "ada", "--forward", "-n", space.0];
    let mut program = Program::new(&args).with(server().kubeconfig());
    program.0.stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

#[test]
fn a_local_port_is_open_until_it_is_interrupted() {
    let path = "--output=jsonpath={.clusters[0].cluster.certificate-authority-data}";
    let authority = command::output(&mut server().kubectl(&["config", "view", "--raw", path]));
    let authority = authority.unwrap_or_else(|error| panic!("{error}"));
    let space = at_the_api_server("session-forward", ("data", &authority));
    let mut child = forwarding(&space).0.spawn().expect("the program starts");
    let mut out = BufReader::new(child.stdout.take().expect("it was asked for as a pipe"));
    let mut url = String::new();
    out.read_line(&mut url).expect("it prints a URL");
    let (address, rest) = url.split_once("/;").expect("a URL");
    // In the clear, as plain PySpark takes it; the token is a header then.
    assert!(
        rest.contains("authorization=Bearer%20hidden") && !rest.contains("use_ssl"),
        "{url}"
    );
    let address = address
        .strip_prefix("sc://")
        .expect("a URL of Spark Connect");
    let mut near = TcpStream::connect(address).expect("the port is open");
    // The beginning of HTTP/2 with no settings, and what the other side begins with: a frame of its settings.
    near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .expect("it takes bytes");
    let mut frame = [0; 9];
    near.read_exact(&mut frame).expect("an answer");
    assert_eq!(frame[3..5], [4, 0], "{frame:?}");
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_leads_to_nobody_else() {
    let other = Authority::new("another").expect("an authority");
    let space = at_the_api_server("session-untrusted", ("stringData", other.certificate()));
    let output = forwarding(&space).output();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("invalid peer certificate"), "{told}");
    assert!(output.stdout.is_empty(), "{told}");
}
