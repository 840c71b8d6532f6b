//! The operator's process: reads its settings, waits to lead, runs both controllers, and ends in good order; or removes what an
//! installation leaves behind, or calls one session.

use std::process::ExitCode;

use clap::Parser;
use sparkconnect_operator::run::run;
use sparkconnect_operator::settings::Settings;
use sparkconnect_operator::{check, remove};
use sparkconnect_telemetry::program;

fn main() -> ExitCode {
    let settings = Settings::parse();
    let common = settings.common.clone();
    match (settings.remove, settings.check_session.clone()) {
        (Some(what), _) => program::run("operator", &common, |stop| {
            remove::run(what, settings, stop)
        }),
        (None, Some(folder)) => program::run("operator", &common, |stop| check::run(folder, stop)),
        (None, None) => program::run("operator", &common, |stop| run(settings, stop)),
    }
}
