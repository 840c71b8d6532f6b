//! `CHANGELOG.md`, in the form of Keep a Changelog. No I/O.

use sparkconnect_testkit::{Error, Result};

/// What the changelog says of `version`, without the heading: the notes of its release.
///
/// # Errors
/// When it has no entry, or an empty one.
pub(super) fn notes(changelog: &str, version: &str) -> Result<String> {
    let heading = format!("## [{version}] - ");
    let mut lines = changelog.lines();
    let dated = lines.by_ref().find_map(|line| line.strip_prefix(&heading));
    let entry: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    let entry = entry.join("\n").trim().to_owned();
    match dated {
        Some(date) if is_date(date) && !entry.is_empty() => Ok(entry + "\n"),
        _ => Err(
            Error::new(format!("CHANGELOG.md does not tell of {version}")).hint(format!(
                "give it a heading `{heading}YYYY-MM-DD` and below it what users should know"
            )),
        ),
    }
}

fn is_date(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00"
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-11-28\n\n### Added\n\n- A.\n\n\
                        ## [1.0.0] - soon\n\n- B.\n\n## [0.9.0] - 2026-01-01\n\n## [0.8.0] - 2026-01-01\n- C.\n";

    #[test]
    fn an_entry_is_what_stands_below_its_heading() {
        assert_eq!(notes(TEXT, "1.1.0").unwrap(), "### Added\n\n- A.\n");
        assert_eq!(notes(TEXT, "0.8.0").unwrap(), "- C.\n");
    }

    #[test]
    fn a_version_without_a_dated_entry_is_refused() {
        for version in ["1.2.0", "1.0.0", "0.9.0", "1.1", "Unreleased"] {
            let error = notes(TEXT, version).unwrap_err().to_string();
            assert!(
                error.contains(&format!("does not tell of {version}")),
                "{error}"
            );
        }
    }
}
