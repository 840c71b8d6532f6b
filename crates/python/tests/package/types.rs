//! The package's types, and those of a user's program, by both type checkers at their strictest; the native module's against the module.

use std::process::Command;

use sparkconnect_testkit::pyright;
use sparkconnect_testkit::spark::{EARLIER, SparkHome};

use crate::fixture::{here, python, with_pyspark};

const NEWEST: &str = "4.3.0";

/// They print what they find on standard output.
fn checked(checker: &mut Command) {
    let output = checker.output().expect("it starts");
    let found = [output.stdout, output.stderr].concat();
    let found = String::from_utf8_lossy(&found);
    assert!(output.status.success(), "{checker:?}\n{found}");
}

fn mypy(version: &str, arguments: &[&str]) {
    let mut mypy = with_pyspark(version);
    // The program is checked against what is installed.
    mypy.current_dir(here("tests/typed"))
        .args(["-m", "mypy", "--strict", "--cache-dir=/dev/null"])
        .args(arguments);
    checked(&mut mypy);
}

fn pyright() -> Command {
    let home = SparkHome::ensure(NEWEST).unwrap_or_else(|error| panic!("{error}"));
    let mut pyright = pyright::command(python()).unwrap_or_else(|error| panic!("{error}"));
    for (variable, value) in home.python().get_envs() {
        if let Some(value) = value {
            pyright.env(variable, value);
        }
    }
    pyright
}

#[test]
fn mypy_finds_nothing() {
    for version in [EARLIER, NEWEST] {
        mypy(version, &["--package", "sparkconnect"]);
        mypy(version, &["program.py"]);
    }
}

#[test]
fn pyright_finds_nothing() {
    checked(pyright().arg("--project").arg(here("pyproject.toml")));
    checked(pyright().args(["--verifytypes", "sparkconnect", "--ignoreexternal"]));
}

#[test]
fn the_native_module_is_as_it_is_described() {
    // It leaves a cache where it runs.
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut stubtest = with_pyspark(NEWEST);
    stubtest.args(["-m", "mypy.stubtest", "sparkconnect._native"]);
    checked(stubtest.current_dir(folder.path()));
}
