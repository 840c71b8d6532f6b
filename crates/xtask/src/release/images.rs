//! The images of operator and gateway as OCI archives, each with its bill of materials. Builds by buildah, and reads by syft.

use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::images::{Program, Release as Maker, syft};
use sparkconnect_testkit::{Error, Result, progress};
use tempfile::TempDir;

use super::Release;
use super::source::VERSION;

/// The images' names, as in `sparkconnect-operator`.
pub(super) fn names() -> [String; 2] {
    Program::ALL.map(name)
}

/// The archive of the image of that name.
pub(super) fn archive(name: &str) -> String {
    format!("{}.oci.tar", stem(name))
}

/// Its bill of materials.
pub(super) fn bill(name: &str) -> String {
    format!("{}.cdx.json", stem(name))
}

/// The system of whatever is compiled here, in the words of containers.
pub(super) fn platform() -> (&'static str, &'static str) {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    (std::env::consts::OS, architecture)
}

/// Writes archives and bills, and returns the images' digests.
pub(super) fn write(release: &Release) -> Result<Vec<String>> {
    let programs = compiled(release)?;
    let write = |program| {
        let name = name(program);
        progress::step(&format!("Making the image {name}"), || {
            let archive = release.file(&archive(&name));
            let digest = maker(release).image(programs.path(), program, &archive)?;
            let bill_text = syft::of_image(&archive, &name, VERSION, &release.source.created)?;
            release.write(&bill(&name), &bill_text)?;
            Ok(digest)
        })
    };
    Program::ALL.into_iter().map(write).collect()
}

/// Compiles the programs and makes the images a second time; they must be those of `digests`.
pub(super) fn rebuild(release: &Release, digests: &[String]) -> Result<()> {
    let programs = compiled(release)?;
    let archive = programs.path().join("image.tar");
    for (program, digest) in Program::ALL.into_iter().zip(digests) {
        let name = name(program);
        let again = progress::step(&format!("Making the image {name} again"), || {
            maker(release).image(programs.path(), program, &archive)
        })?;
        if again != *digest {
            return Err(Error::new(format!(
                "{name} is not reproducible: {digest}, and then {again}"
            )));
        }
    }
    Ok(())
}

/// A folder with the programs in `out/`.
fn compiled(release: &Release) -> Result<TempDir> {
    let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
    progress::step("Compiling operator and gateway by their Dockerfile", || {
        maker(release).compile(folder.path())
    })?;
    Ok(folder)
}

fn maker(release: &Release) -> Maker {
    Maker {
        profile: release.profile.clone(),
        revision: release.source.revision.clone(),
        created: release.source.created.clone(),
        timestamp: release.source.timestamp,
    }
}

fn name(program: Program) -> String {
    format!("sparkconnect-{}", program.name())
}

fn stem(name: &str) -> String {
    let (system, architecture) = platform();
    format!("{name}-{VERSION}-{system}-{architecture}")
}
