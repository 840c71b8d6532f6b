//! Runs other programs and turns their failure into a readable [`Error`]: which program, how it ended, and the end of what
//! it printed.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::error::{Context, Error, Result};

/// How many of the last lines of a failed program's output an error shows.
const SHOWN_LINES: usize = 25;

/// Runs `command` to its end and returns its standard output, trimmed.
///
/// # Errors
/// When the program is missing, or ends with anything but success: with the end of its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = spawn_error(command.stdin(Stdio::null()).output(), &name)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(failed(&name, &output))
}

/// Whether `command` ends with success; its output is thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a long `command` with everything that it prints appended to `log`.
///
/// # Errors
/// As [`output`], naming the log and showing its end.
pub fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let name = name(command);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .context(|| format!("opening {}", log.display()))?;
    let copy = file
        .try_clone()
        .context(|| format!("opening {}", log.display()))?;
    let status = spawn_error(
        command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .status(),
        &name,
    )?;
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read_to_string(log).unwrap_or_default();
    Err(
        Error::new(format!("`{name}` ended with {status}:\n{}", tail(&text)))
            .hint(format!("the whole log is {}", log.display())),
    )
}

/// The last lines of `text`, as errors show them.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

fn name(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .take(4)
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

fn spawn_error<T>(result: std::io::Result<T>, name: &str) -> Result<T> {
    result.map_err(|error| Error::new(format!("`{name}` could not be started: {error}")))
}

fn failed(name: &str, output: &Output) -> Error {
    let text = String::from_utf8_lossy(&output.stderr);
    Error::new(format!(
        "`{name}` ended with {}:\n{}",
        output.status,
        tail(&text)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_program_and_shows_the_end_of_its_output() {
        let script = "for i in $(seq 40); do echo line$i >&2; done; exit 3";
        let error = output(Command::new("sh").args(["-c", script]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(
            error.contains("line40") && !error.contains("line15\n"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = output(&mut Command::new("no-such-program"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-program"), "{error}");
    }
}
