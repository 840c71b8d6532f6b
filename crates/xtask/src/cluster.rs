//! `cargo xtask cluster`: starts, shows and ends the local cluster.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use sparkconnect_testkit::cluster::{self, Cluster};
use sparkconnect_testkit::{Error, Result, toolchain};

/// The verbs of the local cluster.
#[derive(Args)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the cluster, or do nothing if it works.
    Up,
    /// End the cluster, and leave nothing of it but its images and logs.
    Down {
        /// Remove images and logs too.
        #[arg(long)]
        purge: bool,
    },
    /// Show what of the cluster runs; fails if not all of it does.
    Status,
    /// Print the path of the administrator's kubeconfig.
    Kubeconfig,
    /// Run kubectl on the cluster.
    Kubectl {
        /// kubectl's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Import docker archives into the cluster; what is there already is left alone.
    LoadImage {
        /// Files as `docker save` or `buildah push … docker-archive:` make them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Build the cluster's programs, if that was not done before, and print the folder they are in.
    Build,
}

/// Does what the command line says; data goes to standard output, the rest to standard error.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    match cli.verb {
        Verb::Up => up()?,
        Verb::Down { purge } => cluster::down(purge)?,
        Verb::Status => return status(),
        Verb::Kubeconfig => println!("{}", Cluster::running()?.kubeconfig().display()),
        Verb::Kubectl { args } => return kubectl(&args),
        Verb::LoadImage { files } => {
            let cluster = Cluster::running()?;
            files.iter().try_for_each(|file| cluster.load_image(file))?;
        }
        Verb::Build => println!("{}", toolchain::kubernetes()?.folder().display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn up() -> Result<()> {
    let cluster = Cluster::up()?;
    eprintln!(
        "The cluster works. To use it: export KUBECONFIG={}",
        cluster.kubeconfig().display()
    );
    Ok(())
}

fn status() -> Result<ExitCode> {
    let status = cluster::status()?;
    println!("{status}");
    Ok(if status.running() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Becomes kubectl, so that terminals, signals and exit codes are its own.
fn kubectl(args: &[String]) -> Result<ExitCode> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let error = Cluster::running()?.kubectl(&args).exec();
    Err(Error::new(format!("kubectl could not be started: {error}")))
}
