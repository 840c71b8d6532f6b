//! The user's own Python: what it has of PySpark, and whether that fits a server. Does I/O in [`Python::ask`]: runs it.

use std::process::Stdio;

use serde::Deserialize;
use sparkconnect_client::{Category, Error};
use tokio::process::Command;

const PROBE: &str = include_str!("probe.py");

/// A Python and its PySpark.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Python {
    /// The program.
    #[serde(skip)]
    pub(crate) program: String,
    /// Version of Python.
    pub(crate) python: String,
    /// Version of PySpark; absent where it has none.
    pub(crate) pyspark: Option<String>,
    /// Modules that Spark Connect needs and that it does not have.
    pub(crate) missing: Vec<String>,
}

impl Python {
    /// Asks the Python of this name.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] when there is none, or it cannot tell.
    pub(crate) async fn ask(program: &str) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.args(["-c", PROBE]).stdin(Stdio::null());
        let output = command.output().await.map_err(|error| {
            let text = format!("`{program}` cannot be run");
            Error::new(Category::InvalidInput, text)
                .caused_by(error)
                .hint("say which Python with --python")
        })?;
        let unusable = |why: &str| {
            let text = format!("`{program}` does not tell what PySpark it has: {why}");
            Error::new(Category::InvalidInput, text)
                .hint("it must be Python 3.8 or newer; say which with --python")
        };
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            return Err(unusable(told.lines().last().unwrap_or("it fails")));
        }
        let told = serde_json::from_slice(&output.stdout);
        let told: Self = told.map_err(|error| unusable(&error.to_string()))?;
        Ok(Self {
            program: program.to_owned(),
            ..told
        })
    }

    /// Refuses one that cannot open a session of any server.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        let refused = |what: String| {
            let text = format!("`{}` (Python {}) has no {what}", self.program, self.python);
            Err(Error::new(Category::InvalidInput, text).hint(self.pip(None)))
        };
        match (&self.pyspark, &self.missing[..]) {
            (None, _) => refused("PySpark".to_owned()),
            (Some(_), []) => Ok(()),
            (Some(version), missing) => {
                let missing = missing.join(", ");
                refused(format!(
                    "{missing}, which PySpark {version} needs for Spark Connect"
                ))
            }
        }
    }

    /// Refuses one whose PySpark is not of the server's minor version.
    pub(crate) fn fits(&self, spark: &str) -> Result<(), Error> {
        match &self.pyspark {
            Some(pyspark) if minor(pyspark) != minor(spark) => {
                let text =
                    format!("PySpark {pyspark} is not of the version of the server, Spark {spark}");
                Err(Error::new(Category::InvalidInput, text).hint(format!(
                    "{}; or go on as it is with --allow-version-skew",
                    self.pip(Some(spark))
                )))
            }
            _ => Ok(()),
        }
    }

    /// The command that installs what is missing, for a server of that version.
    pub(crate) fn pip(&self, spark: Option<&str>) -> String {
        let version = spark
            .map(minor)
            .map(|(major, minor)| format!("=={major}.{minor}.*"));
        let version = version.unwrap_or_default();
        format!(
            "`{} -m pip install 'pyspark[connect]{version}'`",
            self.program
        )
    }
}

/// The parts of a version that client and server must have in common.
fn minor(version: &str) -> (&str, &str) {
    let mut parts = version.split(['.', '-']);
    let mut part = || parts.next().unwrap_or_default();
    (part(), part())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(pyspark: Option<&str>, missing: &[&str]) -> Python {
        Python {
            program: "python3".to_owned(),
            python: "3.11.7".to_owned(),
            pyspark: pyspark.map(str::to_owned),
            missing: missing.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_command_that_brings_it() {
        python(Some("4.3.0"), &[]).usable().expect("usable");
        let error = python(None, &[]).usable().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`python3` (Python 3.11.7) has no PySpark"
        );
        let hint = "`python3 -m pip install 'pyspark[connect]'`";
        assert_eq!(error.hint_text(), Some(hint));
        let error = python(Some("4.3.0"), &["grpc", "pandas"])
            .usable()
            .unwrap_err();
        assert!(error.to_string().contains("has no grpc, pandas"), "{error}");
    }

    #[test]
    fn patch_versions_may_differ_and_minor_ones_not() {
        let python = python(Some("4.1.4"), &[]);
        for fits in ["4.1.0", "4.1.4", "4.1.5-preview"] {
            python.fits(fits).expect(fits);
        }
        for other in ["4.0.4", "3.1.4", "4.11.0", "4.3.0"] {
            let error = python.fits(other).expect_err(other);
            assert!(error.to_string().contains(other), "{error}");
        }
        let error = python.fits("4.3.0").unwrap_err();
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains("'pyspark[connect]==4.3.*'"), "{hint}");
    }

    #[tokio::test]
    async fn a_python_that_is_none_is_told() {
        let error = Python::ask("no-such-python").await.unwrap_err();
        assert!(error.to_string().contains("no-such-python"), "{error}");
        let error = Python::ask("false").await.unwrap_err();
        assert!(
            error
                .hint_text()
                .is_some_and(|hint| hint.contains("--python"))
        );
    }
}
