//! Python packages from the registry, kept in the cache so that each is fetched once for the images and for the Spark homes.
//! Does I/O: runs pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::{cache, command};

/// The wheel of PySpark `version` (as in `4.1.4`), about 450 MB: the registry has its source only, so it is built once, in a
/// minute or two.
///
/// # Errors
/// When the version does not exist or the registry is out of reach.
pub fn pyspark(version: &str) -> Result<PathBuf> {
    checked(version)?;
    let folder = cache::ensure("wheels", &format!("pyspark-{version}"), |place| {
        pip(place, &[format!("pyspark=={version}")])
    })?;
    only_wheel(&folder)
}

/// A folder that holds the wheels of everything that the requirements file `text` names, and nothing else: exact versions,
/// dependencies included in the file.
///
/// # Errors
/// When a line is not `name==version`, or the registry has no wheel for this machine's Python.
pub fn locked(text: &str) -> Result<PathBuf> {
    let pins = pins(text)?;
    let key = cache::key([pins.join("\n").as_bytes()]);
    cache::ensure("wheels", &format!("locked-{key}"), |place| {
        pip(place, &pins)
    })
}

/// As [`locked`], with wheels for CPython `python` (as in `3.11`) on this machine's processor, whatever Python runs here.
///
/// # Errors
/// When a line is not `name==version`, or the registry has no wheel for that Python.
pub fn locked_for(python: &str, text: &str) -> Result<PathBuf> {
    let pins = pins(text)?;
    let key = cache::key([python.as_bytes(), pins.join("\n").as_bytes()]);
    cache::ensure("wheels", &format!("python{python}-{key}"), |place| {
        let mut command = pip_command("download");
        command.args([
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            python,
        ]);
        run(command.arg("-d").arg(place).args(&pins), place)
    })
}

/// The lines of a requirements file without comments; each must be an exact version.
fn pins(text: &str) -> Result<Vec<String>> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once("==") {
            Some((name, version)) if !name.is_empty() => checked(version).map(|()| line.to_owned()),
            _ => Err(Error::new(format!(
                "requirement `{line}` is not `name==version`"
            ))),
        })
        .collect()
}

fn checked(version: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '.';
    if !version.is_empty()
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version.chars().all(fits)
    {
        return Ok(());
    }
    Err(Error::new(format!("`{version}` is not a package version"))
        .hint("write it in full, as in 4.1.4"))
}

fn pip(place: &Path, requirements: &[String]) -> Result<()> {
    run(
        pip_command("wheel").arg("-w").arg(place).args(requirements),
        place,
    )
}

fn pip_command(verb: &str) -> Command {
    let mut command = Command::new("python3");
    command.args([
        "-m",
        "pip",
        verb,
        "--no-deps",
        "--disable-pip-version-check",
    ]);
    command
}

fn run(command: &mut Command, place: &Path) -> Result<()> {
    command::logged(command, &place.with_extension("log"))
        .map_err(|error| error.hint("needs python3 with pip, and a package registry"))
}

pub(crate) fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let reading = || format!("reading {}", folder.display());
    let entries: Vec<_> = fs::read_dir(folder)
        .context(reading)?
        .collect::<Result<_, _>>()
        .context(reading)?;
    entries
        .iter()
        .map(fs::DirEntry::path)
        .find(|path| path.extension().is_some_and(|ext| ext == "whl"))
        .ok_or_else(|| {
            Error::new(format!("{} holds no wheel", folder.display())).hint("remove that folder")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_exact_versions_without_comments() {
        assert_eq!(
            pins("# why\npandas==2.3.3  # a\n\nsix==1.17.0\n").unwrap(),
            ["pandas==2.3.3", "six==1.17.0"]
        );
        for loose in ["pandas", "pandas>=2", "pandas==", "==1", "pandas==2.*"] {
            assert!(pins(loose).is_err(), "{loose}");
        }
    }

    #[test]
    fn a_version_cannot_leave_the_cache_folder() {
        assert!(checked("4.3.0").is_ok());
        for bad in ["", "../x", "4.1/4", "latest", "4.1 4"] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
