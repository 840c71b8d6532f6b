//! `session shell` in a session of a real Spark server, which the API server tells of.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::json;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::spark::{Options, SparkServer};

use crate::fixture::{condition, create, demo, installed, namespace, program, python, told};

const PROMPT: &str = include_str!("prompt.py");
const VERSION: &str = "4.3.0";
const TOKEN: &str = "hidden-token";
const NAMESPACE: &str = "shell";
const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

/// Spark, and a session of it as `ada`.
struct Shell {
    kubernetes: &'static ApiServer,
    spark: SparkServer,
}

// A static is not dropped; Spark ends when this process ends.
static SHELL: LazyLock<Shell> = LazyLock::new(|| {
    let options = Options {
        token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    let spark = SparkServer::start(VERSION, options).unwrap_or_else(|error| panic!("{error}"));
    let kubernetes = installed();
    namespace(kubernetes, NAMESPACE);
    create(kubernetes, NAMESPACE, &demo(VERSION), &json!(null));
    let session = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
        "metadata": {"name": "ada"}, "spec": {"server": "demo", "user": "ada", "sessionId": ID},
    });
    let status = json!({
        "phase": "Ready", "sessionId": ID, "user": "ada", "sparkVersion": VERSION,
        "binding": {"name": "ada-connection"},
        "conditions": [condition("Ready", "True", "SessionReady", "the session is ready")],
    });
    create(kubernetes, NAMESPACE, &session, &status);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ada-connection"},
        "stringData": {"uri": spark.url("ada", ID)},
    });
    create(kubernetes, NAMESPACE, &secret, &json!(null));
    Shell { kubernetes, spark }
});

impl Shell {
    /// The program with Python and PySpark of the server's own version.
    fn command(&self, args: &[&str]) -> Command {
        let args = [&["session", "shell"], args].concat();
        let mut command = program(self.kubernetes.kubeconfig(), NAMESPACE, &args);
        for (name, value) in self.spark.home().python().get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs a program that comes by standard input.
    fn pipe(&self, args: &[&str], text: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = child.stdin.take().expect("it was asked for as a pipe");
        // One that ends before it has read all says why.
        let _ = input.write_all(text.as_bytes());
        drop(input);
        child.wait_with_output().expect("it ends")
    }
}

#[test]
fn a_program_comes_by_a_pipe_and_its_exit_code_goes_back() {
    let text = "\
import os, sys
from pyspark.sql import SparkSession
assert SparkSession.builder.getOrCreate() is spark
assert __name__ == '__main__'
shown = [*os.environ.values(), *sys.argv, open('/proc/self/cmdline').read()]
assert not any('hidden-token' in text for text in shown), shown
spark.range(3).show()
print(spark.client._user_id, spark.session_id)
sys.exit(7)
";
    let output = SHELL.pipe(&["ada"], text);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(told.contains("|  2|"), "{told}");
    assert!(told.contains(&format!("ada {ID}")), "{told}");
    // It is there still, as it was here before.
    let again = SHELL.pipe(&["ada"], "print(spark.range(4).count())");
    assert_eq!(again.stdout, b"4\n", "{}", self::told(&again));
}

#[test]
fn a_file_code_and_a_module_are_run_with_their_arguments() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    };
    write("helper.py", "answer = 42\n");
    let text = "import sys, helper\nprint(helper.answer, sys.argv[1:], spark.range(5).count())\n";
    let file = write("program.py", text);
    let run = |words: &[&str]| {
        let mut command = SHELL.command(&[&["ada", "--"], words].concat());
        let output = command.env("PYTHONPATH", path_with(folder.path())).output();
        output.expect("the program starts")
    };
    for words in [&[&file[..], "-x"][..], &["-m", "program", "-x"]] {
        let output = run(words);
        assert_eq!(output.stdout, b"42 ['-x'] 5\n", "{}", told(&output));
    }
    let output = run(&[
        "-c",
        "import sys; print(sys.argv); spark.sql('SELECT nothing').show()",
        "y",
    ]);
    assert_eq!(output.stdout, b"['-c', 'y']\n", "{}", told(&output));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("UNRESOLVED_COLUMN"),
        "{}",
        told(&output)
    );
}

/// Where Python finds PySpark and this folder.
fn path_with(folder: &Path) -> std::ffi::OsString {
    let python = SHELL.spark.home().python();
    let known = python.get_envs().find(|(name, _)| *name == "PYTHONPATH");
    let known = known.and_then(|(_, value)| value).unwrap_or_default();
    let known = std::env::split_paths(known);
    let paths: Vec<PathBuf> = [folder.to_owned()].into_iter().chain(known).collect();
    std::env::join_paths(paths).expect("no path has a colon")
}

#[test]
fn the_tutorial_goes_step_by_step() {
    let output = SHELL.pipe(&["ada", "--tutorial"], "for _ in range(5):\n    step()\n");
    assert!(output.status.success(), "{}", told(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for shown in [
        "Step 1 of 4",
        "|  1|Hello|",
        "|Electronics|    1200.0|",
        "That was the tutorial",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_before_a_session_is_opened() {
    let shell = &*SHELL;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pyspark = |version: Option<&str>| python(folder.path(), version).display().to_string();
    let refused = |args: &[&str]| {
        let output = shell.command(args).output().expect("the program starts");
        told(&output).replace(&folder.path().display().to_string(), "FOLDER")
    };
    let none = pyspark(None);
    insta::assert_snapshot!("no-pyspark", refused(&["ada", "--python", &none]));
    let other = pyspark(Some("4.1.4"));
    insta::assert_snapshot!("skew", refused(&["ada", "--python", &other]));
    let allowed = refused(&["ada", "--python", &other, "--allow-version-skew"]);
    assert!(allowed.starts_with("exit code: 0\n"), "{allowed}");
    assert!(allowed.contains("warning: PySpark 4.1.4"), "{allowed}");
    insta::assert_snapshot!("no-python", refused(&["ada", "--python", "no-such-python"]));
    insta::assert_snapshot!("no-program", refused(&["ada", "--", "-u", "x.py"]));
    insta::assert_snapshot!("no-session", refused(&["absent"]));
}

/// What a terminal shows of the shell, where somebody types; `modules` come before Python's own.
fn typed(modules: &Path, text: &str) -> Output {
    let program = SHELL.command(&["ada"]);
    let mut terminal = Command::new("python3");
    terminal
        .args(["-c", PROMPT])
        .arg(program.get_program())
        .args(program.get_args());
    let set = program
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    // Without a home IPython has no settings of the user's, and where the cursor cannot be moved the text is easy to read.
    terminal
        .env_clear()
        .envs(set)
        .env("TERM", "dumb")
        .env("HOME", SHELL.spark.folder())
        .env("PYTHONPATH", path_with(modules));
    let mut child = terminal
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("it was asked for as a pipe");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    child.wait_with_output().expect("it ends")
}

#[test]
fn on_a_terminal_there_is_a_prompt_with_a_banner() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let show = || {
        let output = typed(folder.path(), "spark.range(6).count() * 7\nexit()\n");
        let told = told(&output);
        assert!(output.status.success(), "{told}");
        let banner = "`spark` is session ada on server shell/demo. It is kept";
        assert!(told.contains(banner) && told.contains("42"), "{told}");
        told
    };
    show(); // By IPython, where this machine has it.
    let absent = "raise ImportError('there is no IPython')\n";
    std::fs::write(folder.path().join("IPython.py"), absent).expect("a file can be written");
    let plain = show();
    assert!(plain.contains(">>>"), "{plain}");
}
