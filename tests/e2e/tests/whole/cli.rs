//! The command line client on the cluster: a session made and ended with the real program, its URL used by plain PySpark, and the verbs of
//! a server that an operator answers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Remote, Shell, server_with_executors};
use sparkconnect_testkit::{command, program};

/// The program in a namespace, as somebody outside of the cluster.
struct Program<'a> {
    namespace: &'a Namespace,
    binary: std::path::PathBuf,
}

impl<'a> Program<'a> {
    fn new(namespace: &'a Namespace) -> Self {
        let built = program::built("sparkconnect-cli", "kubectl-sparkconnect");
        let binary = built.unwrap_or_else(|error| panic!("{error}"));
        Self { namespace, binary }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        let kubeconfig = self.namespace.environment().cluster.kubeconfig();
        command.env("KUBECONFIG", kubeconfig);
        command
            .args(args)
            .args(["--namespace", &self.namespace.name]);
        command
    }

    /// What it printed.
    fn run(&self, args: &[&str]) -> String {
        let output = command::output(&mut self.command(args));
        output.unwrap_or_else(|error| panic!("{error}\n{}", self.namespace.explain()))
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["--output", "json"]].concat());
        serde_json::from_str(&text).expect("it prints JSON")
    }
}

/// A URL that is good as long as the program runs.
struct Forwarded {
    url: String,
    child: Child,
}

impl Forwarded {
    fn open(program: &Program<'_>, session: &str) -> Self {
        let mut command = program.command(&["session", "url", session, "--forward"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let out = child.stdout.take().expect("it was asked for as a pipe");
        let mut url = String::new();
        let read = BufReader::new(out).read_line(&mut url);
        read.expect("it prints text");
        Self {
            url: url.trim().to_owned(),
            child,
        }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.expect("it runs until it is told to end");
    }
}

#[test]
fn a_session_is_made_used_and_ended() {
    let namespace = Namespace::new("cli");
    namespace.apply(&server_with_executors("demo", &json!({})));
    let program = Program::new(&namespace);
    let made = program.run(&[
        "session", "create", "--name", "ada", "--user", "ada", "-o", "name",
    ]);
    assert_eq!(made, "sparksession.sparkconnect.dev/ada");

    // Plain PySpark, which is told nothing but the URL.
    let forwarded = Forwarded::open(&program, "ada");
    assert!(
        forwarded.url.starts_with("sc://127.0.0.1:"),
        "{}",
        forwarded.url
    );
    let remote = Remote {
        uri: forwarded.url.clone(),
        authority: None,
    };
    let mut shell = Shell::start("4.3.0", &remote);
    assert_eq!(shell.run("spark.range(3).count()"), 3);

    namespace.until("the session's work to be listed", || {
        let listed = program.run(&["session", "ls", "--no-headers"]);
        let cells: Vec<_> = listed.split_whitespace().collect();
        match cells[..] {
            ["ada", "Ready", "demo", "ada", queries, ..] if queries != "<none>" => Ok(()),
            _ => Err(listed),
        }
    });
    let described = program.run(&["session", "get", "ada"]);
    for part in ["Replica:", "demo-0", "AccessEnforced", "Events:"] {
        assert!(described.contains(part), "{described}");
    }
    let driver = program.run(&["session", "logs", "ada", "--tail", "20"]);
    assert_eq!(driver.lines().count(), 20, "{driver}");
    let executor = program.run(&["session", "logs", "ada", "--executor", "1"]);
    assert!(executor.contains("Executor"), "{executor}");
    // The address of the gateway, as it is for clients within the cluster.
    let within = program.run(&["session", "url", "ada", "--no-token"]);
    assert!(
        within.starts_with("sc://") && !within.contains("token"),
        "{within}"
    );

    drop((shell, forwarded));
    assert_eq!(
        program.run(&["session", "close", "ada"]),
        "sparksession.sparkconnect.dev/ada closed"
    );
    namespace.until_gone("sparksession/ada");
}

#[test]
fn a_server_is_described_scaled_and_restarted() {
    let namespace = Namespace::new("cli-server");
    namespace.apply(&server_with_executors("demo", &json!({})));
    let program = Program::new(&namespace);
    let ready = namespace.until_object("sparkconnectserver/demo", "at work", |server| {
        server["status"]["servers"][0]["executors"] == 1
    });
    let first = ready["status"]["servers"][0]["applicationId"].clone();
    let listed = program.run(&["server", "ls", "--no-headers"]);
    assert!(listed.contains("demo   Ready   1/1"), "{listed}");
    let described = program.run(&["server", "get", "demo"]);
    for part in ["Spark:", "4.3.0", "demo-0", "Conditions:", "Events:"] {
        assert!(described.contains(part), "{described}");
    }
    let driver = program.run(&["server", "logs", "demo"]);
    assert!(driver.contains("Spark"), "{driver}");
    let executor = program.run(&["server", "logs", "demo", "--executor", "1", "--tail", "5"]);
    assert_eq!(executor.lines().count(), 5, "{executor}");

    program.run(&["server", "restart", "demo"]);
    namespace.until("another application to run", || {
        let server = program.json(&["server", "get", "demo"]);
        let application = &server["status"]["servers"][0]["applicationId"];
        if application.is_string() && *application != first {
            Ok(())
        } else {
            Err(server["status"].to_string())
        }
    });
    program.run(&["server", "scale", "demo", "0"]);
    namespace.until_object("sparkconnectserver/demo", "suspended", |server| {
        server["status"]["phase"] == "Suspended" && server["status"]["replicas"] == 0
    });
    let mut late = program.command(&["session", "create", "demo", "--timeout", "5s"]);
    let output = late.output().expect("it starts");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}
