//! `session create`. Does I/O through the client.

use std::process::ExitCode;
use std::time::Duration;

use sparkconnect_api::SparkSession;
use sparkconnect_client::sessions::Reach;
use sparkconnect_client::{SessionInfo, SessionRequest};

use super::make;
use crate::context::Context;
use crate::ending::Endings;
use crate::error::Error;
use crate::output::Output;
use crate::resource;
use crate::terminal;
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
    let made = make::session(
        context,
        &client,
        request,
        args.timeout,
        &mut Endings::listen()?,
    )
    .await?;
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
