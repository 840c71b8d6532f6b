//! Asks the gateways, again and again, what they counted of each session. Does I/O with gateways and DNS.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls_pki_types::ServerName;
use sparkconnect_api::address::CONTROL_SERVER;
use sparkconnect_proto::gateway::v1::gateway_service_client::GatewayServiceClient;
use sparkconnect_proto::gateway::v1::{CollectRequest, CollectResponse, SessionCounts};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::tally::Told;
use crate::gateway::{Address, Credentials};

/// Between two rounds.
const INTERVAL: Duration = Duration::from_secs(2);
/// Longest time for one gateway's answer.
const CALL: Duration = Duration::from_secs(3);
/// Longest time for the name to be resolved.
const RESOLVE: Duration = Duration::from_secs(3);
/// A gateway is asked for everything anew after so long: sessions that are gone are dropped then.
const ANEW: Duration = Duration::from_secs(600);
/// A gateway that does not answer for so long does not count any more: until then no session is taken for idle, which may be at
/// work through it.
const PATIENCE: Duration = Duration::from_secs(300);
/// Most answers that are asked for in a row, each of a thousand sessions.
const PAGES: usize = 100;

/// Finds the addresses of the gateways.
pub type Resolve = Box<dyn Fn() -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;
type Client = GatewayServiceClient<Channel>;

/// What the gateways say of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What each counted, by its instance; those that know nothing of the session are left out.
    pub counted: Vec<(String, Told)>,
    /// Plans that are followed now.
    pub running: u64,
    /// The latest activity.
    pub last_activity: Option<Timestamp>,
    /// Whether every gateway has answered, so that nothing else can be going on.
    pub complete: bool,
}

/// The gateways of this installation.
pub struct Gateways {
    resolve: Resolve,
    credentials: Credentials,
    known: Mutex<Known>,
    /// One round at a time.
    round: tokio::sync::Mutex<Round>,
}

#[derive(Default)]
struct Known {
    /// Whether any round has ended.
    asked: bool,
    complete: bool,
    gateways: HashMap<SocketAddr, Gateway>,
    silent: HashMap<SocketAddr, Instant>,
    unresolved: Option<Instant>,
}

#[derive(Default)]
struct Round {
    began: Option<Instant>,
    connections: HashMap<SocketAddr, Connection>,
}

struct Connection {
    client: Client,
    config: Arc<ClientConfig>,
}

/// What came of a question.
struct Answer {
    /// Whether it was asked for everything.
    anew: bool,
    told: Vec<CollectResponse>,
    connection: Connection,
}

/// What one gateway has said.
#[derive(Debug)]
struct Gateway {
    instance: String,
    cursor: u64,
    sessions: HashMap<String, SessionCounts>,
    /// When it was asked for everything.
    since: Instant,
}

impl Gateways {
    /// The gateways that a name stands for, every address of it.
    pub fn new(address: &Address, credentials: Credentials) -> Self {
        let (host, port) = (address.host.clone(), address.port);
        let resolve: Resolve = Box::new(move || {
            let host = host.clone();
            async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
        });
        Self::found_by(resolve, credentials)
    }

    /// The gateways that `resolve` finds.
    pub fn found_by(resolve: Resolve, credentials: Credentials) -> Self {
        Self {
            resolve,
            credentials,
            known: Mutex::default(),
            round: tokio::sync::Mutex::default(),
        }
    }

