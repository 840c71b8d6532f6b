//! The images of a release: OCI archives that are the same, to the last byte, whenever and wherever they are made of the same source with
//! the same toolchain and base.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::base::{Base, Form};
use super::program::{self, DOCKERFILE, Labels};
use super::store::{Build, Store};
use super::{TOOLS, source};
use crate::error::{Context, Error, Result};
use crate::install::repository;
use crate::{command, toolchain};

/// A stand-in for the public image of Rust, whose toolchain is this machine's.
const RUST_BASE: Base = Base {
    name: "debian-rust",
    form: Form::System,
    packages: "ca-certificates,gcc,libc6-dev",
};

/// Where the stand-in finds the toolchain.
const TOOLCHAIN: &str = "/usr/local/rust";
/// The authorities that this machine trusts, by which it reaches the registry of crates.
const AUTHORITIES: &str = "/etc/ssl/certs";

/// What an OCI layout has. Named one by one: syft takes an entry `./` for an attack.
const LAYOUT: [&str; 3] = ["blobs", "index.json", "oci-layout"];

/// A program that has an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The operator.
    Operator,
    /// The gateway.
    Gateway,
}

/// What the images of a release are made from.
#[derive(Debug, Clone)]
pub struct Release {
    /// Cargo's profile.
    pub profile: String,
    /// The commit.
    pub revision: String,
    /// The commit's time as RFC 3339 has it.
    pub created: String,
    /// The same in seconds since 1970.
    pub timestamp: u64,
}

impl Program {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Operator, Self::Gateway];

    /// Its name in the image's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gateway => "gateway",
        }
    }
}

impl Release {
    /// Has the Dockerfile compile the programs, and puts them into `out/` of `folder`. That is as it is where there is nothing but a container
    /// engine: in an image of Rust, from the checkout alone, at places that are the same everywhere.
    ///
    /// # Errors
    /// As [`super::Image::build`].
    pub fn compile(&self, folder: &Path) -> Result<()> {
        toolchain::install(&TOOLS)?;
        let store = Store::open()?;
        let (rust, toolchain) = (rust(&store)?, sysroot()?);
        let name = name("build");
        store.build(
            &name,
            &Build {
                arguments: &[("RUST", &rust), ("PROFILE", &self.profile)],
                target: Some("build"),
                volumes: &[
                    (toolchain.as_path(), TOOLCHAIN),
                    (Path::new(AUTHORITIES), AUTHORITIES),
                ],
                ..Build::new(&source(DOCKERFILE), &repository())
            },
        )?;
        let container = store.container_of(&name)?;
        let mut copy = Command::new("cp");
        copy.arg("--recursive").arg(container.root()?.join("out"));
        command::output(copy.arg(folder)).map(drop)
    }

    /// Writes an image to `archive`, an OCI archive, of the programs in `out/` of `folder`, and returns its digest.
    ///
    /// # Errors
    /// As [`super::Image::build`].
    pub fn image(&self, folder: &Path, program: Program, archive: &Path) -> Result<String> {
        toolchain::install(&TOOLS)?;
        let store = Store::open()?;
        let name = name(program.name());
        program::build(&store, &name, program.name(), folder, &self.labels())?;
        self.packed(&store, &name, archive)
    }

    fn labels(&self) -> Labels {
        Labels {
            revision: self.revision.clone(),
            created: self.created.clone(),
            timestamp: self.timestamp,
        }
    }

    /// Takes the image from the store to the archive, and returns its digest.
    fn packed(&self, store: &Store, name: &str, archive: &Path) -> Result<String> {
        let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        store.push_layout(name, folder.path(), env!("CARGO_PKG_VERSION"))?;
        store.remove(name)?;
        pack(folder.path(), &LAYOUT, self.timestamp, archive)?;
        digest(folder.path())
    }
}

/// Packs `names` of `folder` to the tar archive `archive`, compressed if its name ends in `.gz` or `.tgz`, in a fixed order and with the time
/// `timestamp`: the same files are the same archive.
///
/// # Errors
/// When a name is not there or the archive cannot be written.
pub fn pack(folder: &Path, names: &[&str], timestamp: u64, archive: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--format=gnu", "--numeric-owner"])
        .args(["--owner=0", "--group=0", "--mode=u=rwX,go=rX"])
        .arg(format!("--mtime=@{timestamp}"));
    if archive
        .extension()
        .is_some_and(|ext| ext == "gz" || ext == "tgz")
    {
        tar.arg("--use-compress-program=gzip --best --no-name");
    }
    tar.arg("--directory")
        .arg(folder)
        .arg("--file")
        .arg(archive);
    command::output(tar.args(names)).map(drop)
}

/// The digest of the one image of an OCI layout.
fn digest(layout: &Path) -> Result<String> {
    let index = layout.join("index.json");
    let text =
        std::fs::read_to_string(&index).context(|| format!("reading {}", index.display()))?;
    let index: Value = serde_json::from_str(&text).context(|| "reading the index".to_owned())?;
    let digest = index["manifests"][0]["digest"].as_str();
    digest
        .map(str::to_owned)
        .ok_or_else(|| Error::new("buildah wrote a layout without an image"))
}

/// The stand-in for the image of Rust.
fn rust(store: &Store) -> Result<String> {
    let base = RUST_BASE.ensure(store)?;
    let image = base.replace("debian-rust", "rust");
    store.ensure(&image, || {
        let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        let dockerfile = folder.path().join("Dockerfile");
        let text = format!(
            "FROM {base}\nENV CARGO_HOME=/usr/local/cargo PATH={TOOLCHAIN}/bin:/usr/local/bin:/usr/bin:/bin\n"
        );
        std::fs::write(&dockerfile, text).context(|| format!("writing {}", dockerfile.display()))?;
        store.build(&image, &Build::new(&dockerfile, folder.path()))
    })?;
    Ok(image)
}

/// This machine's toolchain.
fn sysroot() -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    command::output(rustc.args(["--print", "sysroot"]).current_dir(repository())).map(PathBuf::from)
}

fn name(what: &str) -> String {
    let process = std::process::id();
    format!("localhost/sparkconnect/release-{what}:{process}")
}
