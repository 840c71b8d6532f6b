//! The operator's process: reads its settings, waits to lead, runs both controllers, and ends in good order.

use std::process::ExitCode;

use clap::Parser;
use sparkconnect_operator::run::run;
use sparkconnect_operator::settings::Settings;
use sparkconnect_telemetry::program;

fn main() -> ExitCode {
    let settings = Settings::parse();
    let common = settings.common.clone();
    program::run("operator", &common, |stop| run(settings, stop))
}
