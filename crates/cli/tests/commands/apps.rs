//! `app`, with kubeflow's real definition. Its operator does not run: tests write what it would.

use std::process::Stdio;

use serde_json::{Value, json};
use sparkconnect_testkit::process::{Seen, wait_for};

use crate::fixture::{PATIENCE, Space, server};
use crate::program::{Program, told};

const PI: [&str; 7] = [
    "app",
    "submit",
    "local:///pi.py",
    "--name",
    "pi",
    "--spark-version",
    "4.1.4",
];

fn submitted(name: &'static str) -> Space {
    let space = Space::new(name);
    let told = space.run(&[&PI[..], &["--image", "none"]].concat());
    assert!(told.contains("sparkapplication/pi submitted"), "{told}");
    space
}

fn status(state: &str, message: &str) -> Value {
    json!({
        "applicationState": {"state": state, "errorMessage": message}, "driverInfo": {},
        "sparkApplicationId": "spark-1", "terminationTime": "2020-01-01T00:01:00Z",
        "lastSubmissionAttemptTime": null,
    })
}

#[test]
fn one_is_submitted_with_what_the_options_say() {
    let space = Space::new("app-submit");
    let options = [
        "--num-executors",
        "2",
        "--driver-memory",
        "1g",
        "--conf",
        "spark.a=1",
        "--",
        "10",
    ];
    insta::assert_snapshot!("app-submit", space.run(&[&PI[..], &options].concat()));
    let spec = space.kubectl(&["get", "sparkapplication/pi", "--output=jsonpath={.spec.executor.instances} {.spec.driver.memory} {.spec.arguments} {.spec.sparkConf}"]);
    assert_eq!(spec, r#"2 1g ["10"] {"spark.a":"1"}"#);
    insta::assert_snapshot!("app-submit-again", space.run(&PI));
    insta::assert_snapshot!(
        "app-submit-incomplete",
        space.run(&["app", "submit", "local:///pi.py", "--name", "pi"])
    );
}

#[test]
fn a_file_says_it_all() {
    let space = Space::new("app-file");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let write = |text: &str| std::fs::write(&file, text).expect("it can be written");
    let path = file.path().display().to_string();
    write("name: pi\nmain_file: local:///pi.py\nspark_version: 4.1.4\nexecutor: {instances: 1}\n");
    insta::assert_snapshot!(
        "app-submit-file",
        space.run(&["app", "submit", "-f", &path, "-o", "name"])
    );
    write("name: pi\nmain_fiel: local:///pi.py\n");
    let told = space
        .run(&["app", "submit", "-f", &path])
        .replace(&path, "FILE");
    insta::assert_snapshot!("app-submit-file-wrong", told);
}

#[test]
fn they_are_listed_and_described() {
    let space = submitted("app-list");
    insta::assert_snapshot!("app-get-new", space.run(&["app", "get", "pi"]));
    space.tell(
        "sparkapplication/pi",
        &status("FAILED", "driver pod failed"),
    );
    for (name, args) in [
        ("table", &[][..]),
        ("wide", &["-o", "wide"]),
        ("json", &["-o", "json"]),
        ("yaml", &["-o", "yaml"]),
        ("name", &["-o", "name"]),
    ] {
        insta::assert_snapshot!(
            format!("app-ls-{name}"),
            space.run(&[&["app", "ls"], args].concat())
        );
    }
    insta::assert_snapshot!("app-get", space.run(&["app", "status", "pi"]));
    let none = Space::new("app-none");
    insta::assert_snapshot!(
        "app-ls-none",
        none.run(&["app", "ls", "--backend", "kubeflow"])
    );
    insta::assert_snapshot!(
        "app-ls-other",
        none.run(&["app", "ls", "--backend", "apache"])
    );
}

#[test]
fn the_exit_code_says_how_one_ended() {
    let space = submitted("app-wait");
    space.tell("sparkapplication/pi", &status("COMPLETED", ""));
    insta::assert_snapshot!("app-wait", space.run(&["app", "wait", "pi"]));
    space.tell(
        "sparkapplication/pi",
        &status("FAILED", "driver pod failed"),
    );
    insta::assert_snapshot!("app-wait-failed", space.run(&["app", "wait", "pi"]));
    insta::assert_snapshot!(
        "app-wait-follow",
        space.run(&["app", "wait", "pi", "--follow"])
    );
    space.tell("sparkapplication/pi", &status("RUNNING", ""));
    insta::assert_snapshot!(
        "app-wait-late",
        space.run(&["app", "wait", "pi", "--timeout", "1s"])
    );
}

#[test]
fn an_interrupt_leaves_one_running() {
    let space = submitted("app-interrupt");
    space.tell("sparkapplication/pi", &status("RUNNING", ""));
    let args = ["app", "wait", "pi", "--verbose", "-n", space.0];
    let mut program = Program::new(&args).with(server().kubeconfig());
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let out = log.reopen().expect("it is there");
    let child = program.0.stdout(Stdio::piped()).stderr(out).spawn();
    let child = child.expect("the program starts");
    let seen = wait_for("the wait to begin", PATIENCE, || {
        let told = std::fs::read_to_string(log.path()).unwrap_or_default();
        Ok(if told.contains("RUNNING") {
            Seen::Done(())
        } else {
            Seen::NotYet(told)
        })
    });
    seen.unwrap_or_else(|error| panic!("{error}"));
    crate::sessions::interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let told = std::fs::read_to_string(log.path()).expect("it is there");
    assert!(
        told.ends_with("Interrupted: sparkapplication/pi goes on.\n"),
        "{told}"
    );
    assert_eq!(
        space.kubectl(&["get", "sparkapplications", "--output=name"]),
        "sparkapplication.sparkoperator.k8s.io/pi"
    );
}

#[test]
fn one_is_held_back_resumed_and_removed() {
    let space = submitted("app-change");
    let suspended = || {
        space.kubectl(&[
            "get",
            "sparkapplication/pi",
            "--output=jsonpath={.spec.suspend}",
        ])
    };
    insta::assert_snapshot!("app-suspend", space.run(&["app", "suspend", "pi"]));
    assert_eq!(suspended(), "true");
    insta::assert_snapshot!("app-resume", space.run(&["app", "resume", "pi"]));
    assert_eq!(suspended(), "false");
    insta::assert_snapshot!("app-delete", space.run(&["app", "delete", "pi", "pi"]));
}

#[test]
fn a_log_that_is_not_there_is_told_as_such() {
    let space = submitted("app-logs");
    insta::assert_snapshot!(space.run(&["app", "logs", "pi"]));
}

#[test]
fn a_password_is_read_and_never_shown() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&file, "hidden\n").expect("it can be written");
    let path = file.path().display().to_string();
    // In the clear to another host: refused before anything is sent.
    let args = [
        "app",
        "ls",
        "--livy-url",
        "http://livy.example",
        "--livy-user",
        "ada",
    ];
    let by_file = [&args[..], &["--livy-password-file", &path]].concat();
    let told_by_file = Program::new(&by_file).told();
    let mut by_environment = Program::new(&args);
    by_environment.0.env("SPARKCONNECT_LIVY_PASSWORD", "hidden");
    let told_by_environment = told(&by_environment.output());
    assert_eq!(told_by_file, told_by_environment);
    assert!(!told_by_file.contains("hidden"), "{told_by_file}");
    insta::assert_snapshot!(told_by_file);
}
