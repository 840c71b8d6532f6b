//! What people are told on standard error: errors, hints, notes and progress. Colour and progress only on a terminal, and no colour
//! where `NO_COLOR` is set. Does I/O: standard error.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use anstream::eprintln;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use sparkconnect_client::{Progress, Waiting};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const RED: Style = AnsiColor::Red.on_default().bold();
const BLUE: Style = AnsiColor::Cyan.on_default().bold();

/// Pause between two pictures of the moving sign.
const TICK: Duration = Duration::from_millis(120);

/// Tells of a failure, and what can be done about it.
pub(crate) fn error(message: &str, hint: Option<&str>) {
    eprintln!("{RED}error:{RED:#} {message}");
    if let Some(text) = hint {
        self::hint(text);
    }
}

/// Tells what can be done next.
pub(crate) fn hint(text: &str) {
    eprintln!("{BLUE}hint:{BLUE:#} {text}");
}

/// Tells something that is no data.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Has the client's own warnings told, and with `verbose` each of its requests too. Other libraries' logs are left out: below that level
/// they may hold what is secret.
pub(crate) fn log(verbose: bool) {
    let (ours, kube) = if verbose {
        (LevelFilter::DEBUG, LevelFilter::DEBUG)
    } else {
        (LevelFilter::WARN, LevelFilter::OFF)
    };
    let targets = Targets::new()
        .with_target("sparkconnect", ours)
        .with_target("kube", kube);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time();
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

/// A moving sign with what is waited for, on a terminal; gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// Begins to move.
    pub(crate) fn start(message: impl Into<String>) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(message.into());
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// A wait of which this tells; with `verbose` each step is a line where there is no terminal.
    pub(crate) fn waiting(&self, timeout: Option<Duration>, verbose: bool) -> Waiting {
        let bar = self.0.clone();
        Waiting {
            timeout,
            progress: Some(Arc::new(move |progress: &Progress| {
                let line = told(progress);
                match &bar {
                    Some(bar) => bar.set_message(line),
                    None if verbose => note(&line),
                    None => {}
                }
            })),
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A step in one line.
fn told(progress: &Progress) -> String {
    let Progress {
        subject,
        state,
        message,
    } = progress;
    let parts = [subject.as_str(), state, message];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    // Messages of events may have several lines; a moving sign has one.
    let line = parts.collect::<Vec<_>>().join(": ");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line() {
        let progress = |state: &str, message: &str| {
            told(&Progress {
                subject: "SparkSession team/ada".to_owned(),
                state: state.to_owned(),
                message: message.to_owned(),
            })
        };
        assert_eq!(
            progress("Pending", "no replica\nis ready"),
            "SparkSession team/ada: Pending: no replica is ready"
        );
        assert_eq!(progress("", ""), "SparkSession team/ada");
    }
}
