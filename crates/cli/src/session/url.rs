//! `session url`. Does I/O through the client, and by a port of this host.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use sparkconnect_client::forward::Target;
use sparkconnect_client::sessions::Reach;
use sparkconnect_client::{Category, Connection, Error as ClientError, Waiting};

use super::local::LocalPort;
use crate::context::Context;
use crate::ending::Endings;
use crate::error::Error;
use crate::terminal::{self, Spinner};
use crate::values::period;

/// Print a session's URL, with its token, for PySpark and every other Spark Connect client.
///
/// The token is the session's password: whoever has the URL is the session's user. --no-token prints the URL without it.
///
/// The URL is good where its host is reached: within the cluster, or from everywhere where the gateway has such an address. A gateway with a
/// certificate of the installation's own authority needs that authority too: --ca-file writes it.
///
/// With --forward the command opens a port of this host that leads to the session, through the API server if need be, prints a URL of that
/// port, and keeps it open until Ctrl-C. That URL works in plain PySpark as it is. The port takes connections of this host only.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  export SPARK_REMOTE=$(kubectl sparkconnect session url ada)
  kubectl sparkconnect session url ada --forward
  kubectl sparkconnect session url ada --ca-file ca.crt    # then: export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=ca.crt")]
pub(crate) struct Args {
    /// Name of the session, or its id.
    #[arg(value_name = "SESSION", value_parser = crate::values::session_name)]
    name: String,

    /// Leave out the token.
    #[arg(long)]
    no_token: bool,

    /// Open a port of this host that leads to the session, and keep it open until Ctrl-C.
    #[arg(long, conflicts_with = "ca_file")]
    forward: bool,

    /// Write the certificate of the authority that vouches for the gateway's to this file.
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,

    /// Longest wait for the session to be ready.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = period)]
    timeout: Duration,
}

impl Args {
    fn url(&self, connection: &Connection) -> String {
        if self.no_token {
            connection.url()
        } else {
            connection.url_with_token()
        }
    }
}

/// Prints it, and keeps the port open where there is one.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let reach = if args.forward {
        Reach::Auto
    } else {
        Reach::Direct
    };
    let client = context.sessions(reach).await?;
    let session = {
        let spinner = Spinner::start(format!("Waiting for the session {}", args.name));
        let waiting: Waiting = context.waiting(&spinner, Some(args.timeout));
        client.open_session(&args.name, &waiting).await?
    };
    if args.forward {
        return forward(context, args, &session.connection).await;
    }
    if let Some(path) = &args.ca_file {
        write_authority(path, &session.connection)?;
    }
    context.print(&args.url(&session.connection))?;
    let Connection { host, port, .. } = &session.connection;
    if Target::of(host, *port).is_some() {
        terminal::hint(&format!(
            "{host} is a name of the cluster; `--forward` gives a URL for this host"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn forward(context: &Context, args: &Args, far: &Connection) -> Result<ExitCode, Error> {
    let mut endings = Endings::listen()?;
    let port = match &far.tls {
        Some(trust) => Some(LocalPort::open(far, trust).await?),
        None => None,
    };
    let near = match &port {
        Some(port) => port.connection(far.clone()),
        None => far.clone(),
    };
    context.print(&args.url(&near))?;
    terminal::note("The port is open until Ctrl-C; the session stays.");
    endings.next().await;
    Ok(ExitCode::SUCCESS)
}

fn write_authority(path: &PathBuf, connection: &Connection) -> Result<(), ClientError> {
    let trust = connection.tls.as_ref();
    let Some(ca) = trust.and_then(|trust| trust.ca.as_ref()) else {
        let message = "the session has no authority of its own to write to --ca-file";
        return Err(ClientError::new(Category::NotFound, message).hint(
            "the system's authorities vouch for the gateway, or the session is reached without TLS",
        ));
    };
    std::fs::write(path, ca).map_err(|error| {
        let message = format!("{} cannot be written", path.display());
        ClientError::new(Category::Failed, message).caused_by(error)
    })
}
