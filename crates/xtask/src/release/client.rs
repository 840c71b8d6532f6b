//! The client: the Python package, and kubectl-sparkconnect with its manual and completions. Builds by cargo and maturin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::images::{pack, reproducible};
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, command, progress, python_package};

use super::source::VERSION;
use super::{Release, images, names};

/// The program of the command line.
pub(super) const PROGRAM: &str = "kubectl-sparkconnect";
/// What kubectl asks for the program's completions.
const COMPLETE: &str = "kubectl_complete-sparkconnect";

/// The program's archive.
pub(super) fn archive() -> String {
    let (system, architecture) = images::platform();
    format!("{PROGRAM}-{VERSION}-{system}-{architecture}.tar.gz")
}

/// The wheel's file, whose name says for which systems it is.
pub(super) fn wheel(release: &Release) -> Result<String> {
    let prefix = format!("sparkconnect-{VERSION}-");
    let is_wheel = |name: &String| name.starts_with(&prefix) && name.ends_with(".whl");
    let wheel = names(release)?.into_iter().find(is_wheel);
    wheel.ok_or_else(|| Error::new(format!("there is no wheel of version {VERSION}")))
}

/// Writes wheel and archive.
pub(super) fn write(release: &Release) -> Result<()> {
    progress::step("Building the Python package", || {
        let time = release.source.timestamp;
        python_package::released(&release.folder, &release.profile, time).map(drop)
    })?;
    progress::step(&format!("Building {PROGRAM}"), || {
        let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        lay_out(release, folder.path())?;
        pack(
            folder.path(),
            &[PROGRAM, COMPLETE, "LICENSE", "completions", "man1"],
            release.source.timestamp,
            &release.file(&archive()),
        )
    })
}

/// Puts into `folder` what the archive holds.
fn lay_out(release: &Release, folder: &Path) -> Result<()> {
    let program = compile(&release.profile)?;
    copy(&program, &folder.join(PROGRAM))?;
    copy(&repository().join("LICENSE"), &folder.join("LICENSE"))?;
    let complete = folder.join(COMPLETE);
    let script = command::output(Command::new(&program).args(["completion", "kubectl"]))?;
    fs::write(&complete, script + "\n")
        .and_then(|()| fs::set_permissions(&complete, fs::metadata(&program)?.permissions()))
        .context(|| format!("writing {}", complete.display()))?;
    let mut pages = Command::new(env!("CARGO"));
    pages
        .args([
            "run",
            "--quiet",
            "--package",
            "sparkconnect-cli",
            "--example",
            "pages",
            "--",
        ])
        .arg(folder)
        .current_dir(repository());
    command::output(&mut pages).map(drop)
}

fn compile(profile: &str) -> Result<PathBuf> {
    let mut cargo = reproducible(&["cargo", "auditable", "build", "--locked"])?;
    cargo
        .args([
            "--profile",
            profile,
            "--package",
            "sparkconnect-cli",
            "--bin",
            PROGRAM,
        ])
        .args(["--message-format", "json-render-diagnostics"]);
    let messages = command::output(&mut cargo)?;
    let messages = messages.lines().map(serde_json::from_str::<Value>);
    let mut programs =
        messages.filter_map(|message| Some(message.ok()?["executable"].as_str()?.into()));
    programs
        .next_back()
        .ok_or_else(|| Error::new(format!("cargo built no {PROGRAM}")))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .context(|| format!("copying {}", from.display()))
}
