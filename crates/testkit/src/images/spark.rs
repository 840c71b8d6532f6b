//! Spark's image. Where Apache's image can't be had, a stand-in for it is made first (`spark-base.Dockerfile`): a Debian with Java
//! and Python, the Python packages, and the PySpark wheel, which is a whole Spark, laid out as a Spark home.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::base::{Base, Form};
use super::store::{Build, Store};
use super::{Recipe, source};
use crate::error::{Context, Error, Result};
use crate::{cache, command, progress, wheels};

const BASE: Base = Base {
    name: "debian-java",
    form: Form::System,
    packages: "openjdk-17-jre-headless,python3,tini,procps,ca-certificates",
};

/// Python's version in [`BASE`].
const PYTHON: &str = "3.11";

/// The files of `deploy/images` that go into the image.
const FILES: [&str; 8] = [
    "spark.Dockerfile",
    "spark/requirements.txt",
    "spark/train.py",
    "spark/pods.py",
    "spark-base/packages.Dockerfile",
    "spark-base/home.Dockerfile",
    "spark-base/entrypoint.sh",
    "spark-base/decom.sh",
];

/// What the wheel has beside the Python package, and a Spark home needs.
const HOME: [&str; 4] = ["bin", "sbin", "jars", "licenses"];

struct Spark {
    version: String,
    key: String,
}

pub(super) fn recipe(version: &str) -> Result<impl Recipe> {
    let mut parts = vec![version.as_bytes().to_vec(), BASE.image().into_bytes()];
    for name in FILES {
        parts.push(read(name)?);
    }
    let key = cache::key(parts.iter().map(Vec::as_slice));
    Ok(Spark {
        version: version.to_owned(),
        key,
    })
}

impl Recipe for Spark {
    fn names(&self) -> (&str, &str) {
        ("spark", &self.version)
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn build(&self, store: &Store, name: &str) -> Result<()> {
        let home = format!("{name}-base");
        self.home(store, &home)?;
        let built = progress::step("Training the class-data archive", || {
            store.build(
                name,
                &Build {
                    arguments: &[("BASE", &home), ("SPARK_VERSION", &self.version)],
                    ..Build::new(&source("spark.Dockerfile"), &source("spark"))
                },
            )
        });
        store.remove(&home)?;
        built
    }
}

impl Spark {
    /// The stand-in for Apache's image, under `name`.
    fn home(&self, store: &Store, name: &str) -> Result<()> {
        let base = packages(store)?;
        let wheel = wheels::pyspark(&self.version)?;
        progress::step(&format!("Laying out Spark {}", self.version), || {
            let context = tempfile::tempdir_in(cache::root())
                .context(|| "making a temporary folder".to_owned())?;
            lay_out(&wheel, context.path())?;
            for script in ["entrypoint.sh", "decom.sh"] {
                copy(&format!("spark-base/{script}"), context.path())?;
            }
            store.build(
                name,
                &Build {
                    arguments: &[("BASE", &base)],
                    ..Build::new(&source("spark-base/home.Dockerfile"), context.path())
                },
            )
        })
    }
}

/// Debian with Java, Python and the Python packages: shared by all versions.
fn packages(store: &Store) -> Result<String> {
    let requirements = read("spark/requirements.txt")?;
    let dockerfile = read("spark-base/packages.Dockerfile")?;
    let base = BASE.image();
    let key = cache::key([base.as_bytes(), &requirements, &dockerfile]);
    let image = format!("localhost/sparkconnect/debian-java-python:{key}");
    store.ensure(&image, || {
        let base = BASE.ensure(store)?;
        progress::step("Adding the Python packages", || {
            let context = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
            let text = String::from_utf8_lossy(&requirements);
            install(
                &wheels::locked_for(PYTHON, &text)?,
                &context.path().join("packages"),
            )?;
            store.build(
                &image,
                &Build {
                    arguments: &[("BASE", &base), ("PYTHON", PYTHON)],
                    ..Build::new(&source("spark-base/packages.Dockerfile"), context.path())
                },
            )
        })
    })?;
    Ok(image)
}

/// Unpacks wheels that were chosen for the image's Python; this machine's may be another one, so nothing is compiled here.
fn install(wheels: &Path, target: &Path) -> Result<()> {
    let wheels: Vec<_> = entries(wheels)?
        .into_iter()
        .filter(|path| is_wheel(path))
        .collect();
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
    ])
    .args([
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
        "--root-user-action=ignore",
    ])
    .args([
        "--implementation",
        "cp",
        "--python-version",
        PYTHON,
        "--target",
    ]);
    command::output(pip.arg(target).args(wheels)).map(drop)
}

/// Lays out the content of a PySpark wheel as a Spark home, in `context/home`: as Apache's distribution does, the Python package
/// is in `python/pyspark` and, for the workers, zipped in `python/lib`. Examples and their data are left out.
fn lay_out(wheel: &Path, context: &Path) -> Result<()> {
    let unpacked = context.join("wheel");
    install_pure(wheel, &unpacked)?;
    let package = unpacked.join("pyspark");
    let home = context.join("home");
    fs::create_dir_all(home.join("python")).context(|| format!("making {}", home.display()))?;
    for name in HOME {
        rename(&package.join(name), &home.join(name))?;
    }
    rename(&package.join("python/lib"), &home.join("python/lib"))?;
    for name in ["python", "examples", "data"] {
        let folder = package.join(name);
        fs::remove_dir_all(&folder).context(|| format!("removing {}", folder.display()))?;
    }
    rename(&package, &home.join("python/pyspark"))?;
    fs::remove_dir_all(&unpacked).context(|| format!("removing {}", unpacked.display()))
}

fn install_pure(wheel: &Path, target: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
    ])
    .args([
        "--no-deps",
        "--no-compile",
        "--root-user-action=ignore",
        "--target",
    ]);
    command::output(pip.arg(target).arg(wheel)).map(drop)
}

fn read(name: &str) -> Result<Vec<u8>> {
    let path = source(name);
    fs::read(&path).context(|| format!("reading {}", path.display()))
}

fn copy(name: &str, folder: &Path) -> Result<()> {
    let from = source(name);
    let file = from
        .file_name()
        .expect("a file of deploy/images has a name");
    fs::copy(&from, folder.join(file))
        .map(drop)
        .context(|| format!("copying {}", from.display()))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| {
        Error::new(format!(
            "moving {} to {}: {error}",
            from.display(),
            to.display()
        ))
    })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", folder.display());
    let list = fs::read_dir(folder).context(reading)?;
    list.map(|entry| entry.map(|entry| entry.path()).context(reading))
        .collect()
}

fn is_wheel(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "whl")
}
