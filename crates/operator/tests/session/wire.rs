//! A loopback address on which a replica is found at the ports of a driver pod, whatever ports its Spark has; and a way to hold a look
//! at it in the middle.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sparkconnect_operator::live::{CONNECT_PORT, UI_PORT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Hands connections on until it is dropped, which cuts them.
pub(crate) struct Wire {
    pub(crate) host: String,
    pub(crate) gate: Gate,
    _end: DropGuard,
}

/// Holds a look at the replica between what it asks of the UI and what it asks of Spark Connect then.
#[derive(Clone)]
pub(crate) struct Gate(watch::Sender<At>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Everything passes.
    Open,
    /// The next request to the UI closes it.
    Armed,
    /// What goes to Spark Connect waits.
    Closed,
    /// Something waits.
    Held,
}

impl Gate {
    /// Holds the next look, and returns once it is held.
    pub(crate) async fn hold(&self) {
        self.0.send_replace(At::Armed);
        let mut at = self.0.subscribe();
        let held = at.wait_for(|at| *at == At::Held);
        let held = tokio::time::timeout(Duration::from_secs(60), held).await;
        assert!(held.is_ok(), "nobody looks: {:?}", *self.0.borrow());
    }

    /// Lets the look go on.
    pub(crate) fn open(&self) {
        self.0.send_replace(At::Open);
    }

    fn to(&self, from: &[At], to: At) -> bool {
        self.0.send_if_modified(|at| {
            let moves = from.contains(at);
            if moves {
                *at = to;
            }
            moves
        })
    }

    async fn pass(&self, port: u16) {
        if port == UI_PORT {
            self.to(&[At::Armed], At::Closed);
        } else if self.to(&[At::Closed, At::Held], At::Held) {
            let mut at = self.0.subscribe();
            let _ = at.wait_for(|at| *at == At::Open).await;
        }
    }
}

impl Wire {
    /// To the Spark server with these ports on 127.0.0.1, from `host` or an address of its own.
    pub(crate) async fn new(host: Option<String>, grpc: u16, ui: u16) -> Self {
        let host = host.unwrap_or_else(own_address);
        let (end, gate) = (CancellationToken::new(), Gate(watch::Sender::new(At::Open)));
        for (port, to) in [(CONNECT_PORT, grpc), (UI_PORT, ui)] {
            let listener = TcpListener::bind((host.as_str(), port))
                .await
                .expect("the port is free");
            let to = SocketAddr::from(([127, 0, 0, 1], to));
            let handing_on = hand_on(listener, port, to, gate.clone(), end.clone());
            tokio::spawn(end.clone().run_until_cancelled_owned(handing_on));
        }
        Self {
            host,
            gate,
            _end: end.drop_guard(),
        }
    }
}

async fn hand_on(
    listener: TcpListener,
    port: u16,
    to: SocketAddr,
    gate: Gate,
    end: CancellationToken,
) {
    while let Ok((near, _)) = listener.accept().await {
        let gate = gate.clone();
        tokio::spawn(end.clone().run_until_cancelled_owned(async move {
            let Ok(far) = TcpStream::connect(to).await else {
                return; // a connection that breaks is what some tests are about
            };
            let ((near_in, mut near_out), (mut far_in, far_out)) =
                (near.into_split(), far.into_split());
            let answers = async {
                let _ = tokio::io::copy(&mut far_in, &mut near_out).await;
                let _ = near_out.shutdown().await;
            };
            tokio::join!(requests(near_in, far_out, port, &gate), answers);
        }));
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, port: u16, gate: &Gate) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        gate.pass(port).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
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
