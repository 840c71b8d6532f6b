//! Leader election by a Lease: one operator acts, the others stand by. Reads and writes that Lease.
//!
//! As in client-go, a lease counts as expired by this process's own clock: from when its last renewal was *seen*, so that
//! skewed clocks make nobody leader early.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Name of the Lease in the operator's namespace.
pub const LEASE: &str = "sparkconnect-operator";
/// How long a lease holds without renewal. A standby leads at most this and one [`RETRY`] after the leader went silent.
const DURATION: Duration = Duration::from_secs(10);
/// How often the leader renews and a standby looks.
const RETRY: Duration = Duration::from_secs(2);
/// A leader that could not renew for this long stops acting: shorter than [`DURATION`], so that two never lead.
const RENEW_DEADLINE: Duration = Duration::from_secs(7);
/// Bound of one call to the API server.
const CALL: Duration = Duration::from_secs(2);

/// Why the lease is not held.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    /// Nothing could be renewed for [`RENEW_DEADLINE`], or another one leads.
    #[error("leadership was lost: {0}")]
    Lost(String),
}

/// One candidate for the lease.
pub struct Elector {
    leases: Api<Lease>,
    identity: String,
    seen: Option<Seen>,
    /// When the last renewal that went through began: whoever looks at the lease sees it later.
    renewed: Instant,
}

/// The last state of the lease, and when this process first saw it.
struct Seen {
    holder: Option<String>,
    renewed: Option<Timestamp>,
    at: Instant,
}

