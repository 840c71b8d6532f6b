//! Keeps the directory as the resources say: every session with a token, and where its server is. Reads from the API server.
//!
//! When the API server is away, what was known stays: sessions go on, and new ones come when it is back.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use http::HeaderValue;
use kube::api::Api;
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use sparkconnect_api::session::SessionPhase;
use sparkconnect_api::{SparkConnectServer, SparkSession, address, labels};
use sparkconnect_spark::InstallationKey;
use sparkconnect_telemetry::Health;
use tokio::time::Instant;

use crate::counts::Ledger;
use crate::directory::{Directory, Name, Replica, Session, State, Suffixes, TokenHash};

/// Seconds after which a watch is made anew even if nothing came: a connection that died silently is noticed no later.
const WATCH_SECONDS: u32 = 120;

/// Longest time that the gateway is not ready for a namespace that cannot be listed, while others are.
const PATIENCE: Duration = Duration::from_secs(30);

type Guarded<K> = DeserializeGuard<K>;
/// What a watch is of: a namespace, or all.
type Place<'a> = Option<&'a str>;

/// Fills a directory from the two watches.
#[derive(Debug)]
pub struct Watch {
    directory: Arc<Directory>,
    ledger: Ledger,
    key: InstallationKey,
    /// UIDs of the servers: their tokens are made of them.
    servers: HashMap<Name, String>,
    sessions: HashMap<Name, SparkSession>,
    /// Sessions and servers seen in the lists that are being read.
    listed: HashSet<Name>,
    listed_servers: HashSet<Name>,
}

impl Watch {
    /// A watch that knows nothing yet.
    pub fn new(directory: Arc<Directory>, ledger: Ledger, key: InstallationKey) -> Self {
        Self {
            directory,
            ledger,
            key,
            servers: HashMap::new(),
            sessions: HashMap::new(),
            listed: HashSet::new(),
            listed_servers: HashSet::new(),
        }
    }

    /// Follows both kinds, in each of the namespaces or in all. The gateway is ready once all was listed; a namespace that cannot be listed
    /// holds that up for half a minute after the first, unless it is the only one. Never returns.
    pub async fn run(mut self, client: Client, namespaces: &[String], health: Health) {
        let places = places(namespaces);
        let mut servers = streams::<SparkConnectServer>(&client, &places);
        let mut sessions = streams::<SparkSession>(&client, &places);
        let mut awaited = Awaited::of(places.len());
        let mut patience = pin!(tokio::time::sleep(PATIENCE));
        loop {
            tokio::select! {
                Some((at, event)) = servers.next() => match event {
                    Ok(event) => awaited.servers[at] &= !self.server(places[at], event),
                    Err(error) => failed("servers", places[at], &error),
                },
                Some((at, event)) = sessions.next() => match event {
                    Ok(event) => awaited.sessions[at] &= !self.session(places[at], event),
                    Err(error) => failed("sessions", places[at], &error),
                },
                () = &mut patience, if awaited.begun && !awaited.long => awaited.long = true,
            }
            if awaited.begins() {
                patience.as_mut().reset(Instant::now() + PATIENCE);
            }
            if !awaited.ready && awaited.enough() {
                awaited.ready = true;
                health.set_ready(true);
            }
        }
    }

    /// Takes a change of a server from the watch of a place; `true` at the end of a list.
    fn server(&mut self, place: Place<'_>, event: Event<Guarded<SparkConnectServer>>) -> bool {
        match event {
            Event::Apply(server) | Event::InitApply(server) => {
                let name = name(&server);
                let uid = server.uid().unwrap_or_default();
                self.listed_servers.insert(name.clone());
                if self.servers.insert(name.clone(), uid.clone()) != Some(uid) {
                    self.directory.put_server(name.clone());
                    self.refresh(&name);
                }
            }
            Event::Delete(server) => self.forget_server(&name(&server)),
            Event::Init => self.listed_servers.retain(|name| !holds(place, name)),
            Event::InitDone => {
                for gone in missing(&self.servers, &self.listed_servers, place) {
                    self.forget_server(&gone);
                }
                return true;
            }
        }
        false
    }

    /// Takes a change of a session from the watch of a place; `true` at the end of a list.
    fn session(&mut self, place: Place<'_>, event: Event<Guarded<SparkSession>>) -> bool {
        match event {
            Event::Apply(session) => self.put(session),
            Event::InitApply(session) => {
                self.listed.insert(name(&session));
                self.put(session);
            }
            Event::Delete(session) => self.forget(&name(&session)),
            Event::Init => self.listed.retain(|name| !holds(place, name)),
            Event::InitDone => {
                for gone in missing(&self.sessions, &self.listed, place) {
                    self.forget(&gone);
                }
                return true;
            }
        }
        false
    }

    /// A session that cannot be read stays as it was known.
    fn put(&mut self, session: Guarded<SparkSession>) {
        let Ok(session) = session.0 else { return };
        let name = name(&session);
        let server = Name::new(&name.namespace, &session.spec.server);
        let server = self.servers.get(&server).map(String::as_str);
        self.directory.put(entry(&session, server, &self.key));
        let uid = session.uid();
        let before = self.sessions.insert(name, session);
        if let Some(gone) = before.filter(|before| before.uid() != uid) {
            self.ledger.forget(&gone.uid().unwrap_or_default());
        }
    }

    fn forget(&mut self, name: &Name) {
        self.directory.remove(name);
        if let Some(session) = self.sessions.remove(name) {
            self.ledger.forget(&session.uid().unwrap_or_default());
        }
    }

    /// Its sessions tell of their end themselves.
    fn forget_server(&mut self, name: &Name) {
        self.servers.remove(name);
        self.directory.remove_server(name);
    }

