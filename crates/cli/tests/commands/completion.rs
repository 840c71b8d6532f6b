//! `completion`: a script for each shell, and for kubectl.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use sparkconnect_testkit::command;

use crate::fixture::{Space, ada, server};
use crate::program::Program;

#[test]
fn every_shell_has_its_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Program::new(&["completion", shell]).output();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{shell}"
        );
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        for word in ["kubectl-sparkconnect", "request-timeout", "suspend"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// kubectl finds the script by its name, and the program by its own.
#[test]
fn kubectl_completes_verbs_and_names() {
    let space = Space::new("completion");
    let (session, status) = ada();
    space.create(&session, &status);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("kubectl_complete-sparkconnect");
    let output = Program::new(&["completion", "kubectl"]).output();
    std::fs::write(&script, output.stdout).expect("it can be written");
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("it is ours");
    let program = env!("CARGO_BIN_EXE_kubectl-sparkconnect");
    let linked = folder.path().join("kubectl-sparkconnect");
    std::os::unix::fs::symlink(program, linked).expect("it can be linked");
    let paths = [
        folder.path().display().to_string(),
        std::env::var("PATH").unwrap_or_default(),
    ];
    let complete = |words: &[&str]| {
        let args = [&["__complete", "sparkconnect"], words].concat();
        let mut kubectl = server().kubectl(&args);
        kubectl.env("PATH", paths.join(":"));
        command::output(&mut kubectl).unwrap_or_else(|error| panic!("{error}"))
    };
    let verbs = complete(&["session", "c"]);
    assert!(
        verbs.contains("create\t") && verbs.contains("close\t") && !verbs.contains("url"),
        "{verbs}"
    );
    let names = complete(&["session", "get", "-n", space.0, ""]);
    assert_eq!(names, "ada\n:4");
}
