//! `session shell`: Python with a session as `spark`. Does I/O: makes or opens the session, runs Python.

mod child;
mod program;
pub(crate) mod python;

use std::process::ExitCode;
use std::time::Duration;

use sparkconnect_client::sessions::Reach;
use sparkconnect_client::{Category, Session, SessionRequest, SparkClient};

use self::child::{Told, Tutorial};
use self::python::Python;
use crate::context::Context;
use crate::ending::Endings;
use crate::error::Error;
use crate::session::make;
use crate::terminal::{self, Spinner};

/// What a session of the shell's own is called, as an application.
const APP_NAME: &str = "shell";

/// Open a Python prompt, or run a program, with a session at hand as `spark`.
///
/// The prompt is IPython where Python has it. `spark` is a native PySpark session; PySpark must be of the server's minor version.
/// Without SESSION one is made, and closed at the end; SESSION is kept. A program that comes by standard input is run as it is,
/// and the exit code is Python's.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect session shell
  kubectl sparkconnect session shell --tutorial
  kubectl sparkconnect session shell ada -- report.py --month 7
  echo 'spark.range(3).show()' | kubectl sparkconnect session shell --server demo")]
pub(crate) struct Args {
    /// Session to use, by its name or id.
    #[arg(value_name = "SESSION", value_parser = crate::values::session_name)]
    session: Option<String>,

    /// Server to make a session on; by default the namespace's only one.
    #[arg(long, value_name = "SERVER", value_parser = crate::values::server_name, conflicts_with = "session")]
    server: Option<String>,

    /// Python to run.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,

    /// Have `step()` go through a tutorial, one step at each call.
    #[arg(long, conflicts_with = "program")]
    tutorial: bool,

    /// Go on with a PySpark of another version than the server's.
    #[arg(long)]
    allow_version_skew: bool,

    /// Longest wait for the session to be ready.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::values::period)]
    timeout: Duration,

    /// What to run in place of a prompt: FILE, -c CODE or -m MODULE, and its arguments.
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    program::check(&args.program)?;
    let python = Python::ask(&args.python).await?;
    python.usable()?;
    let client = context.sessions(Reach::Auto).await?;
    let mut endings = Endings::listen_to_all()?;
    if let Some(session) = &args.session {
        let session = tokio::select! {
            opened = open(context, args, &client, session) => opened?,
            _ = endings.next() => return Err(Error::Interrupted),
        };
        return in_session(context, args, &python, &session, &mut endings).await;
    }
    let request = SessionRequest {
        app_name: Some(APP_NAME.to_owned()),
        server: args.server.clone(),
        ..SessionRequest::default()
    };
    let session = make::session(context, &client, request, args.timeout, &mut endings).await?;
    let ended = in_session(context, args, &python, &session, &mut endings).await;
    tokio::select! {
        () = close(&client, session.info.name.as_deref().unwrap_or_default()) => {}
        _ = endings.next() => return Err(Error::Interrupted),
    }
    ended
}

async fn open(
    context: &Context,
    args: &Args,
    client: &SparkClient,
    session: &str,
) -> Result<Session, Error> {
    let spinner = Spinner::start("Opening a session");
    let waiting = context.waiting(&spinner, Some(args.timeout));
    Ok(client.open_session(session, &waiting).await?)
}

async fn in_session(
    context: &Context,
    args: &Args,
    python: &Python,
    session: &Session,
    endings: &mut Endings,
) -> Result<ExitCode, Error> {
    if let Some(spark) = &session.info.spark_version {
        match python.fits(spark) {
            Err(error) if args.allow_version_skew => terminal::note(&format!("warning: {error}")),
            fits => fits?,
        }
    }
    let tutorial = args.tutorial.then(|| Tutorial::of(context, &session.info));
    let told = Told {
        connection: &session.connection,
        banner: banner(args, session),
        tutorial,
        program: &args.program,
    };
    child::run(python, &told, endings).await
}

/// Ends the shell's own session. That it cannot be ended is told, and changes nothing of what its program came to.
async fn close(client: &SparkClient, name: &str) {
    match client.close_session(name).await {
        Err(error) if error.category() != Category::NotFound => {
            terminal::error(&error.to_string(), error.hint_text());
            terminal::hint(&format!(
                "`kubectl sparkconnect session close {name}` ends the session"
            ));
        }
        _ => {}
    }
}

fn banner(args: &Args, session: &Session) -> String {
    let info = &session.info;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (name, version) = (text(&info.name), text(&info.spark_version));
    let (server, namespace) = (text(&info.server), text(&info.namespace));
    let end = match args.session {
        Some(_) => format!("It is kept: `kubectl sparkconnect session close {name}` ends it."),
        None => "It is closed when you leave.".to_owned(),
    };
    let mut banner =
        format!("Spark {version}: `spark` is session {name} on server {namespace}/{server}. {end}");
    if args.tutorial {
        banner.push_str("\nstep() goes through the tutorial, one step at each call.");
    }
    banner
}
