//! Programs of pinned Go modules, each a folder of `tests/` with a `go.mod`: built once and kept in the cache. Runs `go`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::{cache, command, progress};

/// The program `name`, which is the Go package `package` of the module in `tests/<module>`: a package of the module's own, as in `./health`, or
/// of one that it requires. Built anew when a file of the module's folder changes.
///
/// # Errors
/// When Go is missing, a module cannot be had, or the build fails.
pub fn program(module: &str, package: &str, name: &str) -> Result<PathBuf> {
    let folder = folder(module);
    let place = cache::ensure(&format!("go-{name}"), &key(&folder)?, |place| {
        let what = format!("Building {name} (once; some minutes on two cores)");
        progress::step(&what, || build(&folder, package, &place.join(name)))
    })?;
    Ok(place.join(name))
}

/// Where Go keeps the files of `requirement`, which the module in `tests/<module>` requires.
///
/// # Errors
/// When Go is missing, or the module cannot be had.
pub fn source(module: &str, requirement: &str) -> Result<PathBuf> {
    let mut go = Command::new("go");
    go.current_dir(folder(module))
        .args(["mod", "download", "-json", requirement]);
    let answer: Value = serde_json::from_str(&command::output(&mut go)?)
        .context(|| "reading what go downloaded".to_owned())?;
    let place = answer["Dir"].as_str().map(PathBuf::from);
    place.ok_or_else(|| Error::new(format!("go did not say where {requirement} is")))
}

/// A key over every file of the module in `tests/<module>`: what is made of it is made anew when one changes.
///
/// # Errors
/// When a file cannot be read.
pub fn key_of(module: &str) -> Result<String> {
    key(&folder(module))
}

fn build(folder: &Path, package: &str, output: &Path) -> Result<()> {
    let mut go = Command::new("go");
    go.current_dir(folder)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false")
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(output)
        .arg(package);
    command::output(&mut go).map(drop)
}

fn key(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut parts = Vec::new();
    for path in files {
        let text = fs::read(&path).context(|| format!("reading {}", path.display()))?;
        let name = path.strip_prefix(folder).unwrap_or(&path);
        parts.push(name.as_os_str().as_encoded_bytes().to_vec());
        parts.push(text);
    }
    Ok(cache::key(parts.iter().map(Vec::as_slice)))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let reading = || format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).context(reading)? {
        let path = entry.context(reading)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn folder(module: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(module)
}
