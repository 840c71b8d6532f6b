//! The command line client's tools on the cluster, with the real program, from outside: `doctor` on a whole installation, Spark's UI through
//! the local address, and Python with a session.

mod doctor;
mod shell;
mod ui;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use sparkconnect_e2e::{Namespace, Signal};
use sparkconnect_testkit::process::Identity;
use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::{program, python_package};

/// The program in a namespace, with a PySpark that fits its servers.
struct Program<'a> {
    namespace: &'a Namespace,
    binary: PathBuf,
    home: SparkHome,
    kubeconfig: PathBuf,
}

impl<'a> Program<'a> {
    fn new(namespace: &'a Namespace) -> Self {
        let built = program::built("sparkconnect-cli", "kubectl-sparkconnect");
        let home = SparkHome::ensure("4.3.0");
        Self {
            namespace,
            binary: built.unwrap_or_else(|error| panic!("{error}")),
            home: home.unwrap_or_else(|error| panic!("{error}")),
            kubeconfig: namespace.environment().cluster.kubeconfig().to_owned(),
        }
    }

    /// The same as the user of another kubeconfig.
    fn with(self, kubeconfig: PathBuf) -> Self {
        Self { kubeconfig, ..self }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = python_package::with_pyspark(&self.binary, &self.home);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .args(["--namespace", &self.namespace.name])
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end; `input` comes by a pipe.
    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut pipe = child.stdin.take().expect("it was asked for as a pipe");
        // One that ends before it has read all says why.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        child.wait_with_output().expect("it ends")
    }

    /// Starts it, and returns the first line that it prints.
    fn start(&self, args: &[&str]) -> (Running, String) {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = child.stdout.take().expect("it was asked for as a pipe");
        let running = Running(child);
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("it prints text");
        (running, line.trim().to_owned())
    }
}

/// A program that runs; killed on drop.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        let identity = i32::try_from(self.0.id()).ok().and_then(Identity::of);
        let identity = identity.expect("it runs");
        identity.signal(signal).expect("it can be signalled");
    }

    fn exit_code(mut self) -> Option<i32> {
        self.0.wait().expect("it can be waited for").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended as it should.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    )
}