    /// Looks anew at the sessions of a server that has come.
    fn refresh(&self, server: &Name) {
        let uid = self.servers.get(server).map(String::as_str);
        let its = |(name, session): &(&Name, &SparkSession)| {
            name.namespace == server.namespace && session.spec.server == server.name
        };
        for (_, session) in self.sessions.iter().filter(its) {
            self.directory.put(entry(session, uid, &self.key));
        }
    }
}

fn places(namespaces: &[String]) -> Vec<Place<'_>> {
    if namespaces.is_empty() {
        return vec![None];
    }
    let each: BTreeSet<&str> = namespaces.iter().map(String::as_str).collect();
    each.into_iter().map(Some).collect()
}

fn failed(what: &str, place: Place<'_>, error: &watcher::Error) {
    tracing::warn!(%error, namespace = place, "watch of {what} failed; trying again");
}

/// Which lists have not come yet, by place.
struct Awaited {
    servers: Vec<bool>,
    sessions: Vec<bool>,
    /// Whether one place was listed, from when on the others are waited for.
    begun: bool,
    /// Whether they were waited for long enough.
    long: bool,
    /// Whether enough of them came.
    ready: bool,
}

impl Awaited {
    fn of(places: usize) -> Self {
        Self {
            servers: vec![true; places],
            sessions: vec![true; places],
            begun: false,
            long: false,
            ready: false,
        }
    }

    /// Whether calls can be taken: all were listed, or some and the others keep them waiting.
    fn enough(&self) -> bool {
        if self.long {
            self.any()
        } else {
            self.listed().all(|listed| listed)
        }
    }

    /// Whether the first place has just been listed: what cannot be listed from now on is kept back by itself, and not by an API server
    /// that was away.
    fn begins(&mut self) -> bool {
        let begins = !self.begun && self.any();
        self.begun |= begins;
        begins
    }

    fn any(&self) -> bool {
        self.listed().any(|listed| listed)
    }

    /// Whether all of it was listed, for each place.
    fn listed(&self) -> impl Iterator<Item = bool> {
        let both = self.servers.iter().zip(&self.sessions);
        both.map(|(servers, sessions)| !servers && !sessions)
    }
}

/// The watches of a kind, each event with the index of its place.
fn streams<K>(
    client: &Client,
    places: &[Place<'_>],
) -> impl Stream<Item = (usize, watcher::Result<Event<Guarded<K>>>)> + Unpin + use<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let each = places.iter().enumerate().map(|(at, place)| {
        let api: Api<Guarded<K>> = match place {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let config = watcher::Config::default().timeout(WATCH_SECONDS);
        let events = watcher(api, config).default_backoff();
        events.map(move |event| (at, event)).boxed()
    });
    stream::select_all(each)
}

fn name<K: Resource>(object: &K) -> Name {
    Name::new(object.namespace().unwrap_or_default(), object.name_any())
}

fn holds(place: Place<'_>, name: &Name) -> bool {
    place.is_none_or(|namespace| namespace == name.namespace)
}

/// What is known of a place and was not listed.
fn missing<T>(known: &HashMap<Name, T>, listed: &HashSet<Name>, place: Place<'_>) -> Vec<Name> {
    let missing = known
        .keys()
        .filter(|name| holds(place, name) && !listed.contains(name));
    missing.cloned().collect()
}

fn token_hash(session: &SparkSession) -> Option<TokenHash> {
    let text = session.status.as_ref()?.token_hash.as_deref()?;
    let mut hash = TokenHash::default();
    if text.len() != 2 * hash.len() || !text.is_ascii() {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

/// A session as the directory has it. `server` is the UID of its server.
fn entry(session: &SparkSession, server: Option<&str>, key: &InstallationKey) -> Session {
    Session {
        name: name(session),
        uid: session.uid().unwrap_or_default(),
        server: session.spec.server.clone(),
        id: session.id_on_server().unwrap_or_default(),
        user: session.user_on_server(),
        token_hash: token_hash(session),
        ad_hoc: session.labels().contains_key(labels::AD_HOC),
        cloned_from: session.labels().get(labels::CLONED_FROM).cloned(),
        state: state(session, server, key),
        suffixes: Suffixes::default(),
    }
}

fn state(session: &SparkSession, server: Option<&str>, key: &InstallationKey) -> State {
    let status = session.status.clone().unwrap_or_default();
    let why = || {
        let unseen = || "the operator has not seen it yet".to_owned();
        status.message.clone().unwrap_or_else(unseen)
    };
    match status.phase {
        Some(SessionPhase::Ready) => {}
        Some(phase) if phase.is_final() => return State::Ended { why: why() },
        Some(_) | None => return State::Pending { why: why() },
    }
    let (Some(uid), Some(replica)) = (server, status.server.as_deref()) else {
        let why = format!("its server {} is not known", session.spec.server);
        return State::Pending { why };
    };
    let authorization = format!("Bearer {}", key.server_token(uid).expose());
    let mut authorization = HeaderValue::from_str(&authorization).expect("a token is hexadecimal");
    authorization.set_sensitive(true);
    let host = address::service_host(
        &session.namespace().unwrap_or_default(),
        &session.spec.server,
    );
    let Ok(address) = format!("{replica}.{host}:{}", address::CONNECT_PORT).parse() else {
        let why = format!("its replica has a name that is none: {replica}");
        return State::Pending { why };
    };
    State::Ready(Replica {
        name: replica.to_owned(),
        uid: status.replica_uid.unwrap_or_default(),
        address,
        authorization,
        observed: status.server_side_session_id.clone(),
    })
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
