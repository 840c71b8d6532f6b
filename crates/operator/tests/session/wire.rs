//! A loopback address on which a replica is found at the ports of a driver pod, whatever ports its Spark has.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use sparkconnect_operator::live::{CONNECT_PORT, UI_PORT};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Hands connections on until it is dropped, which cuts them.
pub(crate) struct Wire {
    pub(crate) host: String,
    _end: DropGuard,
}

impl Wire {
    /// To the Spark server with these ports on 127.0.0.1, from `host` or an address of its own.
    pub(crate) async fn new(host: Option<String>, grpc: u16, ui: u16) -> Self {
        let host = host.unwrap_or_else(own_address);
        let end = CancellationToken::new();
        for (from, to) in [(CONNECT_PORT, grpc), (UI_PORT, ui)] {
            let listener = TcpListener::bind((host.as_str(), from))
                .await
                .expect("the port is free");
            let to = SocketAddr::from(([127, 0, 0, 1], to));
            tokio::spawn(
                end.clone()
                    .run_until_cancelled_owned(hand_on(listener, to, end.clone())),
            );
        }
        Self {
            host,
            _end: end.drop_guard(),
        }
    }
}

async fn hand_on(listener: TcpListener, to: SocketAddr, end: CancellationToken) {
    while let Ok((mut near, _)) = listener.accept().await {
        tokio::spawn(end.clone().run_until_cancelled_owned(async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                // A connection that breaks is what some tests are about.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        }));
    }
}

/// 127.192.0.0 to 127.255.255.255, clear of the other fixtures; no two alike in this process, and unlike those of others.
fn own_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!(
        "127.{}.{}.{}",
        192 + process % 63,
        process / 63 % 256,
        1 + number % 254
    )
}
