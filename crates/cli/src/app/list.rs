//! `app ls`. Does I/O through the client.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;
use sparkconnect_client::{Application, BackendKind};

use super::backend::BackendArgs;
use crate::context::{Context, Request};
use crate::error::Error;
use crate::output::age::{NONE, age, length};
use crate::output::table::{self, Column, column, wide};
use crate::output::{self, ListForm, ListOutput};
use crate::terminal;

/// List batch jobs.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "list",
    after_long_help = "\
Examples:
  kubectl sparkconnect app ls
  kubectl sparkconnect app ls --livy-url http://livy.example:8998 -o json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    output: ListOutput,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Lists them.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let listed = async {
        let jobs = args.backend.connect(context, args.request.bound()).await?;
        Ok((jobs.client.kind(), jobs.client.list_applications().await?))
    };
    let (kind, applications) = args.request.within(listed).await?;
    let form = args.output.form;
    if applications.is_empty() && matches!(form, None | Some(ListForm::Wide)) {
        terminal::note("No batch jobs found.");
        return Ok(ExitCode::SUCCESS);
    }
    let text = match form {
        Some(ListForm::Json) => output::json(&json!({"items": applications}))?,
        Some(ListForm::Yaml) => output::yaml(&json!({"items": applications}))?,
        Some(ListForm::Name) => applications
            .iter()
            .map(|it| format!("{}\n", it.id))
            .collect(),
        wide => table(kind, &applications, wide.is_some(), !args.output.no_headers),
    };
    context.print(&text)?;
    Ok(ExitCode::SUCCESS)
}

const COLUMNS: [Column; 9] = [
    column("NAME"),
    column("STATE"),
    column("EXECUTORS"),
    column("AGE"),
    column("DURATION"),
    wide("REPORTED"),
    wide("APPLICATION"),
    wide("UI"),
    column("MESSAGE"),
];

fn table(kind: BackendKind, applications: &[Application], wide: bool, headers: bool) -> String {
    let now = Timestamp::now();
    let (mut columns, mut rows) = (COLUMNS.to_vec(), Vec::new());
    rows.extend(
        applications
            .iter()
            .map(|application| cells(application, now)),
    );
    // Elsewhere a name is what it is asked for by.
    if kind == BackendKind::Livy {
        columns.insert(0, column("ID"));
        for (row, application) in rows.iter_mut().zip(applications) {
            row.insert(0, application.id.clone());
        }
    }
    table::render(&columns, &rows, wide, headers)
}

fn cells(application: &Application, now: Timestamp) -> Vec<String> {
    let Application {
        name,
        state,
        peer_state,
        message,
        spark_application_id,
        ui_url,
        submitted,
        executors,
        ..
    } = application.clone();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    vec![
        or_none(name),
        state.name().to_owned(),
        or_none(executors.map(|number| number.to_string())),
        age(submitted, now),
        duration(application, now),
        or_none(peer_state),
        or_none(spark_application_id),
        or_none(ui_url),
        message.unwrap_or_default(),
    ]
}

/// From its submission to its end, or to now where it goes on.
pub(super) fn duration(application: &Application, now: Timestamp) -> String {
    let end = match application.ended {
        None if application.state.is_final() => None,
        ended => Some(ended.unwrap_or(now)),
    };
    let both = application.submitted.zip(end);
    both.map_or_else(
        || NONE.to_owned(),
        |(began, end)| length(end.as_second() - began.as_second()),
    )
}

#[cfg(test)]
mod tests {
    use sparkconnect_client::ApplicationState;

    use super::*;

    #[test]
    fn what_goes_on_lasts_until_now_and_an_end_that_is_not_known_is_not_made_up() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let lasts = |state, ended| {
            let application = Application {
                id: "pi".to_owned(),
                name: None,
                namespace: None,
                state,
                peer_state: None,
                message: None,
                spark_application_id: None,
                ui_url: None,
                submitted: at(10),
                ended,
                executors: None,
            };
            duration(&application, Timestamp::from_second(70).unwrap())
        };
        assert_eq!(lasts(ApplicationState::Running, None), "60s");
        assert_eq!(lasts(ApplicationState::Failed, at(15)), "5s");
        assert_eq!(lasts(ApplicationState::Failed, None), NONE);
    }
}
