//! The operator's process: reads its settings, waits to lead, runs both controllers, and ends in good order; or removes what an
//! installation leaves behind.

use std::process::ExitCode;

use clap::Parser;
use sparkconnect_operator::remove;
use sparkconnect_operator::run::run;
use sparkconnect_operator::settings::Settings;
use sparkconnect_telemetry::program;

fn main() -> ExitCode {
    let settings = Settings::parse();
    let common = settings.common.clone();
    match settings.remove {
        Some(what) => program::run("operator", &common, |stop| {
            remove::run(what, settings, stop)
        }),
        None => program::run("operator", &common, |stop| run(settings, stop)),
    }
}
