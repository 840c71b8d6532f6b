//! A Python environment with one version of PySpark, whose wheel is also a whole Spark distribution. Does I/O: runs pip.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::{cache, command, maven, wheels};

/// The same as in the images.
const REQUIREMENTS: &str = include_str!("../../../../deploy/images/spark/requirements.txt");

/// PySpark of one version and what it needs, installed in the cache.
#[derive(Clone, Debug)]
pub struct SparkHome {
    version: String,
    packages: PathBuf,
    dependencies: PathBuf,
}

impl SparkHome {
    /// The home of Spark `version` (as in `4.1.4`): about 500 MB, made at the first call in a minute or two.
    ///
    /// # Errors
    /// When Python, pip or the package registry are missing, or there is no such version.
    pub fn ensure(version: &str) -> Result<Self> {
        let key = cache::key([REQUIREMENTS.as_bytes()]);
        let dependencies = cache::ensure("spark", &format!("python-{key}"), |place| {
            let folder = wheels::locked(REQUIREMENTS)?;
            install(place, &wheels_in(&folder)?)
        })?;
        let packages = cache::ensure("spark", version, |place| {
            install(place, &[wheels::pyspark(version)?])
        })?;
        Ok(Self {
            version: version.to_owned(),
            packages,
            dependencies,
        })
    }

    /// The Spark version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `SPARK_HOME`: the distribution inside the package.
    pub fn spark_home(&self) -> PathBuf {
        self.packages.join("pyspark")
    }

    /// A command that runs this environment's Python, free of Spark settings of the caller's environment.
    pub fn python(&self) -> Command {
        let mut command = Command::new("python3");
        self.environment(&mut command);
        command
    }

    /// A command that runs this distribution's `spark-submit`.
    pub(super) fn spark_submit(&self) -> PathBuf {
        self.spark_home().join("bin/spark-submit")
    }

    /// The jar of Spark Connect, where the distribution does not bring it: before 4.0. The jar is 3.5.7's whatever 3.5 it is for, as its calls
    /// into Spark are the same in all of them and not every registry has all of the jars.
    ///
    /// # Errors
    /// When Maven or a registry are missing.
    pub(super) fn connect_jar(&self) -> Result<Option<PathBuf>> {
        if !self.version.starts_with("3.") {
            return Ok(None);
        }
        let jar = "spark-connect_2.12-3.5.7.jar";
        let pom = include_str!("connect-3.5.xml");
        Ok(Some(maven::jars("spark-connect", pom, jar)?.join(jar)))
    }

    /// Sets what Spark and its Python programs read from the environment.
    pub(super) fn environment(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SPARK_") {
                command.env_remove(name);
            }
        }
        command
            .env("SPARK_HOME", self.spark_home())
            .env("PYTHONPATH", self.python_path())
            .env("PYSPARK_PYTHON", "python3")
            .env("SPARK_LOCAL_IP", "127.0.0.1");
    }

    fn python_path(&self) -> OsString {
        let libraries = self.spark_home().join("python/lib");
        let py4j = files_in(&libraries).unwrap_or_default();
        let py4j = py4j
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("py4j-"));
        let parts = [self.packages.clone(), self.dependencies.clone()]
            .into_iter()
            .chain(py4j);
        std::env::join_paths(parts).expect("the cache's path holds no `:`")
    }
}

fn install(place: &Path, wheels: &[PathBuf]) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--disable-pip-version-check",
    ])
    .args(["--quiet", "--root-user-action=ignore", "--target"])
    .arg(place)
    .args(wheels);
    command::output(&mut pip)
        .map(drop)
        .map_err(|error| error.hint("needs python3 with pip"))
}

fn wheels_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = files_in(folder)?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    if found.is_empty() {
        return Err(Error::new(format!("{} holds no wheel", folder.display())));
    }
    Ok(found)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", folder.display());
    fs::read_dir(folder)
        .context(reading)?
        .map(|entry| entry.map(|entry| entry.path()).context(reading))
        .collect()
}
