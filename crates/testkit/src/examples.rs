//! The programs of `examples/python`: a Python that has what they need, and a check of what they print against what they say that they
//! print, in comments that begin with `#>`. Does I/O: builds the package, runs pip and kubectl, reads the programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::install::{Kubectl, repository};
use crate::python_package;
use crate::spark::SparkHome;

const REQUIREMENTS: &str = include_str!("../../../examples/python/requirements.txt");

/// The folder of the programs, from which they are run.
pub fn folder() -> PathBuf {
    repository().join("examples/python")
}

/// A Python in `place` that has the package, IPython and Jupyter's kernel; what was there of a run before is removed.
///
/// # Errors
/// When the package cannot be built, or something cannot be installed.
pub fn python(place: &Path) -> Result<PathBuf> {
    let python = python_package::installed(place)?;
    python_package::add(&python, REQUIREMENTS)?;
    Ok(python)
}

/// That Python with `arguments` in the folder of the programs, with PySpark of `home`.
pub fn program(python: &Path, home: &SparkHome, arguments: &[&str]) -> Command {
    let mut program = python_package::with_pyspark(python, home);
    program
        .current_dir(folder())
        .args(arguments)
        // The checkout stays clean, and tables as wide as they are said to be.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("COLUMNS");
    program
}

/// Copies `kubeconfig` to `place` with `namespace` as that of its current context: the programs go by that.
///
/// # Errors
/// When it cannot be copied, or kubectl refuses it.
pub fn kubeconfig(
    kubectl: &Kubectl,
    kubeconfig: &Path,
    namespace: &str,
    place: &Path,
) -> Result<()> {
    fs::copy(kubeconfig, place).context(|| format!("copying {}", kubeconfig.display()))?;
    let place = place.display();
    let option = format!("--kubeconfig={place}");
    let set = ["config", "set-context", "--current", "--namespace"];
    let set = [&[option.as_str()], &set[..], &[namespace]].concat();
    kubectl.run(&set).map(drop)
}

/// Every line that the program `file` of the folder says that it prints.
///
/// # Errors
/// When there is no such program, or it says nothing.
pub fn said(file: &str) -> Result<Vec<String>> {
    let path = folder().join(file);
    let text = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
    let said = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("#>"));
    let said: Vec<_> = said.map(|line| line.trim().to_owned()).collect();
    match said.is_empty() {
        true => Err(Error::new(format!("{file} says nothing of what it prints"))),
        false => Ok(said),
    }
}

/// Compares what a program printed with what it says, as [`compare`] does.
///
/// # Errors
/// When it is something else: with both.
pub fn check(file: &str, printed: &str) -> Result<()> {
    compare(file, &said(file)?.join("\n"), printed)
}

/// Compares what `who` printed with what is said of it, line by line but for empty ones and the width of gaps; `…` stands for any text, and alone for any
/// number of lines.
///
/// # Errors
/// When it is something else: with both.
pub fn compare(who: &str, said: &str, printed: &str) -> Result<()> {
    let [wanted, found] = [said, printed].map(words);
    if are(&wanted, &found) {
        return Ok(());
    }
    Err(Error::new(format!(
        "{who} says that it prints\n{said}\nand prints\n{printed}"
    )))
}

/// Every line that is not empty, with one space between its words.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::split_whitespace);
    let lines = lines.map(|words| words.collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

fn are(said: &[String], lines: &[String]) -> bool {
    match said {
        [] => lines.is_empty(),
        [any, rest @ ..] if any == "…" => {
            (0..=lines.len()).any(|skipped| are(rest, &lines[skipped..]))
        }
        [first, rest @ ..] => lines
            .split_first()
            .is_some_and(|(line, lines)| is(first, line) && are(rest, lines)),
    }
}

fn is(said: &str, line: &str) -> bool {
    let Some((first, rest)) = said.split_once('…') else {
        return said == line;
    };
    let Some(line) = line.strip_prefix(first) else {
        return false;
    };
    let from = |(start, _)| is(rest, &line[start..]);
    line.char_indices().any(from) || is(rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_may_be_any_text() {
        for (said, line) in [
            ("a", "a"),
            ("Session: …, State: ready", "Session: 1, State: ready"),
            ("a … b …", "a 1 b 2"),
            ("a … b", "a b b b"),
            ("a…", "a"),
        ] {
            assert!(is(said, line), "{line:?} is {said:?}");
        }
        for (said, line) in [("a", "ab"), ("a … b", "a 1 bc"), ("a …", "b 1"), ("", "a")] {
            assert!(!is(said, line), "{line:?} is not {said:?}");
        }
    }

    #[test]
    fn lines_may_be_any_lines() {
        let printed = "NAME   AGE\n\na      1s\nb      2s\n";
        for said in ["NAME AGE\na …\nb …", "NAME AGE\n…", "…\nb 2s\n…"] {
            compare("kubectl", said, printed).unwrap();
        }
        for said in ["NAME AGE\na …", "…\na 1s", "NAME AGE\n…\nc …\n…"] {
            assert!(compare("kubectl", said, printed).is_err(), "{said}");
        }
    }

    #[test]
    fn a_program_that_prints_something_else_fails() {
        let said = said("snippets/basic_connection.py").unwrap();
        assert_eq!(said[1], "| id|message|");
        let well = said.join("\n\n");
        check("snippets/basic_connection.py", &well).unwrap();
        for other in [
            well.replace("Hello", "Hallo"),
            format!("{well}\n+"),
            String::new(),
        ] {
            assert!(
                check("snippets/basic_connection.py", &other).is_err(),
                "{other}"
            );
        }
    }
}
