//! The Python package, built as a wheel by the pinned maturin and installed in an environment of its own. Does I/O: runs cargo and pip.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::install::repository;
use crate::spark::SparkHome;
use crate::{command, images, wheels};

/// The same as whoever builds the wheel by hand needs.
const REQUIREMENTS: &str = include_str!("../../python/requirements.txt");

const INSTALL: [&str; 6] = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"];

/// A Python in `folder` that has the package and nothing else; what was there of a run before is removed.
///
/// # Errors
/// When the wheel cannot be built or installed.
pub fn installed(folder: &Path) -> Result<PathBuf> {
    installed_with(folder, "dev")
}

/// As [`installed`], with the native module built by this profile of the workspace.
///
/// # Errors
/// As [`installed`].
pub fn installed_with(folder: &Path, profile: &str) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).context(|| format!("removing {}", folder.display()))?;
    }
    let to = folder.join("wheel");
    let tools = maturin(&to)?;
    let wheel = build(&mut Command::new(tools), &to, profile)?;
    environment(folder, &wheel)
}

/// The wheel of a release in `folder`, built by this profile so that the same source gives the same wheel; `timestamp`, in seconds since
/// 1970, is the time of its files.
///
/// # Errors
/// When it cannot be built.
pub fn released(folder: &Path, profile: &str, timestamp: u64) -> Result<PathBuf> {
    let tools = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
    let maturin = maturin(tools.path())?;
    let mut command = images::reproducible(&[&maturin.to_string_lossy()])?;
    command.env("SOURCE_DATE_EPOCH", timestamp.to_string());
    build(&mut command, folder, profile)
}

/// A Python in `folder` that has `wheel` and nothing else.
///
/// # Errors
/// When Python has no venv, or the wheel cannot be installed.
pub fn environment(folder: &Path, wheel: &Path) -> Result<PathBuf> {
    let environment = folder.join("environment");
    command::output(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    )
    .map_err(|error| error.hint("needs python3 with venv (package python3-venv)"))?;
    let python = environment.join("bin/python");
    command::output(Command::new(&python).args(INSTALL).arg(wheel))?;
    Ok(python)
}

/// Installs what the requirements file `text` names for that Python: exact versions, dependencies included in the file.
///
/// # Errors
/// As [`wheels::locked`], and when something cannot be installed.
pub fn add(python: &Path, text: &str) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args(INSTALL).args(wheels_in(&wheels::locked(text)?)?);
    command::output(&mut pip).map(drop)
}

/// A command that runs that Python where it finds the PySpark of `home` too.
pub fn with_pyspark(python: &Path, home: &SparkHome) -> Command {
    let mut command = Command::new(python);
    for (variable, value) in home.python().get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command
}

/// The pinned maturin, installed in `folder`.
fn maturin(folder: &Path) -> Result<PathBuf> {
    let tools = folder.join("maturin");
    let mut pip = Command::new("python3");
    pip.args(INSTALL).arg("--target").arg(&tools);
    command::output(pip.args(wheels_in(&wheels::locked(REQUIREMENTS)?)?))?;
    Ok(tools.join("bin/maturin"))
}

/// Builds the wheel in `to` by `maturin`, a command that runs it.
fn build(maturin: &mut Command, to: &Path, profile: &str) -> Result<PathBuf> {
    maturin
        .args(["build", "--quiet", "--profile", profile, "--out"])
        .arg(to)
        .current_dir(repository().join("crates/python"));
    command::output(maturin)?;
    let mut built = wheels_in(to)?;
    built
        .pop()
        .ok_or_else(|| Error::new("maturin built no wheel"))
}

fn wheels_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", folder.display());
    let entries = std::fs::read_dir(folder).context(reading)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).context(reading));
    let wheel = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "whl");
    paths
        .filter(|path| path.as_ref().map_or(true, wheel))
        .collect()
}
