//! The gateway's process: reads its settings, serves, and ends in good order.

use std::process::ExitCode;

use clap::Parser;
use sparkconnect_gateway::run::{self, RunError};
use sparkconnect_gateway::settings::Settings;

fn main() -> ExitCode {
    let settings = Settings::parse();
    if let Err(error) =
        sparkconnect_telemetry::logs::init(settings.log_format, &settings.log_filter)
    {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    match start(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the gateway ends");
            ExitCode::FAILURE
        }
    }
}

fn start(settings: Settings) -> Result<(), RunError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?
        .block_on(run::run(settings))
}
