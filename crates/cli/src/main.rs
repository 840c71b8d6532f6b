//! The program `kubectl-sparkconnect`.

use std::process::ExitCode;

fn main() -> ExitCode {
    sparkconnect_cli::main()
}
