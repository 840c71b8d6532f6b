//! The operator's image: cargo builds the binary on this machine, a Dockerfile copies it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::base::Base;
use super::store::{Build, Store};
use super::{Recipe, source};
use crate::error::{Context, Error, Result};
use crate::{cache, command};

const BINARY: &str = "sparkconnect-operator";

/// What a Rust program that is linked to glibc needs.
const BASE: Base = Base {
    name: "debian",
    variant: "extract",
    packages: "libc6,libgcc-s1,ca-certificates",
};

struct Operator {
    binary: PathBuf,
    key: String,
}

pub(super) fn recipe() -> Result<impl Recipe> {
    let binary = compile()?;
    let read = |path: &Path| std::fs::read(path).context(|| format!("reading {}", path.display()));
    let parts = [
        read(&binary)?,
        read(&source("operator.Dockerfile"))?,
        BASE.image().into_bytes(),
    ];
    let key = cache::key(parts.iter().map(Vec::as_slice));
    Ok(Operator { binary, key })
}

impl Recipe for Operator {
    fn names(&self) -> (&str, &str) {
        ("operator", "dev")
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn build(&self, store: &Store, name: &str) -> Result<()> {
        let base = BASE.ensure(store)?;
        let context = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        std::fs::copy(&self.binary, context.path().join(BINARY))
            .context(|| format!("copying {}", self.binary.display()))?;
        store.build(
            name,
            &Build {
                dockerfile: &source("operator.Dockerfile"),
                context: context.path(),
                arguments: &[("BASE", &base)],
            },
        )
    }
}

/// Has cargo build the operator, and returns the binary's place, which cargo tells.
fn compile() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--profile",
            "image",
            "--package",
            BINARY,
            "--bin",
            BINARY,
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let messages = command::output(&mut command)?;
    executable(&messages).ok_or_else(|| Error::new(format!("cargo built no {BINARY}")))
}

/// The executable in cargo's messages, one JSON object a line.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_artifact_that_has_one() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"build-script-executed","executable":"/no"}
{"reason":"compiler-artifact","executable":"/target/image/sparkconnect-operator"}
{"reason":"build-finished","success":true}"#;
        let place = PathBuf::from("/target/image/sparkconnect-operator");
        assert_eq!(executable(messages), Some(place));
        assert_eq!(executable("not JSON"), None);
    }
}
