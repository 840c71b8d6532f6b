//! The options of `app submit`: one for each field of a request, named as spark-submit's where it has them. No I/O.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::values::{pair, period};

/// What is to run.
#[derive(Args, Debug)]
pub(super) struct RequestArgs {
    /// The whole request, as YAML or JSON, instead of options for its fields; `-` reads standard input.
    #[arg(
        short,
        long,
        value_name = "PATH",
        conflicts_with_all = ["Program", "Dependencies", "Driver", "Executor", "Running"]
    )]
    pub(super) filename: Option<PathBuf>,
    #[command(flatten)]
    pub(super) program: Program,
    #[command(flatten)]
    pub(super) dependencies: Dependencies,
    #[command(flatten)]
    pub(super) driver: Driver,
    #[command(flatten)]
    pub(super) executor: Executor,
    #[command(flatten)]
    pub(super) running: Running,
}

/// The program, and the Spark that it runs on.
#[derive(Args, Debug)]
#[command(next_help_heading = "Program")]
pub(super) struct Program {
    /// The program: a `.py`, `.jar` or `.R` by URL or path, as the driver reaches it.
    #[arg(value_name = "PROGRAM", required_unless_present = "filename", help_heading = None::<&str>)]
    pub(super) main_file: Option<String>,

    /// Arguments of the program.
    #[arg(last = true, value_name = "ARGUMENT", help_heading = None::<&str>)]
    pub(super) arguments: Vec<String>,

    /// Name of the application. Spark's operators demand one.
    #[arg(long)]
    pub(super) name: Option<String>,

    /// The class to start, for a jar.
    #[arg(long, value_name = "CLASS")]
    pub(super) class: Option<String>,

    /// Version of Spark. Spark's operators demand it.
    #[arg(long, value_name = "VERSION")]
    pub(super) spark_version: Option<String>,

    /// Container image of driver and executors.
    #[arg(long)]
    pub(super) image: Option<String>,

    /// When the image is pulled: Always, IfNotPresent or Never.
    #[arg(long, value_name = "POLICY")]
    pub(super) image_pull_policy: Option<String>,

    /// A Secret for pulling the image; can be given several times.
    #[arg(long, value_name = "SECRET")]
    pub(super) image_pull_secret: Vec<String>,

    /// A setting of Spark; can be given several times.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) conf: Vec<(String, String)>,

    /// A setting of Hadoop, without the prefix `spark.hadoop.`; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) hadoop_conf: Vec<(String, String)>,
}

/// What it brings along.
#[derive(Args, Debug)]
#[command(next_help_heading = "Dependencies")]
pub(super) struct Dependencies {
    /// Jars, by URL or path, with commas between.
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(super) jars: Vec<String>,

    /// Python files and zips, by URL or path, with commas between.
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(super) py_files: Vec<String>,

    /// Other files, by URL or path, with commas between.
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(super) files: Vec<String>,

    /// Archives, by URL or path, with commas between.
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(super) archives: Vec<String>,

    /// Packages, by Maven coordinates, with commas between.
    #[arg(long, value_name = "COORDINATES", value_delimiter = ',')]
    pub(super) packages: Vec<String>,
}

/// What the driver gets.
#[derive(Args, Debug)]
#[command(next_help_heading = "Driver")]
pub(super) struct Driver {
    /// Its cores.
    #[arg(long, value_name = "NUMBER")]
    pub(super) driver_cores: Option<u32>,

    /// Its memory, such as 2g.
    #[arg(long, value_name = "SIZE")]
    pub(super) driver_memory: Option<String>,

    /// Its memory beside the JVM's heap, such as 512m.
    #[arg(long, value_name = "SIZE")]
    pub(super) driver_memory_overhead: Option<String>,

    /// The ServiceAccount that it runs as.
    #[arg(long, value_name = "NAME")]
    pub(super) service_account: Option<String>,

    /// An environment variable of it; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) driver_env: Vec<(String, String)>,
}

/// What each executor gets, and how many there are.
#[derive(Args, Debug)]
#[command(next_help_heading = "Executors")]
pub(super) struct Executor {
    /// How many; without it the number of whoever runs it.
    #[arg(long, value_name = "NUMBER", conflicts_with = "min_executors")]
    pub(super) num_executors: Option<u32>,

    /// At least so many, by dynamic allocation.
    #[arg(long, value_name = "NUMBER", requires = "max_executors")]
    pub(super) min_executors: Option<u32>,

    /// At most so many, by dynamic allocation.
    #[arg(long, value_name = "NUMBER", requires = "min_executors")]
    pub(super) max_executors: Option<u32>,

    /// Cores of each.
    #[arg(long, value_name = "NUMBER")]
    pub(super) executor_cores: Option<u32>,

    /// Memory of each, such as 4g.
    #[arg(long, value_name = "SIZE")]
    pub(super) executor_memory: Option<String>,

    /// Memory of each beside the JVM's heap, such as 512m.
    #[arg(long, value_name = "SIZE")]
    pub(super) executor_memory_overhead: Option<String>,

    /// An environment variable of each; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) executor_env: Vec<(String, String)>,
}

/// How it runs.
#[derive(Args, Debug)]
#[command(next_help_heading = "How it runs")]
pub(super) struct Running {
    /// User to run as, by Hadoop's impersonation.
    #[arg(long, value_name = "USER")]
    pub(super) proxy_user: Option<String>,

    /// How often it is started again after it failed.
    #[arg(long, value_name = "NUMBER")]
    pub(super) retries: Option<u32>,

    /// How long its record stays after its end, such as 1h.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub(super) ttl: Option<Duration>,

    /// Queue of the cluster's scheduler.
    #[arg(long)]
    pub(super) queue: Option<String>,

    /// A label of its resource; can be given several times.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) label: Vec<(String, String)>,
}
