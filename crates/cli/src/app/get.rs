//! `app get`: one batch job described for people. Does I/O through the client.

use std::process::ExitCode;

use jiff::Timestamp;
use sparkconnect_client::Application;

use super::backend::BackendArgs;
use super::list::duration;
use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::age::age;
use crate::output::description::Description;
use crate::output::{self, Form, Output};

/// Describe a batch job: state, reason, times, addresses.
#[derive(clap::Args, Debug)]
#[command(visible_aliases = ["status", "describe"], after_long_help = "\
Examples:
  kubectl sparkconnect app get pi
  kubectl sparkconnect app get 7 --livy-url http://livy.example:8998 -o json")]
pub(crate) struct Args {
    /// Name of the application; on Livy the batch's number too.
    #[arg(value_name = "APPLICATION")]
    id: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Prints it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let told = async {
        let jobs = args.backend.connect(context, args.request.bound()).await?;
        Ok(jobs.client.get_status(&args.id).await?)
    };
    let application = args.request.within(told).await?;
    let text = match args.output.form {
        None => text(&application, Timestamp::now()),
        Some(form) => formed(&application, form)?,
    };
    context.print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// In a form for programs.
pub(super) fn formed(application: &Application, form: Form) -> Result<String, Error> {
    Ok(match form {
        Form::Json => output::json(application)?,
        Form::Yaml => output::yaml(application)?,
        Form::Name => application.id.clone(),
    })
}

fn text(application: &Application, now: Timestamp) -> String {
    let it = application.clone();
    let ago = |time: Option<Timestamp>| time.map(|_| format!("{} ago", age(time, now)));
    let mut told = Description::default();
    told.fact("Id", Some(it.id));
    told.fact("Name", it.name);
    told.fact("Namespace", it.namespace);
    told.fact("State", Some(it.state.name()));
    told.fact("Reported as", it.peer_state);
    told.fact("Message", it.message);
    told.fact("Application", it.spark_application_id);
    told.fact("UI", it.ui_url);
    told.fact("Executors", it.executors.map(|number| number.to_string()));
    told.fact("Submitted", ago(it.submitted));
    told.fact("Ended", ago(it.ended));
    told.fact("Duration", Some(duration(application, now)));
    told.render()
}
