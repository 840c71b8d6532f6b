//! The benchmark's program: measures, or is the least of the proxies that are measured.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sparkconnect_gateway_bench::{floor, run};
use sparkconnect_testkit::Result;
use sparkconnect_testkit::error::Context;

/// Measures the gateway side by side with other proxies, and prints a table.
#[derive(Parser)]
#[command(
    name = "cargo xtask bench gateway",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    options: run::Options,
}

#[derive(Subcommand)]
enum Verb {
    /// Be a proxy that does nothing but pass on.
    #[command(hide = true)]
    Floor(floor::Options),
}

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(|| "starting a runtime".to_owned())?;
    if let Some(Verb::Floor(options)) = cli.verb {
        return runtime.block_on(floor::run(options));
    }
    let own = std::env::current_exe().context(|| "finding this program".to_owned())?;
    let run = run::Run::prepare(&cli.options, &own)?;
    print!("{}", runtime.block_on(run.measure())?.markdown());
    Ok(())
}
