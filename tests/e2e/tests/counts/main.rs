//! What gateways tell the operator, without a cluster: over their own TLS, and with real PySpark before real Spark.

mod live;
mod trust;
#[path = "../../../../crates/operator/tests/session/wire.rs"]
#[expect(dead_code, reason = "no test here holds a look in the middle")]
mod wire;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use http::HeaderMap;
use jiff::Timestamp;
use sparkconnect_api::address;
use sparkconnect_gateway::control::{self, Control};
use sparkconnect_gateway::counts::Ledger;
use sparkconnect_gateway::rpc::Rpc;
use sparkconnect_operator::gateway::Credentials;
use sparkconnect_operator::gateway::certificate::{Ca, Leaf};
use sparkconnect_operator::live::{Gateways, Heard};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An authority as the operator makes it.
fn authority() -> Ca {
    Ca::make(Timestamp::now()).expect("an authority")
}

/// Writes a certificate as its Secret is mounted.
fn mount(leaf: &Leaf, folder: &Path) {
    for (name, content) in leaf.data() {
        std::fs::write(folder.join(name), content.0).expect("a file");
    }
}

/// A certificate of `ca` for a gateway.
fn of_gateway(ca: &Ca, name: &str) -> Leaf {
    ca.issue(&[name.to_owned()], Timestamp::now())
        .expect("a certificate")
}

/// The part of a gateway that the operator asks; ends when it is dropped.
struct Gateway {
    address: SocketAddr,
    ledger: Ledger,
    folder: TempDir,
    _end: DropGuard,
}

impl Gateway {
    async fn start(ca: &Ca) -> Self {
        Self::named(ca, address::CONTROL_SERVER, Ledger::default()).await
    }

    async fn named(ca: &Ca, name: &str, ledger: Ledger) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        mount(&of_gateway(ca, name), folder.path());
        let credentials = control::Credentials::read(folder.path()).expect("credentials");
        let credentials = Arc::new(credentials);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let control = Control::bind(address, Arc::clone(&credentials), ledger.clone());
        let control = control.await.expect("a port");
        let address = control.address().expect("an address");
        let end = CancellationToken::new();
        let ended = end.clone();
        tokio::spawn(async move {
            let work = async { tokio::join!(credentials.follow(), control.serve()) };
            ended.run_until_cancelled(work).await;
        });
        Self {
            address,
            ledger,
            folder,
            _end: end.drop_guard(),
        }
    }

    /// Has it see a plan of the session, which fails or not.
    fn sees(&self, session: &str, operation: &str, fails: bool) {
        let mut call = self.ledger.begin(session, Rpc::ExecutePlan);
        call.answered(Some(operation), &HeaderMap::new());
        let status = if fails { "13" } else { "0" };
        call.ended(&[("grpc-status", status)].into_iter().map(header).collect());
    }
}

fn header((name, value): (&'static str, &str)) -> (http::HeaderName, http::HeaderValue) {
    let value = value.parse().expect("a value");
    (http::HeaderName::from_static(name), value)
}

/// Addresses that the gateways' name stands for.
type Addresses = Arc<Mutex<Vec<SocketAddr>>>;

/// The operator's side, which knows gateways by `ca` and finds them at `addresses`.
fn operator(ca: &Ca, addresses: &Addresses) -> (Gateways, Credentials) {
    let (credentials, addresses) = (Credentials::default(), Arc::clone(addresses));
    credentials.keep(ca, Timestamp::now()).expect("credentials");
    let resolve = Box::new(move || {
        let addresses = addresses.lock().unwrap().clone();
        async move { Ok(addresses) }.boxed()
    });
    (
        Gateways::found_by(resolve, credentials.clone()),
        credentials,
    )
}

fn at(gateways: &[&Gateway]) -> Addresses {
    let addresses = gateways.iter().map(|gateway| gateway.address);
    Arc::new(Mutex::new(addresses.collect()))
}

/// Queries and failures, of all gateways.
fn sums(heard: &Heard) -> (u64, u64) {
    let counted = heard.counted.iter().map(|(_, told)| told);
    counted.fold((0, 0), |sum, told| {
        (sum.0 + told.queries, sum.1 + told.failed)
    })
}

/// Asks until what is heard of the session is as wanted.
async fn until(gateways: &Gateways, is_it: impl Fn(&Heard) -> bool) {
    let began = Instant::now();
    loop {
        gateways.collect().await;
        let heard = gateways.of("s").unwrap();
        if is_it(&heard) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "still {heard:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_gateways_are_asked_and_one_that_leaves_as_long_as_it_answers() {
    let ca = authority();
    let (one, two) = (Gateway::start(&ca).await, Gateway::start(&ca).await);
    let addresses = at(&[&one, &two]);
    let (gateways, _) = operator(&ca, &addresses);
    assert_eq!(gateways.of("s"), None, "nobody was asked");
    gateways.collect().await;
    let nothing = Heard {
        complete: true,
        ..Heard::default()
    };
    assert_eq!(gateways.of("s"), Some(nothing));
    one.sees("s", "a", false);
    two.sees("s", "b", true);
    two.sees("other", "c", false);
    let running = two.ledger.begin("s", Rpc::ExecutePlan);
    gateways.collect().await;
    let heard = gateways.of("s").unwrap();
    assert_eq!((sums(&heard), heard.running), ((2, 1), 1));
    assert!(heard.last_activity.is_some());
    drop(running);

    addresses
        .lock()
        .unwrap()
        .retain(|address| *address == one.address);
    two.sees("s", "d", false);
    gateways.collect().await;
    let heard = gateways.of("s").unwrap();
    assert_eq!(
        (sums(&heard), heard.running),
        ((3, 1), 0),
        "it still has something to tell"
    );
    let last = two.ledger.collected();
    gateways.collect().await;
    tokio::time::timeout(PATIENCE, last)
        .await
        .expect("all of it was collected");
    drop(two);
    // It is asked once more before it is known to have ended, and its connection may outlive it for a moment.
    until(&gateways, |heard| {
        heard.counted.len() == 1 && heard.complete
    })
    .await;

    addresses.lock().unwrap().clear();
    drop(one);
    until(&gateways, |heard| heard.counted.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_does_not_answer_leaves_open_what_goes_on_there() {
    let ca = authority();
    let (one, two) = (Gateway::start(&ca).await, Gateway::start(&ca).await);
    let (gateways, _) = operator(&ca, &at(&[&one, &two]));
    one.sees("s", "a", false);
    gateways.collect().await;
    drop(one);
    until(&gateways, |heard| !heard.complete).await;
    assert_eq!(sums(&gateways.of("s").unwrap()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_go_on_with_another_authority() {
    let (old, new) = (authority(), authority());
    let gateway = Gateway::start(&old).await;
    let (gateways, credentials) = operator(&old, &at(&[&gateway]));
    gateways.collect().await;
    credentials
        .keep(&new, Timestamp::now())
        .expect("credentials");
    gateway.sees("s", "a", false);
    gateways.collect().await;
    assert!(
        !gateways.of("s").unwrap().complete,
        "they do not know each other"
    );
    mount(
        &of_gateway(&new, address::CONTROL_SERVER),
        gateway.folder.path(),
    );
    until(&gateways, |heard| heard.complete).await;
    assert_eq!(sums(&gateways.of("s").unwrap()), (1, 0));
}
