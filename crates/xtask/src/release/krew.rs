//! The manifest by which kubectl's plug-in manager, krew, finds `kubectl sparkconnect`. Reads the archive that it names.

use std::process::Command;

use serde_json::{Value, json};
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::{Error, Result, command};

use super::source::VERSION;
use super::{Release, client, images};

/// The manifest's file; krew wants it to be the plug-in's name.
pub(super) const FILE: &str = "sparkconnect.yaml";

/// Writes the manifest.
pub(super) fn write(release: &Release) -> Result<()> {
    let archive = client::archive();
    let sum = command::output(Command::new("sha256sum").arg(release.file(&archive)))?;
    let sum = sum.split_whitespace().next();
    let sum = sum.ok_or_else(|| Error::new("sha256sum printed nothing"))?;
    let manifest = manifest(&format!("{}/{archive}", release.url), sum);
    let text = serde_yaml::to_string(&manifest).context(|| format!("writing {FILE}"))?;
    release.write(FILE, &text)
}

fn manifest(uri: &str, sum: &str) -> Value {
    let (system, architecture) = images::platform();
    json!({
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "sparkconnect"},
        "spec": {
            "version": format!("v{VERSION}"),
            "shortDescription": "Spark Connect servers, sessions and batch jobs",
            "description": "Makes and lists Spark Connect servers and sessions on Kubernetes, opens\n\
                PySpark in a session, and submits batch jobs to Spark operators and Livy.\n",
            "platforms": [{
                "selector": {"matchLabels": {"os": system, "arch": architecture}},
                "uri": uri,
                "sha256": sum,
                "bin": client::PROGRAM,
                "files": [{"from": client::PROGRAM, "to": "."}, {"from": "LICENSE", "to": "."}],
            }],
        },
    })
}
