//! `cargo xtask images`: builds the container images into the cache.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use sparkconnect_testkit::images::{BuiltImage, Image};
use sparkconnect_testkit::{Error, Result, spark};

/// Which images to build; all when nothing is said.
#[derive(Args)]
pub(crate) struct Cli {
    #[command(subcommand)]
    which: Option<Which>,
}

#[derive(Subcommand)]
enum Which {
    /// The operator, from the present source.
    Operator,
    /// The gateway, from the present source.
    Gateway,
    /// Spark, of each version that is named.
    Spark {
        /// Spark's version, as in `4.1.4`.
        #[arg(long = "version", required = true)]
        versions: Vec<String>,
    },
    /// Operator, gateway, and Spark of every supported version: about 1.4 GB a version.
    All,
}

/// Builds and prints, for each image: name, lasting name, archive, its size in MB, and the seconds it took.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    for image in wanted(cli.which.unwrap_or(Which::All)) {
        let began = Instant::now();
        print(&image.build()?, began.elapsed())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(which: Which) -> Vec<Image> {
    let spark = |version: String| Image::Spark { version };
    match which {
        Which::Operator => vec![Image::Operator],
        Which::Gateway => vec![Image::Gateway],
        Which::Spark { versions } => versions.into_iter().map(spark).collect(),
        Which::All => {
            let versions = spark::VERSIONS.into_iter().map(str::to_owned);
            [Image::Operator, Image::Gateway]
                .into_iter()
                .chain(versions.map(spark))
                .collect()
        }
    }
}

fn print(image: &BuiltImage, took: Duration) -> Result<()> {
    let archive = image.archive.display();
    let size = std::fs::metadata(&image.archive)
        .map_err(|error| Error::new(format!("reading {archive}: {error}")))?
        .len();
    println!("{}", image.name);
    println!("  {}", image.alias);
    println!("  {archive}");
    println!("  {:.0} MB, {:.1} s", size as f64 / 1e6, took.as_secs_f64());
    Ok(())
}
