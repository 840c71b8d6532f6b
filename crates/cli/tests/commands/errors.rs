//! What goes wrong: one sentence, a hint, and an exit code that scripts can decide by.

use std::process::Stdio;

use crate::fixture::{Space, ada, demo, server};
use crate::program::Program;

#[test]
fn a_command_line_that_cannot_be_is_refused() {
    let cases: [&[&str]; 8] = [
        &[],
        &["server"],
        &["session", "lst"],
        &["session", "ls", "-o", "xml"],
        &["session", "create", "demo", "--idle-timeout", "2 hours"],
        &["session", "create", "demo", "--conf", "a"],
        &["session", "get", "pod/ada"],
        &["app", "submit"],
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|args| format!("$ {}\n{}", args.join(" "), Program::new(args).told()))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn values_that_cannot_be_together_are_refused_before_anything_is_asked() {
    let cases: [&[&str]; 7] = [
        &["session", "ls", "-A", "-n", "team"],
        &["-n", "team", "server", "ls", "-A"],
        &[
            "session", "create", "demo", "--conf", "a=1", "--conf", "a=2",
        ],
        &[
            "app",
            "ls",
            "--backend",
            "kubeflow",
            "--livy-url",
            "http://127.0.0.1:9",
        ],
        &["app", "ls", "--backend", "livy"],
        &[
            "app",
            "ls",
            "--livy-url",
            "http://127.0.0.1:9",
            "-n",
            "team",
        ],
        &[
            "app",
            "ls",
            "--livy-url",
            "http://127.0.0.1:9",
            "--livy-user",
            "ada",
        ],
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|args| format!("$ {}\n{}", args.join(" "), Program::new(args).told()))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn without_a_cluster_it_says_so() {
    let told = Program::new(&["session", "ls"]).told();
    insta::assert_snapshot!("no-cluster", told);
    let told = Program::new(&["session", "ls", "--kubeconfig", "/nonexistent/config"]).told();
    insta::assert_snapshot!("no-kubeconfig", told);
    let mut absent = Program::new(&["session", "ls", "--context", "other"]);
    let told = absent.0.env("KUBECONFIG", server().kubeconfig());
    let told = crate::program::told(&told.output().expect("the program starts"));
    insta::assert_snapshot!("no-context", told);
}

#[test]
fn a_cluster_that_does_not_answer_is_told_as_such() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let kubeconfig = std::fs::read_to_string(server().kubeconfig()).expect("a kubeconfig");
    // Nobody listens on port 9 of the loopback address.
    let nowhere = kubeconfig.replace(server().url(), "https://127.0.0.1:9");
    std::fs::write(&file, nowhere).expect("it can be written");
    let told = Program::new(&["session", "ls"]).with(file.path()).told();
    insta::assert_snapshot!(told);
}

#[test]
fn who_may_not_is_told_what_is_missing() {
    let space = Space::new("forbidden");
    let (object, status) = demo();
    space.create(&object, &status);
    let nobody = Space::nobody();
    for (name, args) in [
        ("forbidden-list", &["session", "ls"][..]),
        ("forbidden-scale", &["server", "scale", "demo", "1"]),
    ] {
        let args = [args, &["-n", space.0]].concat();
        let told = Program::new(&args).with(&nobody).told();
        insta::assert_snapshot!(name, told);
    }
}

#[test]
fn what_is_not_there_has_an_exit_code_of_its_own() {
    let space = Space::new("absent");
    let cases: [&[&str]; 7] = [
        &["server", "get", "demo"],
        &["server", "logs", "demo"],
        &["server", "scale", "demo", "1"],
        &["server", "restart", "demo"],
        &["session", "get", "ada"],
        &["session", "url", "ada"],
        &["session", "close", "ada"],
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|args| format!("$ {}\n{}", args.join(" "), space.run(args)))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let space = Space::new("unread");
    let (object, status) = ada();
    space.create(&object, &status);
    let args = ["session", "ls", "-o", "json", "-n", space.0];
    let mut program = Program::new(&args).with(server().kubeconfig());
    program.0.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.0.spawn().expect("the program starts");
    // Nobody reads: what it writes later is refused.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