    /// Asks them for ever; the caller ends it.
    pub async fn watch(&self) {
        loop {
            self.collect().await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Asks every gateway once. Whoever comes while they are asked waits for the next round, which is one for all.
    pub async fn collect(&self) {
        let came = Instant::now();
        let mut round = self.round.lock().await;
        if round.began.is_some_and(|began| began > came) {
            return;
        }
        round.began = Some(Instant::now());
        let addresses = self.addresses().await;
        round
            .connections
            .retain(|address, _| addresses.contains(address));
        let asked = addresses
            .iter()
            .map(|&address| self.ask(address, &round.connections));
        let answers: HashMap<_, _> = join_all(asked).await.into_iter().collect();
        self.take(&addresses, answers, &mut round);
    }

    /// What they say of the session with this UID; `None` before anything is known.
    pub fn of(&self, uid: &str) -> Option<Heard> {
        let known = self.lock();
        if !known.asked {
            return None;
        }
        let mut heard = Heard {
            complete: known.complete,
            ..Heard::default()
        };
        for gateway in known.gateways.values() {
            let Some(counts) = gateway.sessions.get(uid) else {
                continue;
            };
            let told = Told {
                queries: counts.queries,
                failed: counts.failed,
                artifacts: counts.artifacts,
            };
            heard.counted.push((gateway.instance.clone(), told));
            heard.running += u64::from(counts.running);
            let last = Timestamp::from_millisecond(counts.last_activity_ms).ok();
            let last = last.filter(|last| *last != Timestamp::UNIX_EPOCH);
            heard.last_activity = heard.last_activity.max(last);
        }
        Some(heard)
    }

    /// How many answered when they were asked last.
    pub fn answering(&self) -> usize {
        let known = self.lock();
        let answers = |address: &&SocketAddr| !known.silent.contains_key(address);
        known.gateways.keys().filter(answers).count()
    }

    /// Addresses to ask: those of the name, and those that have left it and may still have something to tell as they end.
    async fn addresses(&self) -> BTreeSet<SocketAddr> {
        let resolved = tokio::time::timeout(RESOLVE, (self.resolve)()).await;
        let resolved = resolved.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut known = self.lock();
        let mut addresses: BTreeSet<_> = known.gateways.keys().copied().collect();
        match resolved {
            Ok(resolved) => {
                known.unresolved = None;
                // One that has left and is silent has ended.
                addresses.retain(|it| resolved.contains(it) || !known.silent.contains_key(it));
                addresses.extend(resolved);
            }
            Err(error) => {
                tracing::debug!(%error, "no address of a gateway is known");
                known.unresolved.get_or_insert_with(Instant::now);
            }
        }
        addresses
    }

    async fn ask(
        &self,
        address: SocketAddr,
        connections: &HashMap<SocketAddr, Connection>,
    ) -> (SocketAddr, Result<Answer, Status>) {
        let before = self
            .lock()
            .gateways
            .get(&address)
            .and_then(Gateway::goes_on);
        let asked = async {
            let config = self.credentials.config();
            let config = config.ok_or_else(|| Status::unauthenticated("no certificate yet"))?;
            let present = connections.get(&address);
            let present = present.filter(|it| Arc::ptr_eq(&it.config, &config));
            let mut client =
                present.map_or_else(|| client(address, &config), |it| it.client.clone());
            Ok(Answer {
                anew: before.is_none(),
                told: collected(&mut client, before.unwrap_or_default()).await?,
                connection: Connection { client, config },
            })
        };
        let answer = tokio::time::timeout(CALL, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        (address, answer)
    }

    fn take(
        &self,
        addresses: &BTreeSet<SocketAddr>,
        answers: HashMap<SocketAddr, Result<Answer, Status>>,
        round: &mut Round,
    ) {
        let mut known = self.lock();
        known
            .gateways
            .retain(|address, _| addresses.contains(address));
        known
            .silent
            .retain(|address, _| addresses.contains(address));
        for (address, answer) in answers {
            match answer {
                Ok(answer) => {
                    known.silent.remove(&address);
                    let gateway = known
                        .gateways
                        .entry(address)
                        .or_insert_with(Gateway::unknown);
                    gateway.take(answer.anew, answer.told);
                    round.connections.insert(address, answer.connection);
                }
                Err(error) => {
                    round.connections.remove(&address); // a new one may do better
                    let now = Instant::now();
                    let since = *known.silent.entry(address).or_insert_with(|| {
                        tracing::warn!(%address, %error, "a gateway does not say what it counted");
                        now
                    });
                    if since.elapsed() >= PATIENCE {
                        known.gateways.remove(&address);
                    }
                }
            }
        }
        let silences = known.silent.values().chain(&known.unresolved);
        known.complete = silences
            .into_iter()
            .all(|since| since.elapsed() >= PATIENCE);
        known.asked |= known.complete || !known.gateways.is_empty();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Every change is complete before anything can panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that a gateway has to tell from where `request` goes on.
async fn collected(
    client: &mut Client,
    mut request: CollectRequest,
) -> Result<Vec<CollectResponse>, Status> {
    let mut told = Vec::new();
    for _ in 0..PAGES {
        let response = client.collect(request).await?.into_inner();
        let more = response.more;
        request = CollectRequest {
            instance: response.instance.clone(),
            cursor: response.cursor,
        };
        told.push(response);
        if !more {
            break;
        }
    }
    Ok(told)
}

impl Gateway {
    fn unknown() -> Self {
        Self {
            instance: String::new(),
            cursor: 0,
            sessions: HashMap::new(),
            since: Instant::now(),
        }
    }

    /// Where to go on; `None` when it is time to ask for everything.
    fn goes_on(&self) -> Option<CollectRequest> {
        let request = || CollectRequest {
            instance: self.instance.clone(),
            cursor: self.cursor,
        };
        (self.since.elapsed() < ANEW).then(request)
    }

    /// Takes what it told; `anew` where that is everything.
    fn take(&mut self, anew: bool, told: Vec<CollectResponse>) {
        if anew {
            *self = Self::unknown();
        }
        for response in told {
            if response.instance != self.instance {
                *self = Self {
                    instance: response.instance,
                    ..Self::unknown()
                };
            }
            self.cursor = response.cursor;
            let sessions = response.sessions.into_iter();
            self.sessions
                .extend(sessions.map(|counts| (counts.uid.clone(), counts)));
        }
    }
}

/// A client of the gateway at `address`, which must be one of this installation.
fn client(address: SocketAddr, config: &Arc<ClientConfig>) -> Client {
    let tls = TlsConnector::from(Arc::clone(config));
    let name = ServerName::try_from(CONTROL_SERVER).expect("it is a DNS name");
    let connector = tower::service_fn(move |_| {
        let (tls, name) = (tls.clone(), name.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(tls.connect(name, stream).await?))
        }
    });
    // TLS is the connector's, so the scheme is what tonic takes without a TLS of its own.
    let endpoint = Endpoint::from_static("http://control.sparkconnect-gateway");
    Client::new(endpoint.connect_with_connector_lazy(connector))
}
