//! Replicas and clients that break off, hold back or go away in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::doors::{certificate, hello};
use crate::raw::{Answered, framed};
use crate::{Client, Gateway, renew, spark};

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(30);

type Calls = UnboundedReceiver<(Request<RecvStream>, SendResponse<Bytes>)>;

/// A replica that does with its calls what the test says.
struct Replica {
    address: String,
    calls: Calls,
    end: broadcast::Sender<End>,
    connections: Arc<AtomicUsize>,
    /// Connections that have ended.
    ended: Arc<AtomicUsize>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It takes no new calls, and tells so.
    Goaway,
    /// At once, without a word.
    Dead,
}

impl Replica {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ((to, calls), (end, _)) = (unbounded_channel(), broadcast::channel(4));
        let (connections, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, ends, over) = (Arc::clone(&connections), end.clone(), Arc::clone(&ended));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let served = serve(stream, to.clone(), ends.subscribe());
                let over = Arc::clone(&over);
                tokio::spawn(async move {
                    served.await;
                    over.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            calls,
            end,
            connections,
            ended,
        }
    }

    async fn call(&mut self) -> (Request<RecvStream>, SendResponse<Bytes>) {
        let call = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        call.expect("a call in time").expect("the replica")
    }
}

/// Serves one connection until it is ended.
async fn serve(
    stream: TcpStream,
    to: UnboundedSender<(Request<RecvStream>, SendResponse<Bytes>)>,
    mut ends: broadcast::Receiver<End>,
) {
    let mut builder = h2::server::Builder::new();
    builder.initial_connection_window_size(1 << 20);
    let mut connection: Connection<TcpStream, Bytes> = builder.handshake(stream).await.unwrap();
    loop {
        tokio::select! {
            call = connection.accept() => match call {
                Some(Ok(call)) => drop(to.send(call)),
                _ => return,
            },
            end = ends.recv() => match end {
                Ok(End::Goaway) => connection.graceful_shutdown(),
                Ok(End::Dead) | Err(_) => return,
            },
        }
    }
}

fn head() -> Response<()> {
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(()).unwrap()
}

/// Begins an answer: its head, and one message.
fn begin(respond: &mut SendResponse<Bytes>) -> SendStream<Bytes> {
    let mut stream = respond.send_response(head(), false).unwrap();
    stream.send_data(framed(b"part").into(), false).unwrap();
    stream
}

/// Ends an answer well.
fn end(stream: &mut SendStream<Bytes>) {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers).unwrap();
}

/// A call under way.
async fn open(
    gateway: &Gateway,
    client: &Client,
    method: &str,
) -> tokio::task::JoinHandle<Answered> {
    let (mut raw, client, method) = (gateway.raw().await, client.clone(), method.to_owned());
    tokio::spawn(async move { raw.call(&method, &client.token, &[&hello(&client)]).await })
}

