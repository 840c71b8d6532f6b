//! `cargo xtask release`: builds everything that a release consists of into one folder, checks what came out, and says which commands
//! publish it. It publishes nothing itself.

mod changelog;
mod client;
mod images;
mod krew;
mod manifests;
mod source;
mod verify;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use source::{Source, VERSION};
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, command};

use crate::generate;

/// Sums of every other file of the folder; a folder that has it was made here and may be made anew.
const SUMS: &str = "SHA256SUMS";
/// What the changelog says of the version.
const NOTES: &str = "NOTES.md";

/// How to make a release.
#[derive(Args)]
pub(crate) struct Cli {
    /// Folder to make; one of an earlier run is made anew.
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    out: PathBuf,
    /// Where the files will be found, for the manifest of kubectl's plug-in manager.
    #[arg(long, value_name = "ADDRESS")]
    url: String,
    /// Compile and make the images a second time, and fail if they are not the same.
    #[arg(long)]
    rebuild: bool,
    /// Take the checkout as it is, even if it differs from its commit.
    #[arg(long)]
    allow_dirty: bool,
    /// Cargo's profile: `image` is much quicker to build, for trying out.
    #[arg(long, default_value = "release")]
    profile: String,
}

/// A release in the making.
struct Release {
    folder: PathBuf,
    source: Source,
    profile: String,
    url: String,
}

impl Release {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let file = self.file(name);
        fs::write(&file, text).context(|| format!("writing {}", file.display()))
    }
}

/// Builds and checks a release.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let root = repository();
    let source = Source::read(cli.allow_dirty)?;
    versions::agree(&root, VERSION)?;
    let notes = changelog::notes(&read(&root.join("CHANGELOG.md"))?, VERSION)?;
    if generate::run(&generate::Cli { check: true })? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let release = Release {
        folder: prepared(&cli.out)?,
        source,
        profile: cli.profile,
        url: cli.url,
    };
    release.write(NOTES, &notes)?;
    let digests = images::write(&release)?;
    manifests::write(&release)?;
    client::write(&release)?;
    krew::write(&release)?;
    sums(&release)?;
    verify::all(&release)?;
    if cli.rebuild {
        images::rebuild(&release, &digests)?;
    }
    show(&release, &digests)?;
    Ok(ExitCode::SUCCESS)
}

/// The folder, empty.
fn prepared(out: &Path) -> Result<PathBuf> {
    let making = || format!("making {}", out.display());
    if out.join(SUMS).exists() {
        fs::remove_dir_all(out).context(|| format!("removing {}", out.display()))?;
    }
    fs::create_dir_all(out).context(making)?;
    if fs::read_dir(out).context(making)?.next().is_some() {
        return Err(
            Error::new(format!("{} holds something else", out.display()))
                .hint("name a folder that is empty, absent, or of an earlier release by --out"),
        );
    }
    out.canonicalize().context(making)
}

/// Writes the sums of all files, in the form of sha256sum.
fn sums(release: &Release) -> Result<()> {
    let mut sha256sum = Command::new("sha256sum");
    sha256sum.current_dir(&release.folder).args(names(release)?);
    let sums = command::output(&mut sha256sum)?;
    release.write(SUMS, &(sums + "\n"))
}

/// The names of the folder's files, in order.
fn names(release: &Release) -> Result<Vec<String>> {
    let reading = || format!("reading {}", release.folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&release.folder).context(reading)? {
        let name = entry.context(reading)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(|| format!("reading {}", path.display()))
}

/// Prints what there is and how it is published.
fn show(release: &Release, digests: &[String]) -> Result<()> {
    println!("sparkconnect {VERSION} of {}", release.source.revision);
    println!("in {}:", release.folder.display());
    for name in names(release)? {
        let file = release.file(&name);
        let about = fs::metadata(&file).context(|| format!("reading {}", file.display()))?;
        println!("  {:>7.1} MB  {name}", about.len() as f64 / 1e6);
    }
    println!("\nNothing is published. What would do it, REGISTRY being the registry of images:");
    for (name, digest) in images::names().iter().zip(digests) {
        let (archive, repository) = (images::archive(name), name.replace('-', "/"));
        println!(
            "  skopeo copy oci-archive:{archive} docker://REGISTRY/{repository}:{VERSION}  # {digest}"
        );
    }
    println!("  helm push {} oci://REGISTRY/charts", manifests::chart());
    println!("  twine upload {}", client::wheel(release)?);
    println!("  and the other files, as they are, to {}", release.url);
    Ok(())
}
