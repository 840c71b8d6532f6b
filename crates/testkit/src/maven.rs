//! Jars from the registry of Maven, kept in the cache. Does I/O: runs Maven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::toolchain::{self, Tool};
use crate::{cache, command, progress};

const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const MAVEN: Tool = Tool {
    program: "mvn",
    package: "maven",
};

/// A folder `kind/…` of the cache with the jars that the project file `pom` depends on, `jar` among them.
///
/// # Errors
/// When Maven or a registry are missing, or there is no such jar.
pub(crate) fn jars(kind: &str, pom: &str, jar: &str) -> Result<PathBuf> {
    let key = cache::key([pom.as_bytes(), PLUGIN.as_bytes()]);
    let folder = cache::ensure(kind, &key, |place| {
        toolchain::install(&[MAVEN])?;
        progress::step(&format!("Fetching {jar} (once; half a minute)"), || {
            fetch(pom, place)
        })
    })?;
    if folder.join(jar).is_file() {
        return Ok(folder);
    }
    let missing = Error::new(format!("{} has no {jar}", folder.display()));
    Err(missing.hint("remove that folder: it will be made anew"))
}

fn fetch(pom: &str, place: &Path) -> Result<()> {
    let project = tempfile::tempdir().context(|| "making a folder for Maven".to_owned())?;
    let file = project.path().join("pom.xml");
    fs::write(&file, pom).context(|| format!("writing {}", file.display()))?;
    let mut maven = Command::new(MAVEN.program);
    maven
        .args(["--batch-mode", "--no-transfer-progress", PLUGIN])
        .arg(format!("-DoutputDirectory={}", place.display()))
        .arg("-DincludeScope=runtime")
        .current_dir(project.path());
    command::logged(&mut maven, &place.with_extension("log"))
        .map_err(|error| error.hint("needs Maven and a package registry"))
}
