//! A PySpark program on this machine that runs what a test tells it, statement by statement. Does I/O: starts Python, in a mount
//! namespace of its own, where names of the cluster can be looked up.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use sparkconnect_testkit::cluster::NODE_ADDRESS;
use sparkconnect_testkit::spark::SparkHome;
use tempfile::TempDir;

const PROGRAM: &str = include_str!("../python/shell.py");
/// Longest time for one statement: PySpark tries again and again where a server does not answer.
const PATIENCE: Duration = Duration::from_secs(150);

/// How names are looked up in the cluster's pods, but for the name server.
const NAMES: &str = "search cluster.local\noptions ndots:5\n";
/// Runs the words after it where the file `$0` is the one that says how names are looked up.
const WITH_NAMES: &str = r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#;

/// How a program reaches a session.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Spark Connect URL.
    pub uri: String,
    /// Certificate, PEM, of the authority that vouches for the gateway's; none without a gateway.
    pub authority: Option<String>,
}

/// A running PySpark program; killed on drop, which leaves its session in place.
#[derive(Debug)]
pub struct Shell {
    python: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    _files: TempDir,
}

impl Shell {
    /// Starts PySpark of `version` in a session.
    ///
    /// # Panics
    /// When Python or PySpark are missing.
    pub fn start(version: &str, remote: &Remote) -> Self {
        let home = SparkHome::ensure(version).unwrap_or_else(|error| panic!("{error}"));
        let files = tempfile::tempdir().expect("a temporary folder can be made");
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).expect("a temporary file can be written");
            path
        };
        let mut python = Command::new("unshare");
        python.args(["--mount", "--", "sh", "-c", WITH_NAMES]);
        let names = format!("nameserver {NODE_ADDRESS}\n{NAMES}");
        python.arg(write("resolv.conf", &names));
        let bare = home.python();
        python.arg(bare.get_program()).args(["-c", PROGRAM]);
        for (name, value) in bare.get_envs() {
            match value {
                Some(value) => python.env(name, value),
                None => python.env_remove(name),
            };
        }
        python.env("SPARK_REMOTE", &remote.uri);
        if let Some(authority) = &remote.authority {
            let path = write("ca.crt", authority);
            python.env("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", path);
        }
        let python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut python = python.expect("python3 starts");
        let input = python.stdin.take().expect("it was asked for as a pipe");
        let output = BufReader::new(python.stdout.take().expect("as above"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines
                .take_while(|line| sender.send(line.clone()).is_ok())
                .for_each(drop);
        });
        Self {
            python,
            input,
            answers,
            _files: files,
        }
    }

    /// Begins to run `code`; the answer is asked for later.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn send(&mut self, code: &str) {
        writeln!(self.input, "{}", Value::from(code)).expect("PySpark takes statements");
    }

    /// Waits for the answer to the earliest statement that has none.
    ///
    /// # Errors
    /// What Python raised.
    ///
    /// # Panics
    /// When there is no answer in two and a half minutes.
    pub fn answer(&mut self) -> Result<Value, String> {
        let line = self.answers.recv_timeout(PATIENCE);
        let line = line.expect("an answer from PySpark; its error output is above");
        let answer: Value = serde_json::from_str(&line).expect("answers are JSON");
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer["value"].clone()),
        }
    }

    /// Runs `code` and returns what its last expression gave.
    ///
    /// # Panics
    /// When it raises.
    pub fn run(&mut self, code: &str) -> Value {
        self.send(code);
        self.answer()
            .unwrap_or_else(|error| panic!("{code}: {error}"))
    }

    /// Runs `code` and returns what it raised.
    ///
    /// # Panics
    /// When it does not raise.
    pub fn raises(&mut self, code: &str) -> String {
        self.send(code);
        match self.answer() {
            Ok(value) => panic!("{code} gave {value} and should have raised"),
            Err(error) => error,
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Err(error) = self
            .python
            .kill()
            .and_then(|()| self.python.wait().map(drop))
        {
            eprintln!("ending PySpark: {error}");
        }
    }
}
