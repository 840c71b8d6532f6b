//! What the project's programs have in common: settings, and a life from the first line of the log to the exit code and the last
//! trace. Reads the command line's environment variables, takes signals and starts the runtime.

use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::logs::{self, LogFormat};
use crate::traces::{TraceSettings, Traces};

/// The settings of every program, to be flattened into its own.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// A namespace whose resources are served; several by commas, or by the flag again. Without it, all namespaces.
    #[arg(
        long = "watch-namespace",
        env = "SPARKCONNECT_WATCH_NAMESPACE",
        value_name = "NAMESPACE",
        value_delimiter = ',',
        value_parser = namespace
    )]
    pub watch_namespaces: Vec<String>,

    /// Address of `/metrics`, `/healthz` and `/readyz`.
    #[arg(
        long,
        env = "SPARKCONNECT_HEALTH_ADDRESS",
        value_name = "ADDRESS",
        default_value = "[::]:8080"
    )]
    pub health_address: SocketAddr,

    /// Form of the log: `json`, one object a line, or `text`, for people.
    #[arg(
        long,
        env = "SPARKCONNECT_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,

    /// What is logged, in the form of `RUST_LOG`, which takes its place where it is set.
    #[arg(
        long,
        env = "SPARKCONNECT_LOG_FILTER",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log_filter: String,

    /// Traces.
    #[command(flatten)]
    pub traces: TraceSettings,
}

/// The name of a namespace, which is a DNS label.
fn namespace(text: &str) -> Result<String, String> {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = text.starts_with(is_inside) && text.ends_with(is_inside);
    if ends && text.len() <= 63 && text.chars().all(|c| is_inside(c) || c == '-') {
        Ok(text.to_owned())
    } else {
        Err(
            "a namespace has lower-case letters, digits and, between them, hyphens: at most 63"
                .to_owned(),
        )
    }
}

/// Runs a program named `name` to its end: starts the runtime, traces and the log, hands `work` the token that SIGTERM and SIGINT
/// cancel, and has the exit code tell whether it ended well. What went wrong is the log's last line.
pub fn run<F, E>(
    name: &str,
    settings: &Common,
    work: impl FnOnce(CancellationToken) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let (runtime, traces) = match begin(name, settings) {
        Ok(begun) => begun,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = to_the_end(&runtime, name, work);
    if let Some(traces) = traces {
        traces.end();
    }
    code
}

/// What must be there before anything can be logged.
fn begin(
    name: &str,
    settings: &Common,
) -> Result<(Runtime, Option<Traces>), Box<dyn std::error::Error>> {
    let runtime = Runtime::new()?;
    let traces = {
        let _entered = runtime.enter();
        Traces::start(name, &settings.traces)?
    };
    logs::init(settings.log_format, &settings.log_filter, traces.as_ref())?;
    Ok((runtime, traces))
}

fn to_the_end<F, E>(
    runtime: &Runtime,
    name: &str,
    work: impl FnOnce(CancellationToken) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    runtime.block_on(async {
        let stop = match stop_on_signals() {
            Ok(stop) => stop,
            Err(error) => {
                tracing::error!(%error, "signals cannot be taken");
                return ExitCode::FAILURE;
            }
        };
        match work(stop).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(%error, "the {name} ends");
                ExitCode::FAILURE
            }
        }
    })
}

fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        tracing::info!("told to end");
        stopped.cancel();
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        common: Common,
    }

    #[test]
    fn the_settings_have_defaults_and_flags() {
        let parse = |args: &[&str]| Program::try_parse_from([&["program"], args].concat());
        let default = parse(&[]).unwrap().common;
        assert!(default.watch_namespaces.is_empty());
        assert_eq!(default.health_address.to_string(), "[::]:8080");
        let given = parse(&["--watch-namespace=team", "--log-format=text"]).unwrap();
        assert_eq!(given.common.watch_namespaces, ["team"]);
        assert_eq!(given.common.log_format, LogFormat::Text);
        assert!(parse(&["--log-format=xml"]).is_err());
    }

    #[test]
    fn several_namespaces_are_named_and_none_by_mistake() {
        let named = |text: &str| {
            let flag = format!("--watch-namespace={text}");
            let parsed = Program::try_parse_from(["program", &flag, "--watch-namespace=last"]);
            parsed.map(|program| program.common.watch_namespaces)
        };
        assert_eq!(named("a").unwrap(), ["a", "last"]);
        assert_eq!(named("team-a,b2").unwrap(), ["team-a", "b2", "last"]);
        for wrong in ["", "a,", "A", "-a", "a-", "a b", "a/b", &"a".repeat(64)] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_signal_is_a_good_end_and_an_error_is_not() {
        let runtime = Runtime::new().unwrap();
        let signalled = to_the_end(&runtime, "program", |stop| async move {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::TERM)
                .map_err(|error| error.to_string())?;
            let told = tokio::time::timeout(std::time::Duration::from_secs(20), stop.cancelled());
            told.await.map_err(|_| "no signal came".to_owned())
        });
        assert_eq!(signalled, ExitCode::SUCCESS);
        let failed = to_the_end(&runtime, "program", |_| async { Err("no way on") });
        assert_eq!(failed, ExitCode::FAILURE);
    }
}
