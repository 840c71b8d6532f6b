//! One version everywhere: that of the workspace in `Cargo.toml`. Reads files and runs cargo.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::{Error, Result, command};

/// Holds every version in the checkout `root` against `version`.
///
/// # Errors
/// When one differs: with the place of each.
pub(super) fn agree(root: &Path, version: &str) -> Result<()> {
    let mut found = crates(root)?;
    found.extend(chart(root)?);
    let differing: Vec<String> = found
        .iter()
        .filter(|(_, present)| present != version)
        .map(|(place, present)| format!("  {place}: {present}"))
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "not everything is version {version}:\n{}",
        differing.join("\n")
    ))
    .hint("the version is `workspace.package.version` in Cargo.toml; bring the others to it"))
}

/// The version of every crate of the workspace. The Python package and the programs have theirs from there.
fn crates(root: &Path) -> Result<Vec<(String, String)>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let answer = command::output(cargo.current_dir(root))?;
    let answer: Value =
        serde_json::from_str(&answer).context(|| "reading cargo's answer".to_owned())?;
    let packages = answer["packages"].as_array().into_iter().flatten();
    Ok(packages
        .map(|package| {
            let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
            (format!("crate {}", text("name")), text("version"))
        })
        .collect())
}

/// The chart's version, and that of the programs that it installs.
fn chart(root: &Path) -> Result<Vec<(String, String)>> {
    let place = "charts/sparkconnect/Chart.yaml";
    let text = fs::read_to_string(root.join(place)).context(|| format!("reading {place}"))?;
    let chart: serde_yaml::Value =
        serde_yaml::from_str(&text).context(|| format!("reading {place}"))?;
    let field = |name: &str| {
        let version = chart[name].as_str().unwrap_or("no text").to_owned();
        (format!("{name} in {place}"), version)
    };
    Ok(vec![field("version"), field("appVersion")])
}

#[cfg(test)]
mod tests {
    use sparkconnect_testkit::install::repository;

    use super::*;

    #[test]
    fn the_checkout_has_one_version() {
        agree(&repository(), env!("CARGO_PKG_VERSION")).unwrap();
    }

    #[test]
    fn what_differs_is_named() {
        let error = agree(&repository(), "99.0.0").unwrap_err().to_string();
        for place in [
            "crate sparkconnect-operator",
            "appVersion in charts/sparkconnect/Chart.yaml",
        ] {
            assert!(error.contains(place), "{error}");
        }
    }
}
