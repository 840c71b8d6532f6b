//! Pyright, the type checker for Python, from its package for Node.js. Does I/O: runs npm and Node.js.

use std::path::Path;
use std::process::Command;

use crate::error::{Context, Result};
use crate::toolchain::{self, Tool};
use crate::{cache, command};

const PACKAGE: &str = "pyright";
const VERSION: &str = "1.1.414";
const TOOLS: [Tool; 2] = [
    Tool {
        program: "node",
        package: "nodejs",
    },
    Tool {
        program: "npm",
        package: "npm",
    },
];

/// A command that runs it, for what `python` finds: pass it the environment of that Python too.
///
/// # Errors
/// When Node.js cannot be had, or the package registry is out of reach.
pub fn command(python: &Path) -> Result<Command> {
    toolchain::install(&TOOLS)?;
    let folder = cache::ensure(PACKAGE, VERSION, |place| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
            .arg("--prefix")
            .arg(place)
            .arg(format!("{PACKAGE}@{VERSION}"));
        command::logged(&mut npm, &place.with_extension("log"))
            .map_err(|error| error.hint("needs npm and a package registry"))
    })?;
    let mut node = Command::new("node");
    node.arg(folder.join("node_modules/pyright/index.js"));
    // Not all that it does heeds its option for this: it asks the first Python on the search path.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = python.parent().map(Path::to_owned);
    let folders = first.into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context(|| "making a search path".to_owned())?;
    node.env("PATH", path);
    Ok(node)
}
