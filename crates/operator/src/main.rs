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
    match settings.remove {
        Some(what) => program::run("operator", &common, |stop| {
            remove::run(what, settings, stop)
        }),
        None if settings.check_session => program::run("operator", &common, check::run),
        None => program::run("operator", &common, |stop| run(settings, stop)),
    }
}
