//! `app submit`. Does I/O through the client.

use std::process::ExitCode;
use std::time::Duration;

use super::backend::BackendArgs;
use super::options::RequestArgs;
use super::{get, request, wait};
use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::Output;
use crate::terminal;
use crate::values::period;

/// Have a program run as a batch job, by the Spark operator of the cluster or by Livy.
///
/// What whoever runs it cannot do is refused, and nothing is dropped. With --wait or --follow the exit code says whether the program ended
/// well.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect app submit local:///opt/spark/examples/src/main/python/pi.py \\
      --name pi --spark-version 4.1.4 --image apache/spark:4.1.4 --service-account spark -- 100
  kubectl sparkconnect app submit -f job.yaml --follow
  kubectl sparkconnect app submit hdfs:///jobs/etl.jar --class org.example.Etl --livy-url http://livy.example:8998 --wait")]
pub(crate) struct Args {
    /// Wait until it has ended.
    #[arg(long, group = "waits")]
    wait: bool,

    /// Print the driver's log, and wait until it has ended.
    #[arg(long, group = "waits", conflicts_with = "wait")]
    follow: bool,

    /// Longest wait for its end; without it there is none.
    #[arg(long, value_name = "TIME", value_parser = period, requires = "waits")]
    timeout: Option<Duration>,

    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    application: RequestArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Submits it, and waits where that is asked for.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let request = request::request(&args.application)?;
    let submitted = async {
        let jobs = args.backend.connect(context, args.request.bound()).await?;
        let submitted = jobs.client.submit_application(request).await;
        let submitted = submitted.map_err(|error| request::told(&args.application, error))?;
        Ok((jobs, submitted))
    };
    let (jobs, application) = args.request.within(submitted).await?;
    let done = format!("{} submitted", jobs.called(&application.id));
    match args.output.form {
        Some(form) => context.print(&get::formed(&application, form)?)?,
        // With --follow the log is all that is asked for.
        None if args.follow => terminal::note(&done),
        None => context.print(&done)?,
    }
    if args.wait || args.follow {
        return wait::until_ended(context, &jobs, &application.id, args.follow, args.timeout).await;
    }
    Ok(ExitCode::SUCCESS)
}