impl Elector {
    /// A candidate named `identity`, unique among the operator's pods.
    pub fn new(client: Client, namespace: &str, identity: impl Into<String>) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            identity: identity.into(),
            seen: None,
            renewed: Instant::now(),
        }
    }

    /// Waits until this candidate leads; `false` when `stop` came first.
    pub async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        loop {
            match self.renew().await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "the lease cannot be read or taken; trying again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Renews for as long as it is polled.
    ///
    /// # Errors
    /// When the lease was lost; whoever acts as leader must end at once.
    pub async fn hold(&mut self) -> Result<Infallible, LeaderError> {
        let mut last = "the API server did not answer".to_owned();
        loop {
            let left = |renewed: Instant| RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            // Half of what is left is for the call.
            tokio::time::sleep(RETRY.min(left(self.renewed) / 2)).await;
            match tokio::time::timeout(left(self.renewed), self.renew()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    return Err(LeaderError::Lost("another operator leads".to_owned()));
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lease could not be renewed; trying again");
                    last = error.to_string();
                }
                Err(_elapsed) => return Err(LeaderError::Lost(last)),
            }
        }
    }

    /// As [`Self::attempt`], and notes when it began where it went through.
    async fn renew(&mut self) -> Result<bool, kube::Error> {
        let began = Instant::now();
        let ours = self.attempt().await?;
        if ours {
            self.renewed = began;
        }
        Ok(ours)
    }

    /// Gives the lease back, so that a standby leads at once.
    pub async fn give_back(&self) {
        if let Err(error) = self.release().await {
            tracing::warn!(%error, "the lease was not given back; a standby leads when it expires");
        }
    }

    /// Takes or renews the lease if it is free, expired or ours; whether it is ours now.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = call(self.leases.get_opt(LEASE)).await? else {
            let lease = self.claim(None, Timestamp::now());
            return won(call(self.leases.create(&PostParams::default(), &lease)).await);
        };
        let holder = self.look(&lease);
        if holder
            .as_deref()
            .is_some_and(|holder| holder != self.identity)
            && !self.expired()
        {
            return Ok(false);
        }
        let claim = self.claim(Some(&lease), Timestamp::now());
        won(call(self.leases.replace(LEASE, &PostParams::default(), &claim)).await)
    }

    async fn release(&self) -> Result<(), kube::Error> {
        let mut lease = call(self.leases.get(LEASE)).await?;
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_ref() == Some(&self.identity) {
            spec.holder_identity = None;
            call(self.leases.replace(LEASE, &PostParams::default(), &lease)).await?;
        }
        Ok(())
    }

    /// Notes what the lease says, and since when; returns its holder.
    fn look(&mut self, lease: &Lease) -> Option<String> {
        let spec = lease.spec.as_ref();
        let holder = spec
            .and_then(|s| s.holder_identity.clone())
            .filter(|h| !h.is_empty());
        let renewed = spec.and_then(|s| s.renew_time.as_ref()).map(|time| time.0);
        let same = |seen: &Seen| seen.holder == holder && seen.renewed == renewed;
        if !self.seen.as_ref().is_some_and(same) {
            self.seen = Some(Seen {
                holder: holder.clone(),
                renewed,
                at: Instant::now(),
            });
        }
        holder
    }

    fn expired(&self) -> bool {
        self.seen
            .as_ref()
            .is_some_and(|seen| seen.at.elapsed() > DURATION)
    }

    fn claim(&self, old: Option<&Lease>, now: Timestamp) -> Lease {
        let spec = old.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let ours = spec.holder_identity.as_ref() == Some(&self.identity);
        let changes = spec.lease_transitions.unwrap_or(0);
        Lease {
            metadata: ObjectMeta {
                name: Some(LEASE.to_owned()),
                resource_version: old.and_then(|lease| lease.metadata.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: Some(DURATION.as_secs() as i32),
                acquire_time: if ours {
                    spec.acquire_time
                } else {
                    Some(MicroTime(now))
                },
                renew_time: Some(MicroTime(now)),
                lease_transitions: Some(if ours || old.is_none() {
                    changes
                } else {
                    changes + 1
                }),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// A conflict means that another candidate was faster: not an error.
fn won(result: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Bounds one call: an API server that does not answer must not keep a leader from noticing that its lease ran out.
async fn call<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    tokio::time::timeout(CALL, request)
        .await
        .unwrap_or_else(|_| {
            Err(kube::Error::Service(
                "the API server did not answer within 2 s".into(),
            ))
        })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::sync::{Arc, Mutex};

    use http::{Method, Request, Response};
    use kube::client::Body;
    use tower::{BoxError, service_fn};

    use super::*;

    fn elector(identity: &str) -> Elector {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        Elector::new(Client::try_from(config).unwrap(), "ns", identity)
    }

    #[tokio::test]
    async fn a_claim_keeps_the_version_and_counts_changes_of_the_holder() {
        let (a, b) = (elector("a"), elector("b"));
        let first = a.claim(None, Timestamp::UNIX_EPOCH);
        assert_eq!(first.spec.as_ref().unwrap().lease_transitions, Some(0));
        let mut seen = first.clone();
        seen.metadata.resource_version = Some("7".to_owned());
        let renewed = a.claim(Some(&seen), Timestamp::now()).spec.unwrap();
        assert_eq!(renewed.acquire_time, first.spec.unwrap().acquire_time);
        let taken = b.claim(Some(&seen), Timestamp::now());
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(taken.spec.unwrap().lease_transitions, Some(1));
    }

    /// A leader whose API server gives no answer to the next so many calls.
    async fn leader(silent: Arc<AtomicU32>) -> Elector {
        let lease = Arc::new(Mutex::new(None));
        let answers = service_fn(move |request: Request<Body>| {
            let (lease, silent) = (Arc::clone(&lease), Arc::clone(&silent));
            async move {
                let one_less = |left: u32| left.checked_sub(1);
                if silent.fetch_update(Relaxed, Relaxed, one_less).is_ok() {
                    std::future::pending::<()>().await;
                }
                let writes = request.method() != Method::GET;
                let body = request.into_body().collect_bytes().await?.to_vec();
                let mut lease = lease.lock().unwrap();
                if writes {
                    *lease = Some(body);
                }
                let (status, body) = match &*lease {
                    Some(body) => (200, body.clone()),
                    None => (404, br#"{"code": 404, "reason": "NotFound"}"#.to_vec()),
                };
                let response = Response::builder().status(status);
                Ok::<_, BoxError>(response.body(Body::from(body)).unwrap())
            }
        });
        let mut elector = Elector::new(Client::new(answers, "ns"), "ns", "a");
        assert!(elector.acquire(&CancellationToken::new()).await);
        elector
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_costs_no_leadership() {
        let silent = Arc::new(AtomicU32::new(0));
        let mut elector = leader(Arc::clone(&silent)).await;
        for _ in 0..3 {
            silent.store(1, Relaxed);
            let held = tokio::time::timeout(DURATION, elector.hold()).await;
            assert!(held.is_err(), "{held:?}");
            assert_eq!(silent.load(Relaxed), 0, "it was called");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_is_not_answered_ends_before_its_lease() {
        let silent = Arc::new(AtomicU32::new(0));
        let mut elector = leader(Arc::clone(&silent)).await;
        silent.store(u32::MAX, Relaxed);
        let began = Instant::now();
        let Err(LeaderError::Lost(why)) = elector.hold().await;
        assert!(why.contains("did not answer"), "{why}");
        assert!(began.elapsed() < DURATION, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_lease_expires_from_when_its_renewal_was_seen() {
        let (a, mut b) = (elector("a"), elector("b"));
        // Renewed long ago by a clock that is behind: still fresh to whoever sees it for the first time.
        let lease = a.claim(None, Timestamp::UNIX_EPOCH);
        assert_eq!(b.look(&lease).as_deref(), Some("a"));
        assert!(!b.expired());
        b.seen.as_mut().unwrap().at -= DURATION + Duration::from_secs(1);
        b.look(&lease);
        assert!(b.expired());
        b.look(&a.claim(None, Timestamp::now()));
        assert!(!b.expired());
    }
}
