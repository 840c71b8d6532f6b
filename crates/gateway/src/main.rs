//! The gateway's process: reads its settings, serves, and ends in good order.

use std::process::ExitCode;

use clap::Parser;
use sparkconnect_gateway::run::run;
use sparkconnect_gateway::settings::Settings;
use sparkconnect_telemetry::program;

fn main() -> ExitCode {
    let settings = Settings::parse();
    let common = settings.common.clone();
    program::run("gateway", &common, |stop| run(settings, stop))
}
