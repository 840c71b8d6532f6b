//! What the project's programs have in common: settings, and a life from the first line of the log to the exit code. Reads the
//! command line's environment variables, takes signals and starts the runtime.

use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::logs::{self, LogFormat};

/// The settings of every program, to be flattened into its own.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The one namespace whose resources are served; without it, all of them.
    #[arg(long, env = "SPARKCONNECT_WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,

    /// Address of `/metrics`, `/healthz` and `/readyz`.
    #[arg(
        long,
        env = "SPARKCONNECT_HEALTH_ADDRESS",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080"
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
}

/// Runs a program named `name` to its end: starts the log and the runtime, hands `work` the token that SIGTERM and SIGINT
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
    if let Err(error) = logs::init(settings.log_format, &settings.log_filter) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    to_the_end(name, work)
}

fn to_the_end<F, E>(name: &str, work: impl FnOnce(CancellationToken) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::FAILURE;
        }
    };
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
        assert_eq!(default.watch_namespace, None);
        assert_eq!(default.health_address.to_string(), "0.0.0.0:8080");
        let given = parse(&["--watch-namespace=team", "--log-format=text"]).unwrap();
        assert_eq!(given.common.watch_namespace.as_deref(), Some("team"));
        assert_eq!(given.common.log_format, LogFormat::Text);
        assert!(parse(&["--log-format=xml"]).is_err());
    }

    #[test]
    fn a_signal_is_a_good_end_and_an_error_is_not() {
        let signalled = to_the_end("program", |stop| async move {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::TERM)
                .map_err(|error| error.to_string())?;
            let told = tokio::time::timeout(std::time::Duration::from_secs(20), stop.cancelled());
            told.await.map_err(|_| "no signal came".to_owned())
        });
        assert_eq!(signalled, ExitCode::SUCCESS);
        let failed = to_the_end("program", |_| async { Err("no way on") });
        assert_eq!(failed, ExitCode::FAILURE);
    }
}
