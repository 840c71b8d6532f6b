//! Jars from the registry of Maven, kept in the cache. Does I/O: runs Maven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::toolchain::{self, Tool};
use crate::{cache, command, progress};

const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
const MAVEN: Tool = Tool {
    program: "mvn",
    package: "maven",
};

/// A folder `kind/…` of the cache with the jars that the project file `pom` depends on, `jar` among them.
///
/// # Errors
/// When Maven or a registry are missing, or there is no such jar.
pub(crate) fn jars(kind: &str, pom: &str, jar: &str) -> Result<PathBuf> {
    let folder = kept(kind, pom, jar, |place| {
        let output = format!("-DoutputDirectory={}", place.display());
        fetch(pom, place, &["copy-dependencies", &output])
    })?;
    if folder.join(jar).is_file() {
        return Ok(folder);
    }
    let missing = Error::new(format!("{} has no {jar}", folder.display()));
    Err(missing.hint("remove that folder: it will be made anew"))
}

/// A folder that can be served as a registry of Maven: it has all that the project file `pom` depends on, as far as its dependencies go.
///
/// # Errors
/// When Maven or a registry are missing, or something cannot be had.
pub fn registry(pom: &str) -> Result<PathBuf> {
    kept("maven", pom, "a registry of Maven", |place| {
        let local = format!("-Dmaven.repo.local={}", place.display());
        fetch(pom, place, &["resolve", &local])
    })
}

fn kept(
    kind: &str,
    pom: &str,
    what: &str,
    fetch: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let key = cache::key([pom.as_bytes(), PLUGIN.as_bytes()]);
    cache::ensure(kind, &key, |place| {
        toolchain::install(&[MAVEN])?;
        progress::step(&format!("Fetching {what} (once; half a minute)"), || {
            fetch(place)
        })
    })
}

/// Runs a goal of the plug-in with the options after it, for the project of the file `pom`.
fn fetch(pom: &str, place: &Path, goal: &[&str]) -> Result<()> {
    let project = tempfile::tempdir().context(|| "making a folder for Maven".to_owned())?;
    let file = project.path().join("pom.xml");
    fs::write(&file, pom).context(|| format!("writing {}", file.display()))?;
    let mut maven = Command::new(MAVEN.program);
    maven
        .args(["--batch-mode", "--no-transfer-progress"])
        .arg(format!("{PLUGIN}:{}", goal[0]))
        .args(&goal[1..])
        .arg("-DincludeScope=runtime")
        .current_dir(project.path());
    command::logged(&mut maven, &place.with_extension("log"))
        .map_err(|error| error.hint("needs Maven and a package registry"))
}
