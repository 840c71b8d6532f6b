//! The images of the project's own programs, by `programs.Dockerfile`: cargo builds the programs on this machine, in the way that the
//! Dockerfile does it elsewhere, and their folder takes the place of its stage.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::base::{Base, Form};
use super::store::{Build, Store};
use super::{Recipe, source};
use crate::error::{Context, Error, Result};
use crate::install::repository;
use crate::{cache, cargo_tools, command};

/// The Dockerfile of both.
pub(super) const DOCKERFILE: &str = "programs.Dockerfile";

/// The profile of images that are for this machine.
const PROFILE: &str = "image";

/// Packages of the programs that have an image.
const BINARIES: [&str; 2] = ["sparkconnect-operator", "sparkconnect-gateway"];

/// What a Rust program that is linked to glibc needs, what it checks certificates with, and what tells a scanner that it is Debian's.
pub(super) const BASE: Base = Base {
    name: "debian",
    form: Form::Bare,
    packages: "base-files,ca-certificates,gcc-12-base,libc6,libgcc-s1",
};

/// What an image says of its making; see the Dockerfile's arguments of these names.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels {
    /// The commit.
    pub(super) revision: String,
    /// When the image is said to be made, as RFC 3339 has it.
    pub(super) created: String,
    /// The same in seconds since 1970: the time of every file that the image adds to its base.
    pub(super) timestamp: u64,
}

struct Program {
    name: &'static str,
    binary: PathBuf,
    key: String,
}

/// The image of the program `name`, as in `operator`, of the checkout in `sources`.
pub(super) fn recipe(sources: &Path, name: &'static str) -> Result<impl Recipe + use<>> {
    let binary = compile(sources, name)?;
    let read = |path: &Path| std::fs::read(path).context(|| format!("reading {}", path.display()));
    let parts = [
        read(&binary)?,
        read(&source(DOCKERFILE))?,
        BASE.image().into_bytes(),
        env!("CARGO_PKG_VERSION").into(),
    ];
    let key = cache::key(parts.iter().map(Vec::as_slice));
    Ok(Program { name, binary, key })
}

impl Recipe for Program {
    fn names(&self) -> (&str, &str) {
        (self.name, "dev")
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn build(&self, store: &Store, name: &str) -> Result<()> {
        let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        let out = folder.path().join("out");
        std::fs::create_dir(&out)
            .and_then(|()| {
                std::fs::copy(
                    &self.binary,
                    out.join(format!("sparkconnect-{}", self.name)),
                )
            })
            .context(|| format!("copying {}", self.binary.display()))?;
        build(store, name, self.name, folder.path(), &Labels::default())
    }
}

/// Builds the image of the program `program` under `name`, of what is in `out/` of `folder`.
pub(super) fn build(
    store: &Store,
    name: &str,
    program: &str,
    folder: &Path,
    labels: &Labels,
) -> Result<()> {
    store.build(
        name,
        &Build {
            arguments: &arguments(&BASE.ensure(store)?, labels),
            target: Some(program),
            contexts: &[("build", folder)],
            timestamp: Some(labels.timestamp),
            ..Build::new(&source(DOCKERFILE), &repository())
        },
    )
}

/// The Dockerfile's arguments.
fn arguments<'a>(base: &'a str, labels: &'a Labels) -> [(&'static str, &'a str); 4] {
    [
        ("BASE", base),
        ("VERSION", env!("CARGO_PKG_VERSION")),
        ("REVISION", &labels.revision),
        ("CREATED", &labels.created),
    ]
}

/// Has cargo build every program of the checkout in `sources`, as one build of all takes less than one each, and returns the place of
/// `name`'s binary, which cargo tells.
fn compile(sources: &Path, name: &str) -> Result<PathBuf> {
    let mut command = reproducible(&["cargo", "auditable", "build", "--locked"])?;
    command
        .current_dir(sources)
        .args(["--profile", PROFILE])
        .args(["--message-format", "json-render-diagnostics"]);
    for binary in BINARIES {
        command.args(["--package", binary, "--bin", binary]);
    }
    let messages = command::output(&mut command)?;
    let binary = format!("sparkconnect-{name}");
    executable(&messages, &binary).ok_or_else(|| Error::new(format!("cargo built no {binary}")))
}

/// A command that runs `words`, a build by cargo in the checkout, so that its result does not tell where it was made; cargo knows the
/// verb `auditable` in it.
///
/// # Errors
/// When cargo-auditable cannot be had.
pub fn reproducible(words: &[&str]) -> Result<Command> {
    let auditable = cargo_tools::auditable()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = auditable.parent().map(Path::to_owned);
    let folders = folders.into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| Error::new(error.to_string()))?;
    let mut command = Command::new(source("reproducible.sh"));
    command
        .args(words)
        .env("PATH", path)
        .current_dir(repository());
    Ok(command)
}

/// The executable `name` in cargo's messages, one JSON object a line.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .find(|path| path.file_name().is_some_and(|file| file == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_artifact_of_that_name() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"build-script-executed","executable":"/no/sparkconnect-operator"}
{"reason":"compiler-artifact","executable":"/target/image/sparkconnect-gateway"}
{"reason":"compiler-artifact","executable":"/target/image/sparkconnect-operator"}
{"reason":"build-finished","success":true}"#;
        let place = PathBuf::from("/target/image/sparkconnect-operator");
        assert_eq!(executable(messages, "sparkconnect-operator"), Some(place));
        assert_eq!(executable(messages, "sparkconnect"), None);
        assert_eq!(executable("not JSON", "sparkconnect-operator"), None);
    }
}
