//! The reference pages that are made of programs' own code, by tests of theirs: those hold a page in every run, and write it here. So the
//! developer commands need none of the programs to be built. Runs cargo.

use std::process::Command;

use sparkconnect_testkit::error::Error;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Result, page};

/// The packages with such tests.
const PACKAGES: [&str; 3] = [
    "sparkconnect-cli",
    "sparkconnect-gateway",
    "sparkconnect-operator",
];

/// Has them write their pages.
pub(crate) fn write() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(repository())
        .args(["test", "--quiet", "--lib"]);
    cargo.args(PACKAGES.map(|package| format!("--package={package}")));
    cargo.arg(page::TESTS).env(page::WRITE, "1");
    let status = cargo
        .status()
        .map_err(|error| Error::new(format!("{cargo:?} could not be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!(
        "{cargo:?} ended with {status}; its output is above"
    )))
}
