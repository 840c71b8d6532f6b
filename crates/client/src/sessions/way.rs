//! The way to a session: straight where its host is reached from here, else through a port forwarded in this process. Does I/O.

use std::time::Duration;

use kube::Client;
use tokio::net::TcpStream;

use super::Reach;
use crate::forward::{Forward, Target};
use crate::{Category, Connection, Error};

/// A host that takes longer to connect to is not reached from here.
const REACHED: Duration = Duration::from_secs(2);

/// The connection by that way, and what has to live as long as it.
pub(super) async fn open(
    client: &Client,
    connection: Connection,
    reach: Reach,
) -> Result<(Connection, Option<Forward>), Error> {
    let forwarded = match reach {
        Reach::Direct => false,
        Reach::PortForward => true,
        Reach::Auto => !reached(&connection).await,
    };
    if !forwarded {
        return Ok((connection, None));
    }
    let target = Target::of(&connection.host, connection.port);
    let target = target.ok_or_else(|| unreached(&connection))?;
    let forward = Forward::open(client.clone(), target).await?;
    let address = forward.address();
    let tls = connection.tls.map(|mut trust| {
        trust.server_name.get_or_insert(connection.host);
        trust
    });
    let connection = Connection {
        host: address.ip().to_string(),
        port: address.port(),
        tls,
        ..connection
    };
    Ok((connection, Some(forward)))
}

async fn reached(connection: &Connection) -> bool {
    let address = (connection.host.as_str(), connection.port);
    let connected = tokio::time::timeout(REACHED, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_)))
}

fn unreached(connection: &Connection) -> Error {
    Error::new(
        Category::Unavailable,
        format!(
            "{} cannot be reached from here, and is no name of the cluster that a port could be forwarded to",
            connection.authority()
        ),
    )
    .hint("it is the gateway's address for clients: see that its name resolves and its port is open")
}
