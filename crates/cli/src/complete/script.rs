//! `completion`: scripts that have a shell, or kubectl, complete this program's words. Does I/O: standard output.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use clap_complete::Shell;

use crate::error::Error;

/// kubectl runs the program of this name on the path, and has the words after it completed.
const KUBECTL: &str = "#!/bin/sh\nexec kubectl-sparkconnect __complete -- \"$@\"\n";

/// Whose completion.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    /// The shell bash
    Bash,
    /// The shell zsh
    Zsh,
    /// The shell fish
    Fish,
    /// The shell elvish
    Elvish,
    /// The shell PowerShell
    Powershell,
    /// kubectl's own completion, of `kubectl sparkconnect …`: names of servers, sessions and batch jobs too
    Kubectl,
}

impl For {
    fn shell(self) -> Option<Shell> {
        Some(match self {
            Self::Bash => Shell::Bash,
            Self::Zsh => Shell::Zsh,
            Self::Fish => Shell::Fish,
            Self::Elvish => Shell::Elvish,
            Self::Powershell => Shell::PowerShell,
            Self::Kubectl => return None,
        })
    }
}

/// Print a script that completes the words of this program.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  source <(kubectl-sparkconnect completion bash)
  kubectl-sparkconnect completion zsh > ~/.zfunc/_kubectl-sparkconnect
  kubectl-sparkconnect completion fish > ~/.config/fish/completions/kubectl-sparkconnect.fish

  # `kubectl sparkconnect …`, where kubectl's own completion is set up: a program of this name on the path
  kubectl-sparkconnect completion kubectl > ~/.local/bin/kubectl_complete-sparkconnect
  chmod +x ~/.local/bin/kubectl_complete-sparkconnect")]
pub(crate) struct Args {
    /// What it is for.
    #[arg(value_name = "SHELL")]
    shell: For,
}

/// Prints it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    match args.shell.shell() {
        Some(shell) => {
            let mut command = crate::command();
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut script);
        }
        None => script.extend(KUBECTL.as_bytes()),
    }
    let written = io::stdout().lock().write_all(&script);
    written.map_err(Error::of_output)?;
    Ok(ExitCode::SUCCESS)
}
