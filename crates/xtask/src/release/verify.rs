//! Checks what a release's folder holds, as those who get it will use it: from its files alone. Runs the programs in them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::helm::Helm;
use sparkconnect_testkit::{
    Error, Result, command, go_tools, images as kit, progress, python_package,
};

use super::source::VERSION;
use super::{Release, SUMS, client, images, krew, manifests, read};

/// Crates and packages that no bill of materials of an image can lack.
const IN_EVERY_BILL: [&str; 4] = [
    "pkg:cargo/tokio@",
    "pkg:cargo/rustls@",
    "pkg:deb/debian/libc6@",
    "pkg:deb/debian/ca-certificates@",
];

/// Checks everything.
pub(super) fn all(release: &Release) -> Result<()> {
    progress::step("Checking the sums", || {
        let mut sha256sum = Command::new("sha256sum");
        sha256sum.args(["--check", "--strict", "--quiet", SUMS]);
        command::output(sha256sum.current_dir(&release.folder)).map(drop)
    })?;
    for name in images::names() {
        progress::step(&format!("Running {name} from its archive"), || {
            image(release, &name)
        })?;
    }
    progress::step("Rendering the chart from its package", || chart(release))?;
    progress::step("Installing the Python package", || wheel(release))?;
    progress::step(
        &format!("Unpacking and running {}", client::PROGRAM),
        || program(release),
    )?;
    progress::step("Installing the plug-in by krew", || plugin(release))
}

fn image(release: &Release, name: &str) -> Result<()> {
    let container = kit::open(&release.file(&images::archive(name)))?;
    let entry = format!("/usr/local/bin/{name}");
    let version = command::output(&mut container.command(&[&entry, "--version"]))?;
    same(
        "what the image's program says",
        &version,
        &format!("{name} {VERSION}"),
    )?;
    let labels = &container.config()?["Labels"];
    for (label, wanted) in [
        ("title", name),
        ("version", VERSION),
        ("revision", &release.source.revision),
        ("created", &release.source.created),
        ("licenses", "Apache-2.0"),
    ] {
        let present = labels[format!("org.opencontainers.image.{label}")].as_str();
        same(
            &format!("label {label} of {name}"),
            present.unwrap_or("absent"),
            wanted,
        )?;
    }
    bill(release, name)
}

/// The bill of materials names the program's crates and the base's packages.
fn bill(release: &Release, name: &str) -> Result<()> {
    let file = images::bill(name);
    let text = read(&release.file(&file))?;
    let bill: Value = serde_json::from_str(&text).context(|| format!("reading {file}"))?;
    let components = bill["components"].as_array().into_iter().flatten();
    let packages: Vec<&str> = components.filter_map(|one| one["purl"].as_str()).collect();
    let own = format!("pkg:cargo/{name}@{VERSION}");
    for wanted in IN_EVERY_BILL.into_iter().chain([own.as_str()]) {
        if !packages.iter().any(|package| package.starts_with(wanted)) {
            return Err(Error::new(format!(
                "{file} names {} packages, and {wanted} is not among them",
                packages.len()
            )));
        }
    }
    Ok(())
}

/// Chart and manifests install the images of this version.
fn chart(release: &Release) -> Result<()> {
    let package = release.file(&manifests::chart()).display().to_string();
    let helm = Helm::new()?;
    helm.run(&["lint", "--strict", &package])?;
    let rendered = helm.run(&["template", "sparkconnect", &package])?;
    let mut texts = vec![(manifests::chart(), rendered)];
    for (file, _) in manifests::MANIFESTS {
        texts.push((file.to_owned(), read(&release.file(file))?));
    }
    for (file, text) in texts {
        for name in images::names() {
            let image = format!("{}:{VERSION}", name.replace('-', "/"));
            if !text.contains(&image) {
                return Err(Error::new(format!("{file} does not install {image}")));
            }
        }
    }
    Ok(())
}

/// The wheel installs where nothing else is, and has the list of its crates.
fn wheel(release: &Release) -> Result<()> {
    let wheel = release.file(&client::wheel(release)?);
    let folder = temporary()?;
    let python = python_package::environment(folder.path(), &wheel)?;
    let version = "import sparkconnect, importlib.metadata as m; print(m.version('sparkconnect'))";
    let version = command::output(Command::new(python).args(["-c", version]))?;
    same("the Python package's version", &version, VERSION)?;
    let mut list = Command::new("python3");
    let files = command::output(list.args(["-m", "zipfile", "--list"]).arg(&wheel))?;
    if files.contains("/sboms/") {
        return Ok(());
    }
    Err(Error::new("the wheel has no bill of materials"))
}

/// The program runs from its archive, which has the manual and the completions too.
fn program(release: &Release) -> Result<()> {
    let folder = temporary()?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--directory").arg(folder.path());
    command::output(tar.arg("--file").arg(release.file(&client::archive())))?;
    let program = folder.path().join(client::PROGRAM);
    let version = command::output(Command::new(program).arg("--version"))?;
    same(
        "what the program says",
        &version,
        &format!("{} {VERSION}", client::PROGRAM),
    )?;
    let manual = format!("man1/{}.1", client::PROGRAM);
    [manual.as_str(), "completions/_kubectl-sparkconnect"]
        .into_iter()
        .try_for_each(|file| there(folder.path(), file))
}

/// krew installs the program by its manifest, which it holds against the archive and its sum.
fn plugin(release: &Release) -> Result<()> {
    let root = temporary()?;
    let mut krew = Command::new(go_tools::program(
        "krew",
        "sigs.k8s.io/krew/cmd/krew",
        "krew",
    )?);
    krew.env("KREW_ROOT", root.path()).arg("install");
    krew.arg("--manifest").arg(release.file(krew::FILE));
    krew.arg("--archive").arg(release.file(&client::archive()));
    command::output(&mut krew)?;
    let mut program = Command::new(root.path().join("bin").join(client::PROGRAM));
    let version = command::output(program.arg("--version"))?;
    same(
        "what the installed program says",
        &version,
        &format!("{} {VERSION}", client::PROGRAM),
    )
}

fn there(folder: &Path, file: &str) -> Result<()> {
    if folder.join(file).is_file() {
        return Ok(());
    }
    Err(Error::new(format!("{} lacks {file}", client::archive())))
}

fn same(what: &str, present: &str, wanted: &str) -> Result<()> {
    if present == wanted {
        return Ok(());
    }
    Err(Error::new(format!(
        "{what}: `{present}` in the place of `{wanted}`"
    )))
}

fn temporary() -> Result<tempfile::TempDir> {
    tempfile::tempdir().context(|| "making a temporary folder".to_owned())
}
