//! `doctor`: looks at everything between this user and a session, and names each trouble's cause and cure. Every check is a decision over
//! what was seen, apart from the looking. Does I/O: asks the API server, the gateway and Python; changes nothing.

mod cluster;
mod definitions;
mod gateway;
mod programs;
mod pyspark;
mod report;
mod rights;
mod servers;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use self::report::{Finding, Report, Style};
use crate::context::Context;
use crate::error::Error;
use crate::output;
use crate::terminal::Spinner;

/// Find out why something does not work.
///
/// Looks at everything between you and a session in the namespace: the API server, the resource definitions, operator and gateway, what you
/// may do, the way to the gateway from here, the servers, and this machine's PySpark. Changes nothing. What you may not see is skipped.
/// The exit code is 1 when something is wrong.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect doctor
  kubectl sparkconnect doctor -n team --server demo
  kubectl sparkconnect doctor -o json")]
pub(crate) struct Args {
    /// Look at this server only.
    #[arg(long, value_name = "SERVER", value_parser = crate::values::server_name)]
    server: Option<String>,

    /// Python whose PySpark is looked at.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,

    /// Print this form instead of lines for people.
    #[arg(short = 'o', long = "output", value_name = "FORM")]
    form: Option<Form>,

    /// Longest time for all checks, such as 30s or 2m.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = crate::values::period)]
    timeout: Duration,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// All findings, as JSON
    Json,
    /// All findings, as YAML
    Yaml,
}

/// Makes all checks that can be made.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let mut told = Telling::new(context, args.form);
    let looked = tokio::time::timeout(args.timeout, look(context, args, &mut told)).await;
    match looked {
        Ok(done) => done?,
        Err(_) => told.tell([late(args.timeout)])?,
    }
    let report = told.report;
    match args.form {
        Some(Form::Json) => context.print(&output::json(&report)?)?,
        Some(Form::Yaml) => context.print(&output::yaml(&report)?)?,
        None => context.print(&report.summary())?,
    }
    Ok(ExitCode::from(u8::from(report.is_wrong())))
}

async fn look(context: &Context, args: &Args, told: &mut Telling<'_>) -> Result<(), Error> {
    let cluster = match context.kubernetes().connect().await {
        Ok(cluster) => cluster,
        Err(error) => return told.tell([cluster::unconfigured(&error)]),
    };
    let who = cluster::who(&cluster.client).await;
    told.tell([cluster::answers(&cluster, &who)])?;
    // Whom it does not answer learns no more from it.
    let Ok(user) = who else { return Ok(()) };
    told.tell([cluster::version(&cluster.client).await])?;
    let (definitions, defined) = definitions::look(&cluster.client).await;
    told.tell(definitions)?;
    let programs = programs::look(&cluster).await;
    told.tell(programs.findings)?;
    told.tell(rights::look(&cluster, &user).await)?;
    let mut servers = Vec::new();
    if defined {
        told.tell(gateway::look(&cluster, programs.operator.as_ref()).await)?;
        let (findings, found) = servers::look(&cluster, args.server.as_deref()).await;
        told.tell(findings)?;
        servers = found;
    }
    told.tell([pyspark::look(&args.python, &servers).await])
}

fn late(timeout: Duration) -> Finding {
    let text = format!("the checks did not end within {} s", timeout.as_secs());
    Finding::wrong("time", text).cure("see which check did not come, or give more --timeout")
}

/// Tells people of each finding as it comes.
struct Telling<'a> {
    context: &'a Context,
    style: Option<Style>,
    report: Report,
    spinner: Option<Spinner>,
}

impl<'a> Telling<'a> {
    fn new(context: &'a Context, form: Option<Form>) -> Self {
        let signs = io::stdout().is_terminal();
        Self {
            context,
            style: form.is_none().then_some(Style { signs }),
            report: Report::default(),
            spinner: None,
        }
    }

    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), Error> {
        self.spinner = None;
        for finding in findings {
            if let Some(style) = self.style {
                self.context.print(&finding.render(style))?;
            }
            self.report.findings.push(finding);
        }
        self.spinner = Some(Spinner::start("looking"));
        Ok(())
    }
}
