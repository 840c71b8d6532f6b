//! The images of the project's own programs: cargo builds the binaries on this machine, a Dockerfile each copies one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::base::Base;
use super::store::{Build, Store};
use super::{Recipe, source};
use crate::error::{Context, Error, Result};
use crate::{cache, command};

/// Packages of the programs that have an image.
const BINARIES: [&str; 2] = ["sparkconnect-operator", "sparkconnect-gateway"];

/// What a Rust program that is linked to glibc needs.
const BASE: Base = Base {
    name: "debian",
    variant: "extract",
    packages: "libc6,libgcc-s1,ca-certificates",
};

struct Program {
    name: &'static str,
    binary: PathBuf,
    key: String,
}

/// The image of the program `name`, as in `operator`.
pub(super) fn recipe(name: &'static str) -> Result<impl Recipe> {
    let binary = compile(name)?;
    let read = |path: &Path| std::fs::read(path).context(|| format!("reading {}", path.display()));
    let parts = [
        read(&binary)?,
        read(&dockerfile(name))?,
        BASE.image().into_bytes(),
    ];
    let key = cache::key(parts.iter().map(Vec::as_slice));
    Ok(Program { name, binary, key })
}

fn dockerfile(name: &str) -> PathBuf {
    source(&format!("{name}.Dockerfile"))
}

impl Recipe for Program {
    fn names(&self) -> (&str, &str) {
        (self.name, "dev")
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn build(&self, store: &Store, name: &str) -> Result<()> {
        let base = BASE.ensure(store)?;
        let context = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        let file = self.binary.file_name().expect("cargo names a file");
        std::fs::copy(&self.binary, context.path().join(file))
            .context(|| format!("copying {}", self.binary.display()))?;
        store.build(
            name,
            &Build {
                dockerfile: &dockerfile(self.name),
                context: context.path(),
                arguments: &[("BASE", &base)],
            },
        )
    }
}

/// Has cargo build every program, as one build of all takes less than one each, and returns the place of `name`'s binary, which
/// cargo tells.
fn compile(name: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--profile", "image"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    for binary in BINARIES {
        command.args(["--package", binary, "--bin", binary]);
    }
    let messages = command::output(&mut command)?;
    let binary = format!("sparkconnect-{name}");
    executable(&messages, &binary).ok_or_else(|| Error::new(format!("cargo built no {binary}")))
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
