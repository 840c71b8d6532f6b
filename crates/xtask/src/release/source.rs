//! What a release is made of: the checkout, its commit and its version. Reads files and runs git.

use std::process::Command;

use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, command};

/// The version of everything: that of the workspace in `Cargo.toml`.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that is released.
pub(super) struct Source {
    /// Its name.
    pub(super) revision: String,
    /// Its time as RFC 3339 has it.
    pub(super) created: String,
    /// The same in seconds since 1970.
    pub(super) timestamp: u64,
}

impl Source {
    /// The checkout's commit, which the checkout must be the same as unless `dirty` ones are allowed.
    pub(super) fn read(dirty: bool) -> Result<Self> {
        let changed = git(&["status", "--porcelain"])?;
        if !dirty && !changed.is_empty() {
            return Err(
                Error::new(format!("the checkout differs from its commit:\n{changed}"))
                    .hint("commit it, or say --allow-dirty to try out what would be released"),
            );
        }
        let seconds = git(&["log", "-1", "--format=%ct"])?;
        let timestamp = seconds
            .parse()
            .map_err(|_| Error::new(format!("git gave `{seconds}` for the commit's time")))?;
        Ok(Self {
            revision: git(&["rev-parse", "HEAD"])?,
            created: git(&[
                "log",
                "-1",
                "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
                "--format=%cd",
            ])?,
            timestamp,
        })
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    git.args(arguments).current_dir(repository());
    command::output(git.env("TZ", "UTC"))
}
