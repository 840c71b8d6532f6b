//! Whether the PySpark of this machine fits the servers. Does I/O in [`look`]: runs Python.

use std::collections::BTreeSet;

use sparkconnect_api::SparkConnectServer;
use sparkconnect_client::Error;

use super::report::Finding;
use crate::shell::python::Python;

const CHECK: &str = "PySpark";

/// Asks the Python of this name.
pub(super) async fn look(program: &str, servers: &[SparkConnectServer]) -> Finding {
    let versions = servers.iter().filter_map(|server| {
        let status = server.status.as_ref()?;
        status.spark_version.clone()
    });
    judge(&Python::ask(program).await, &versions.collect())
}

fn judge(python: &Result<Python, Error>, servers: &BTreeSet<String>) -> Finding {
    let python = match python {
        Ok(python) => python,
        // Not everybody who uses the cluster has one.
        Err(error) => return Finding::skipped(CHECK, error.to_string()),
    };
    let Some(version) = &python.pyspark else {
        let text = format!("`{}` has none", python.program);
        return Finding::skipped(CHECK, text);
    };
    if let Err(error) = python.usable() {
        return Finding::doubtful(CHECK, error.to_string()).cure(python.pip(None));
    }
    let mut others = servers.iter().filter(|server| python.fits(server).is_err());
    match others.next() {
        Some(other) => {
            let text = format!(
                "`{}` has {version}, and a server has Spark {other}",
                python.program
            );
            Finding::doubtful(CHECK, text).cure(python.pip(Some(other)))
        }
        None if servers.is_empty() => {
            let text = format!(
                "`{}` has {version}; no server has told its version",
                python.program
            );
            Finding::skipped(CHECK, text)
        }
        None => Finding::well(
            CHECK,
            format!("`{}` has {version}, which fits the servers", python.program),
        ),
    }
}

#[cfg(test)]
mod tests {
    use sparkconnect_client::Category;

    use super::super::report::Verdict;
    use super::*;

    fn python(pyspark: Option<&str>) -> Result<Python, Error> {
        Ok(Python {
            program: "python3".to_owned(),
            python: "3.11.7".to_owned(),
            pyspark: pyspark.map(str::to_owned),
            missing: Vec::new(),
        })
    }

    #[test]
    fn another_minor_version_is_to_be_looked_at() {
        let servers = BTreeSet::from(["4.1.4".to_owned(), "4.3.0".to_owned()]);
        let finding = judge(&python(Some("4.3.1")), &servers);
        assert_eq!(finding.verdict, Verdict::Doubtful);
        assert!(finding.message.contains("Spark 4.1.4"), "{finding:?}");
        assert!(finding.cure.is_some_and(|cure| cure.contains("==4.1.*")));
        let one = BTreeSet::from(["4.3.0".to_owned()]);
        assert_eq!(judge(&python(Some("4.3.1")), &one).verdict, Verdict::Well);
    }

    #[test]
    fn without_pyspark_there_is_nothing_to_look_at() {
        let none = BTreeSet::new();
        assert_eq!(judge(&python(None), &none).verdict, Verdict::Skipped);
        assert_eq!(
            judge(&python(Some("4.3.0")), &none).verdict,
            Verdict::Skipped
        );
        let absent = Err(Error::new(Category::InvalidInput, "no python3"));
        assert_eq!(judge(&absent, &none).verdict, Verdict::Skipped);
    }
}
