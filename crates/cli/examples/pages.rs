//! Writes what a package of kubectl-sparkconnect has beside the program into a folder: a manual page of each verb, and the completions.
//! An example, so that the program does not carry what makes manual pages. Does I/O.
//!
//! ```sh
//! cargo run -p sparkconnect-cli --example pages -- FOLDER
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use clap_complete::Shell;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("error: say which folder to write to");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    let (manuals, completions) = (folder.join("man1"), folder.join("completions"));
    fs::create_dir_all(&manuals)?;
    fs::create_dir_all(&completions)?;
    let mut command = sparkconnect_cli::command();
    let name = command.get_name().to_owned();
    clap_mangen::generate_to(command.clone(), &manuals)?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command, &name, &completions)?;
    }
    Ok(())
}
