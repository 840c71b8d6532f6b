//! A program of this workspace for a test of another package, for which cargo builds none by itself. Does I/O: runs cargo.

use std::path::PathBuf;
use std::process::Command;

use crate::command;
use crate::error::{Context, Error, Result};
use crate::install::repository;

/// The binary `name` of `package`, built as the test is that asks for it.
///
/// # Errors
/// When it cannot be built.
pub fn built(package: &str, name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context(|| "asking for this program's place".to_owned())?;
    // cargo puts tests into the folder `deps` of the profile's.
    let folder = test.ancestors().nth(2);
    let folder = folder.ok_or_else(|| Error::new("this program is no test that cargo built"))?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args([
        "build",
        "--quiet",
        "--profile",
        profile,
        "--package",
        package,
        "--bin",
        name,
    ]);
    if let Some(target) = folder.parent() {
        build.arg("--target-dir").arg(target);
    }
    command::output(build.current_dir(repository()))?;
    Ok(folder.join(name))
}
