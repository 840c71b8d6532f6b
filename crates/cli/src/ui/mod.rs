//! `server ui`: Spark's UI of a replica at an address of this machine that only this user can use. Does I/O: serves HTTP, forwards it
//! through the API server.

mod browser;
mod door;
mod front;
mod replica;
mod upstream;

use std::io::{self, IsTerminal};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use sparkconnect_api::SparkConnectServer;
use sparkconnect_client::{Category, Error as ClientError};
use tokio::net::TcpListener;

use self::door::Door;
use self::upstream::Upstream;
use crate::context::Context;
use crate::ending::Endings;
use crate::error::Error;
use crate::{resource, terminal};

/// Open Spark's UI of a server in the browser.
///
/// Serves the UI of one replica at 127.0.0.1 until Ctrl-C. The address that is printed lets one browser in, by a token that other
/// users of this machine do not know. A replica that restarts is found again. Logs that the UI links to are on the executors, which
/// cannot be reached so: `server logs` has them.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  kubectl sparkconnect server ui demo
  kubectl sparkconnect server ui demo --replica 1 --port 4040 --no-open")]
pub(crate) struct Args {
    /// Server.
    #[arg(value_name = "SERVER", value_parser = crate::values::server_name)]
    name: String,

    /// Replica, by its number; by default the first one that serves.
    #[arg(long, value_name = "NUMBER")]
    replica: Option<u32>,

    /// Port of 127.0.0.1; by default one of the system's choice.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    port: u16,

    /// Do not open a browser; without a terminal none is opened in any case.
    #[arg(long)]
    no_open: bool,
}

/// Serves it until it is told to end.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let cluster = context.cluster().await?;
    let (_, server) = resource::fetch::<SparkConnectServer>(&cluster, &args.name).await?;
    let upstream = Upstream::new(cluster, replica::pod(&server, args.replica)?);
    // What is not allowed, or not there, is told here and not in the browser.
    drop(upstream.connect().await?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await;
    let bound = listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let (port, listener) = bound.map_err(|error| taken(args.port, error))?;
    let mut endings = Endings::listen()?;
    let door = Door::new(port);
    let url = door.url();
    context.print(&url)?;
    let opened = (!args.no_open && io::stdout().is_terminal()).then(|| browser::open(&url));
    if let Some(Err(error)) = &opened {
        terminal::note(&format!("no browser was opened: {error}"));
    }
    terminal::note(&format!("the UI of {upstream}; Ctrl-C ends it"));
    tokio::select! {
        () = front::serve(listener, door, upstream) => {}
        _ = endings.next() => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn taken(port: u16, error: io::Error) -> ClientError {
    let text = format!("port {port} of 127.0.0.1 cannot be opened");
    ClientError::new(Category::InvalidInput, text)
        .caused_by(error)
        .hint("choose another --port, or leave it to the system")
}
