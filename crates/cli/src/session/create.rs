//! `session create`. Does I/O through the client.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sparkconnect_api::SparkSession;
use sparkconnect_client::sessions::Reach;
use sparkconnect_client::{
    Category, Progress, Session, SessionInfo, SessionRequest, SparkClient, Waiting,
};
use tokio::sync::watch;

use crate::context::Context;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::resource;
use crate::terminal::{self, Spinner};
use crate::values::{map, pair, period};

/// Make a session on a server, and wait until it is ready.
///
/// On a terminal it says what it waits for. A session that is not ready in time, or whose making is interrupted with Ctrl-C, is
/// taken back.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "new",
    after_long_help = "\
Examples:
  kubectl sparkconnect session create demo
  kubectl sparkconnect session create demo --name ada --idle-timeout 2h --conf spark.sql.shuffle.partitions=8
  export SPARK_REMOTE=$(kubectl sparkconnect session url ada)"
)]
pub(crate) struct Args {
    /// The server to make it on; may be left out where the namespace has only one.
    #[arg(value_name = "SERVER", value_parser = crate::values::server_name)]
    server: Option<String>,

    /// Name of the session; without it one is made up from the app's.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Its `spark.app.name`.
    #[arg(long, value_name = "NAME")]
    app_name: Option<String>,

    /// Who it belongs to on the server; without it NAMESPACE/NAME. Another one than yourself needs the right to impersonate.
    #[arg(long)]
    user: Option<String>,

    /// Its id on the server, a UUID; without it one is made up.
    #[arg(long, value_name = "UUID")]
    session_id: Option<String>,

    /// A setting of Spark for this session; can be given several times.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    conf: Vec<(String, String)>,

    /// End it without activity for so long, such as 2h; without it the server's own time.
    #[arg(long, value_name = "TIME", value_parser = period)]
    idle_timeout: Option<Duration>,

    /// End it at this age, such as 8h; without it the server's own.
    #[arg(long, value_name = "TIME", value_parser = period)]
    ttl: Option<Duration>,

    /// A label of its resource; can be given several times.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,

    /// Longest wait for it to be ready.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = period)]
    timeout: Duration,

    #[command(flatten)]
    output: Output,
}

impl Args {
    fn request(&self) -> Result<SessionRequest, Error> {
        Ok(SessionRequest {
            app_name: self.app_name.clone(),
            server: self.server.clone(),
            name: self.name.clone(),
            session_id: self.session_id.clone(),
            user: self.user.clone(),
            spark_conf: map("--conf", &self.conf)?,
            idle_timeout: self.idle_timeout,
            ttl: self.ttl,
            labels: map("--label", &self.label)?,
        })
    }
}

/// Makes it and tells how to go on.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let request = args.request()?;
    let client = context.sessions(Reach::Direct).await?;
    let made = make(context, &client, request, args.timeout).await?;
    let name = made.info.name.clone().unwrap_or_default();
    match args.output.form {
        Some(form) => resource::print_named::<SparkSession>(context, form, &name).await?,
        None => context.print(&format!("sparksession.sparkconnect.dev/{name} created"))?,
    }
    tell(context, &made.info, &name);
    Ok(ExitCode::SUCCESS)
}

fn tell(context: &Context, info: &SessionInfo, name: &str) {
    let server = info.server.as_deref().unwrap_or_default();
    let version = info.spark_version.as_deref();
    let spark = version.map(|version| format!(" with Spark {version}"));
    terminal::note(&format!(
        "It is ready on server {server}{}.",
        spark.unwrap_or_default()
    ));
    let namespace = context.global.namespace.as_ref();
    let flag = namespace.map(|namespace| format!(" -n {namespace}"));
    let flag = flag.unwrap_or_default();
    terminal::hint(&format!(
        "`kubectl sparkconnect session url {name}{flag}` prints its URL, `… session shell {name}{flag}` opens Python in it"
    ));
}

/// Makes it, and takes it back when that is interrupted; one that cannot be made the client has taken back.
async fn make(
    context: &Context,
    client: &SparkClient,
    request: SessionRequest,
    timeout: Duration,
) -> Result<Session, Error> {
    let mut interrupt = Interrupt::listen()?;
    let spinner = Spinner::start("Making a session");
    let (waiting, mut named) = naming(&context.waiting(&spinner, Some(timeout)));
    let mut made = Box::pin(client.create_session(request, &waiting));
    tokio::select! {
        made = &mut made => return Ok(made?),
        () = interrupt.wait() => {}
    }
    // What was asked of the API server may still be done: the first news of it has its name.
    let name = tokio::select! {
        made = &mut made => made?.info.name,
        heard = named.wait_for(Option::is_some) => heard.ok().and_then(|name| name.clone()),
        () = interrupt.wait() => None,
    };
    drop(made);
    drop(spinner);
    if let Some(name) = name {
        take_back(client, &name).await?;
    }
    Err(Error::Interrupted)
}

/// The client does that in a task of its own, which would end with this program.
async fn take_back(client: &SparkClient, name: &str) -> Result<(), Error> {
    match client.close_session(name).await {
        Err(error) if error.category() != Category::NotFound => Err(error.into()),
        Ok(()) | Err(_) => {
            terminal::note(&format!("Interrupted: the session {name} was taken back."));
            Ok(())
        }
    }
}

/// The same wait, and the name of what is waited for once that is known.
fn naming(waiting: &Waiting) -> (Waiting, watch::Receiver<Option<String>>) {
    let (tell, named) = watch::channel(None);
    let known = waiting.progress.clone();
    let progress = move |progress: &Progress| {
        tell.send_replace(name_in(&progress.subject));
        if let Some(known) = &known {
            known(progress);
        }
    };
    let waiting = Waiting {
        timeout: waiting.timeout,
        progress: Some(Arc::new(progress)),
    };
    (waiting, named)
}

/// The name in `SparkSession team/ada`.
fn name_in(subject: &str) -> Option<String> {
    let (_, name) = subject.rsplit_once('/')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_known_from_the_first_news() {
        let (waiting, named) = naming(&Waiting::default());
        assert_eq!(*named.borrow(), None);
        waiting.tell(&Progress {
            subject: "SparkSession team/ada".to_owned(),
            state: "Pending".to_owned(),
            message: String::new(),
        });
        assert_eq!(named.borrow().as_deref(), Some("ada"));
    }
}
