//! Tools of cargo that checks use, pinned, built once and kept in the cache. Runs `cargo install`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::{cache, command, progress};

/// The version of cargo-deny that `deny.toml` is written for.
const DENY: &str = "0.20.2";
/// The version of cargo-auditable, which `deploy/images/programs.Dockerfile` names too.
const AUDITABLE: &str = "0.7.7";
/// The version of mdBook that `docs/book.toml` is written for.
const MDBOOK: &str = "0.5.4";

/// cargo-deny, built if it is not in the cache; that takes minutes and says so on standard error.
///
/// # Errors
/// When the registry is out of reach or the build fails, with the place of its log.
pub fn deny() -> Result<PathBuf> {
    install("cargo-deny", DENY, &[])
}

/// cargo-auditable, built if it is not in the cache; that takes a minute and says so on standard error.
///
/// # Errors
/// As [`deny`].
pub fn auditable() -> Result<PathBuf> {
    install("cargo-auditable", AUDITABLE, &[])
}

/// mdBook, built if it is not in the cache; that takes a minute and says so on standard error.
///
/// # Errors
/// As [`deny`].
pub fn mdbook() -> Result<PathBuf> {
    // It serves and watches nothing here.
    let features = ["--no-default-features", "--features=search"];
    install("mdbook", MDBOOK, &features)
}

fn install(name: &str, version: &str, features: &[&str]) -> Result<PathBuf> {
    let folder = cache::ensure("tools", &format!("{name}-{version}"), |place| {
        let what = format!("Building {name} {version} (once; some minutes)");
        progress::step(&what, || build(name, version, features, place))
    })?;
    let program = folder.join("bin").join(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(
        Error::new(format!("{} is missing", program.display())).hint(format!(
            "remove {}: it will be built anew",
            folder.display()
        )),
    )
}

fn build(name: &str, version: &str, features: &[&str], place: &Path) -> Result<()> {
    let target = place.join("target");
    let log = std::env::temp_dir().join(format!("sparkconnect-{name}.log"));
    // The caller is often a cargo of its own: neither its target folder nor its flags are for this build.
    let mut cargo = Command::new("cargo");
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env("CARGO_TARGET_DIR", &target)
        // A tool that runs for seconds is worth no long optimisation.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    cargo
        .args(["install", "--locked", "--quiet", "--no-track", "--root"])
        .arg(place)
        .args(features)
        .arg(format!("{name}@{version}"));
    command::logged(&mut cargo, &log)?;
    fs::remove_dir_all(&target).context(|| format!("removing {}", target.display()))
}