#[tokio::test]
async fn a_replica_that_takes_no_more_calls_ends_those_it_has_and_is_met_anew() {
    let gateway = Gateway::start().await;
    let mut replica = Replica::start().await;
    let ada = gateway.session_at("ada", &replica.address, None);
    let first = open(&gateway, &ada, "ExecutePlan").await;
    let (_request, mut respond) = replica.call().await;
    let mut stream = begin(&mut respond);
    replica.end.send(End::Goaway).unwrap();
    end(&mut stream);
    let answer = first.await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[5..]),
        (Some(0), &b"part"[..]),
        "{answer:?}"
    );
    let ended = async {
        while replica.ended.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the connection ends");
    let second = open(&gateway, &ada, "Config").await;
    let (_request, mut respond) = replica.call().await;
    end(&mut begin(&mut respond));
    let answer = second.await.unwrap();
    assert_eq!(
        answer.status,
        Some(0),
        "nothing of it is the client's business: {answer:?}"
    );
    assert_eq!(replica.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_that_a_replica_breaks_off_is_one_to_try_again() {
    let gateway = Gateway::start().await;
    let mut replica = Replica::start().await;
    let ada = gateway.session_at("ada", &replica.address, None);
    for reason in [
        Reason::REFUSED_STREAM,
        Reason::INTERNAL_ERROR,
        Reason::ENHANCE_YOUR_CALM,
    ] {
        let call = open(&gateway, &ada, "ExecutePlan").await;
        replica.call().await.1.send_reset(reason);
        let answer = call.await.unwrap();
        assert_eq!(
            answer.status,
            Some(14),
            "before an answer, {reason}: {answer:?}"
        );
        let call = open(&gateway, &ada, "ExecutePlan").await;
        let (_request, mut respond) = replica.call().await;
        begin(&mut respond).send_reset(reason);
        let answer = call.await.unwrap();
        assert_eq!(answer.status, Some(14), "within one, {reason}: {answer:?}");
    }
    let call = open(&gateway, &ada, "ExecutePlan").await;
    let (_request, mut respond) = replica.call().await;
    let _stream = begin(&mut respond);
    replica.end.send(End::Dead).unwrap();
    let answer = call.await.unwrap();
    assert_eq!(answer.status, Some(14), "dead within one: {answer:?}");
}

#[tokio::test]
async fn a_replica_may_answer_before_it_has_heard_everything() {
    let gateway = Gateway::start().await;
    let mut replica = Replica::start().await;
    let ada = gateway.session_at("ada", &replica.address, None);
    let authorization = format!("Bearer {}", ada.token);
    let headers = [
        ("content-type", "application/grpc"),
        ("authorization", &authorization),
    ];
    let (more, answer) = gateway.raw().await.open("AddArtifacts", &headers);
    more.send(hello(&ada).into()).unwrap();
    let (_request, mut respond) = replica.call().await;
    let mut stream = respond.send_response(head(), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("3"));
    trailers.insert("grpc-message", HeaderValue::from_static("no such artifact"));
    stream.send_trailers(trailers).unwrap();
    let answer = answer.await;
    assert_eq!(
        (answer.status, answer.message.as_str()),
        (Some(3), "no such artifact")
    );
    drop(more);
}

#[tokio::test]
async fn a_client_that_goes_takes_its_call_with_it() {
    let gateway = Gateway::start().await;
    let mut replica = Replica::start().await;
    let ada = gateway.session_at("ada", &replica.address, None);
    for begun in [false, true] {
        let call = open(&gateway, &ada, "ExecutePlan").await;
        let (_request, mut respond) = replica.call().await;
        let mut stream = begun.then(|| begin(&mut respond));
        call.abort();
        let reset = async {
            match &mut stream {
                Some(stream) => std::future::poll_fn(|context| stream.poll_reset(context)).await,
                None => std::future::poll_fn(|context| respond.poll_reset(context)).await,
            }
        };
        let reset = tokio::time::timeout(PATIENCE, reset)
            .await
            .expect("the replica is told");
        assert!(matches!(reset, Ok(Reason::CANCEL)), "{begun}: {reset:?}");
    }
    let counts = gateway.ledger.of(&ada.id).unwrap();
    assert_eq!(counts.running, 0);
}

/// A call whose answer nobody reads, on a connection of its own.
async fn stalled(gateway: &Gateway, client: &Client) -> tokio::task::JoinHandle<()> {
    let (mut raw, client) = (gateway.raw().await, client.clone());
    tokio::spawn(async move {
        let authorization = format!("Bearer {}", client.token);
        let headers = [
            ("content-type", "application/grpc"),
            ("authorization", &authorization),
        ];
        let (sender, answer) = raw.begin("ExecutePlan", &headers);
        sender.send(hello(&client).into()).unwrap();
        drop(sender);
        let _unread = answer.await;
        std::future::pending::<()>().await;
    })
}

/// How much a replica gets rid of for a client that reads nothing, in bytes.
async fn sent_unread(stream: &mut SendStream<Bytes>) -> usize {
    let piece = Bytes::from(vec![0; 64 << 10]);
    let mut sent = 0;
    loop {
        stream.reserve_capacity(piece.len());
        let capacity = std::future::poll_fn(|context| stream.poll_capacity(context));
        match tokio::time::timeout(Duration::from_secs(1), capacity).await {
            Ok(Some(Ok(capacity))) => {
                let part = piece.slice(..capacity.min(piece.len()));
                sent += part.len();
                stream.send_data(part, false).unwrap();
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => return sent,
        }
    }
}

#[tokio::test]
async fn who_does_not_read_is_not_read_for_and_holds_up_nobody_else() {
    let gateway = Gateway::start().await;
    let mut replica = Replica::start().await;
    let ada = gateway.session_at("ada", &replica.address, None);
    let mut held = Vec::new();
    for _ in 0..8 {
        let stalled = stalled(&gateway, &ada).await;
        let (_request, mut respond) = replica.call().await;
        let mut stream = respond.send_response(head(), false).unwrap();
        let sent = sent_unread(&mut stream).await;
        assert!(sent <= 8 << 20, "{sent} bytes are kept for one call");
        held.push((stalled, stream));
    }
    let eve = gateway.session_at("eve", &replica.address, None);
    let call = open(&gateway, &eve, "ExecutePlan").await;
    let (_request, mut respond) = replica.call().await;
    end(&mut begin(&mut respond));
    assert_eq!(call.await.unwrap().status, Some(0));
    drop(held);
}

/// Calls of `client` one after another, each on a connection of its own, until `stop`; every one must end well.
async fn calls(
    gateway: &Gateway,
    client: &Client,
    stop: &tokio_util::sync::CancellationToken,
) -> usize {
    let mut count = 0;
    while !stop.is_cancelled() {
        let answer = gateway
            .raw()
            .await
            .call("Config", &client.token, &[&hello(client)])
            .await;
        // The message asks for nothing, which Spark says: it was reached.
        assert!(matches!(answer.status, Some(0 | 3 | 12 | 13)), "{answer:?}");
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_tokens_change_under_load_and_nobody_notices() {
    let gateway = Arc::new(Gateway::start().await);
    let ada = gateway.session("ada", spark("4.3.0"));
    let stop = tokio_util::sync::CancellationToken::new();
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (gateway, ada, stop) = (Arc::clone(&gateway), ada.clone(), stop.clone());
            tokio::spawn(async move { calls(&gateway, &ada, &stop).await })
        })
        .collect();
    let before = certificate(&gateway).await;
    renew(&gateway.authority, &gateway.folder);
    let renewed = async {
        while certificate(&gateway).await == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed)
        .await
        .expect("the new certificate");
    stop.cancel();
    for calls in load {
        assert!(calls.await.unwrap() > 0);
    }

    // A token that is taken back ends no call that is under way, and begins none.
    let mut replica = Replica::start().await;
    let mut eve = gateway.session_at("eve", &replica.address, None);
    let call = open(&gateway, &eve, "ExecutePlan").await;
    let (_request, mut respond) = replica.call().await;
    let mut stream = begin(&mut respond);
    let old = eve.clone();
    eve.token = "another".to_owned();
    gateway.move_to(&eve, "eve", &replica.address);
    let refused = gateway
        .raw()
        .await
        .call("Config", &old.token, &[&hello(&old)])
        .await;
    assert_eq!(refused.status, Some(16), "{refused:?}");
    end(&mut stream);
    assert_eq!(call.await.unwrap().status, Some(0));
    let call = open(&gateway, &eve, "Config").await;
    end(&mut begin(&mut replica.call().await.1));
    assert_eq!(call.await.unwrap().status, Some(0));
}
