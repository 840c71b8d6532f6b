//! What installs the images: the chart, and the manifests of `deploy/` for those who use no Helm. Runs helm and kubectl.

use std::fs;
use std::process::Command;

use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::helm::{self, Helm};
use sparkconnect_testkit::images::pack;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Result, command, progress, toolchain};

use super::Release;
use super::source::VERSION;

/// The manifests: file, and folder of `deploy/`.
pub(super) const MANIFESTS: [(&str, &str); 2] = [
    ("install.yaml", "cluster-wide"),
    ("install-namespaced.yaml", "namespaced"),
];

/// The chart's file.
pub(super) fn chart() -> String {
    format!("sparkconnect-{VERSION}.tgz")
}

/// Writes the chart and the manifests.
pub(super) fn write(release: &Release) -> Result<()> {
    progress::step("Packing the chart", || package(release))?;
    progress::step("Rendering the manifests", || {
        let kubectl = toolchain::kubernetes()?.kubectl();
        for (file, form) in MANIFESTS {
            let folder = repository().join("deploy").join(form);
            let mut kustomize = Command::new(&kubectl);
            let text = command::output(kustomize.arg("kustomize").arg(folder))?;
            release.write(file, &(text + "\n"))?;
        }
        Ok(())
    })
}

/// Helm's package, packed again: Helm's own has the present time in it.
fn package(release: &Release) -> Result<()> {
    let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
    let place = folder.path().display().to_string();
    let source = helm::chart().display().to_string();
    Helm::new()?.run(&["package", &source, "--destination", &place])?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--directory", &place, "--file"]);
    command::output(tar.arg(folder.path().join(chart())))?;
    let licence = folder.path().join("sparkconnect/LICENSE");
    fs::copy(repository().join("LICENSE"), &licence)
        .context(|| format!("writing {}", licence.display()))?;
    pack(
        folder.path(),
        &["sparkconnect"],
        release.source.timestamp,
        &release.file(&chart()),
    )
}
