//! `app wait`, and how `app submit` waits: until a batch job has ended, with its log where that is asked for. Does I/O through the client.

use std::process::ExitCode;
use std::time::Duration;

use sparkconnect_client::{
    Application, ApplicationState, Category, Error as ClientError, LogRequest, LogStream, Progress,
};

use super::backend::{BackendArgs, Jobs};
use super::logs::LIVY_REQUEST;
use crate::context::Context;
use crate::ending::Endings;
use crate::error::Error;
use crate::log;
use crate::terminal::{self, Spinner};
use crate::values::period;

/// Pause between two looks for a log that is not there yet.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many looks in a row may go without an answer, as when the client waits.
const PATIENCE: u32 = 30;

/// Wait until a batch job has ended; the exit code says how.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect app wait pi --timeout 1h
  kubectl sparkconnect app wait pi --follow    # with the driver's log")]
pub(crate) struct Args {
    /// Name of the application; on Livy the batch's number too.
    #[arg(value_name = "APPLICATION")]
    id: String,
    /// Print the driver's log meanwhile.
    #[arg(long)]
    follow: bool,
    /// Longest wait; without it there is none.
    #[arg(long, value_name = "TIME", value_parser = period)]
    timeout: Option<Duration>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Waits.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let jobs = args.backend.connect(context, LIVY_REQUEST).await?;
    until_ended(context, &jobs, &args.id, args.follow, args.timeout).await
}

/// Waits until it has ended and tells how. One that did not end well is an error.
pub(super) async fn until_ended(
    context: &Context,
    jobs: &Jobs,
    id: &str,
    follow: bool,
    timeout: Option<Duration>,
) -> Result<ExitCode, Error> {
    let mut endings = Endings::listen()?;
    let ended = async {
        if follow {
            print_log(context, jobs, id).await?;
        }
        let spinner = Spinner::start(format!("Waiting for {}", jobs.called(id)));
        let waiting = context.waiting(&spinner, None);
        Ok(jobs.client.wait(id, &waiting).await?)
    };
    let application = tokio::select! {
        application = within(timeout, jobs.called(id), ended) => application?,
        _ = endings.next() => {
            terminal::note(&format!("Interrupted: {} goes on.", jobs.called(id)));
            return Err(Error::Interrupted);
        }
    };
    let told = format!("{} {}", jobs.called(id), application.state.name());
    if application.state == ApplicationState::Succeeded {
        // What is asked for is the log then, and nothing else.
        if follow {
            terminal::note(&told);
        } else {
            context.print(&told)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    Err(badly(&told, id, &application).into())
}

fn badly(told: &str, id: &str, application: &Application) -> ClientError {
    let message = application.message.as_deref();
    let why = message.filter(|message| !message.is_empty());
    let why = why.map(|message| format!(": {message}"));
    ClientError::new(
        Category::Ended,
        format!("{told}{}", why.unwrap_or_default()),
    )
    .hint(format!("`app logs {id}` prints what its driver wrote"))
}

async fn within(
    timeout: Option<Duration>,
    called: String,
    ended: impl Future<Output = Result<Application, Error>>,
) -> Result<Application, Error> {
    let Some(timeout) = timeout else {
        return ended.await;
    };
    match tokio::time::timeout(timeout, ended).await {
        Ok(ended) => ended,
        Err(_) => {
            let message = format!("{called} did not end within {} s", timeout.as_secs());
            let error = ClientError::new(Category::TimedOut, message);
            Err(error.hint("it goes on; wait again, or delete it").into())
        }
    }
}

/// Prints the driver's log from when there is one until it ends.
async fn print_log(context: &Context, jobs: &Jobs, id: &str) -> Result<(), Error> {
    let Some(log) = log(context, jobs, id).await? else {
        terminal::note(&format!("{} has left no log", jobs.called(id)));
        return Ok(());
    };
    match log::print(context, log).await {
        // How the application ends is what counts.
        Err(Error::Client(error)) => terminal::note(&format!("The log is not followed: {error}")),
        printed => printed?,
    }
    Ok(())
}

/// The log once there is one; none where the application has ended without.
async fn log(context: &Context, jobs: &Jobs, id: &str) -> Result<Option<LogStream>, Error> {
    let spinner = Spinner::start(format!("Waiting for the log of {}", jobs.called(id)));
    let waiting = context.waiting(&spinner, None);
    let request = LogRequest {
        follow: true,
        ..LogRequest::default()
    };
    let (mut told, mut silent) = (None, 0);
    loop {
        // Asked for first: one that ended meanwhile has its log still.
        let state = match jobs.client.get_status(id).await {
            Ok(application) => application.state,
            Err(error) if error.is_transient() && silent < PATIENCE => {
                silent += 1;
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        silent = 0;
        match jobs.client.get_logs(id, request.clone()).await {
            Ok(log) => return Ok(Some(log)),
            Err(error) if !not_yet(&error) => return Err(error.into()),
            Err(_) if state.is_final() => return Ok(None),
            Err(error) => {
                let progress = Progress {
                    subject: jobs.called(id),
                    state: state.name().to_owned(),
                    message: error.to_string(),
                };
                if told.as_ref() != Some(&progress) {
                    waiting.tell(&progress);
                    told = Some(progress);
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn not_yet(error: &ClientError) -> bool {
    error.is_transient() || error.category() == Category::NotFound
}
