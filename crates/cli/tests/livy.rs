//! Batch jobs by a real Livy with a real Spark, through the real program.

use std::fs;
use std::process::{Command, Output};
use std::sync::LazyLock;

use sparkconnect_testkit::livy::Livy;

// A static is not dropped; the server ends with this process.
static LIVY: LazyLock<Livy> =
    LazyLock::new(|| Livy::start("4.1.4").unwrap_or_else(|error| panic!("{error}")));

fn run(args: &[&str]) -> Output {
    let url = format!("http://127.0.0.1:{}", LIVY.port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-sparkconnect"));
    let (before, after) = args.split_at(2);
    command.args(before).args(["--livy-url", &url]).args(after);
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The place of a Python program of this text.
fn program(name: &str, text: &str) -> String {
    let path = LIVY.files().join(format!("{name}.py"));
    fs::write(&path, text).expect("the folder is there");
    path.display().to_string()
}

#[test]
fn a_batch_is_followed_to_its_end_listed_and_removed() {
    let path = program("follow", "import sys\nprint('it has', sys.argv[1:])\n");
    let done = run(&[
        "app", "submit", &path, "--name", "follow", "--follow", "--", "a", "b c",
    ]);
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(0), "{out}{err}");
    assert!(out.contains("it has ['a', 'b c']\n"), "{out}");
    assert!(
        !out.contains("submitted") && err.contains(" submitted\n"),
        "{out}{err}"
    );
    assert!(err.ends_with(" succeeded\n"), "{err}");

    let listed = text(&run(&["app", "ls"]).stdout);
    assert!(listed.starts_with("ID   NAME"), "{listed}");
    assert!(
        listed
            .lines()
            .any(|line| line.contains("follow") && line.contains("succeeded")),
        "{listed}"
    );
    let log = text(&run(&["app", "logs", "follow", "--tail", "1"]).stdout);
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(text(&run(&["app", "delete", "follow"]).stdout).ends_with("batch/follow deleted\n"));
    assert_eq!(run(&["app", "get", "follow"]).status.code(), Some(3));
}

#[test]
fn a_batch_that_fails_is_told_by_the_exit_code() {
    let path = program("fails", "raise SystemExit(3)\n");
    let done = run(&[
        "app", "submit", &path, "--name", "fails", "--wait", "-o", "name",
    ]);
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(6), "{out}{err}");
    assert!(out.trim().parse::<u32>().is_ok(), "{out}");
    assert!(
        err.contains("failed") && err.contains("hint: `app logs"),
        "{err}"
    );
}

#[test]
fn what_livy_does_not_have_is_refused() {
    let path = program("refused", "");
    let refused = run(&["app", "submit", &path, "--spark-version", "4.1.4"]);
    assert_eq!(refused.status.code(), Some(2));
    let err = text(&refused.stderr);
    assert!(
        err.contains("`spark_version` is --spark-version here"),
        "{err}"
    );
}
