//! The watch of one replica: asks it, again and again, whether it serves and what its sessions do. Does I/O with Spark.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sparkconnect_spark::monitor::{Monitor, SessionKey, Snapshot};
use sparkconnect_spark::{Existence, SparkServer};

use super::snapshot::{Seen, SessionSeen, State};
use super::work::Work;
use super::{Exported, Gateways, Target, TrackedSession};
use crate::pacing::Pacer;
use crate::watch::Triggers;

/// Between two probes of a replica that starts: the server is taken for ready no later than this after it is.
const START_INTERVAL: Duration = Duration::from_millis(150);
/// Between two looks at a replica that has sessions.
const BUSY_INTERVAL: Duration = Duration::from_secs(2);
/// Between two looks at a replica that has none.
const QUIET_INTERVAL: Duration = Duration::from_secs(5);
/// Failed looks in a row after which a replica counts as unreachable: one may be a long pause of its JVM.
const PATIENCE: u32 = 3;
/// Most looks at the work of sessions that have ended, until Spark shows all of it.
const LAST_LOOKS: u32 = 10;
/// Between two of them: Spark writes down what happens every 100 ms.
const LAST_INTERVAL: Duration = Duration::from_millis(200);
/// User of the session in which the version is asked; it is released at once.
const OPERATOR_USER: &str = "sparkconnect-operator";

/// One watched replica.
pub(super) struct Replica {
    target: Target,
    pub(super) spark: SparkServer,
    triggers: Triggers,
    pacer: Pacer,
    exported: Exported,
    /// Absent where clients reach the server itself.
    gateways: Option<Arc<Gateways>>,
    state: Mutex<Known>,
    /// One look at a time.
    looking: tokio::sync::Mutex<Looking>,
}

struct Known {
    seen: Seen,
    /// By name of the SparkSession.
    sessions: HashMap<String, Entry>,
}

struct Entry {
    tracked: TrackedSession,
    work: Work,
    seen: SessionSeen,
}

/// A session that is not there any more, and how the replica says so.
type Ended = (TrackedSession, Existence);

struct Looking {
    failures: u32,
    /// Absent without Spark's UI.
    monitor: Option<Monitor>,
}

impl Replica {
    pub(super) fn new(
        target: Target,
        spark: SparkServer,
        monitor: Option<Monitor>,
        triggers: Triggers,
        pacer: Pacer,
        exported: Exported,
        gateways: Option<Arc<Gateways>>,
    ) -> Self {
        let known = Known {
            seen: Seen::nothing(),
            sessions: HashMap::new(),
        };
        Self {
            target,
            spark,
            triggers,
            pacer,
            exported,
            gateways,
            state: Mutex::new(known),
            looking: tokio::sync::Mutex::new(Looking {
                failures: 0,
                monitor,
            }),
        }
    }

    /// Looks at the replica for ever; the caller ends it.
    pub(super) async fn watch(&self) {
        loop {
            self.look().await;
            tokio::time::sleep(self.interval()).await;
        }
    }

    /// Looks once, and tells the controllers what changed.
    pub(super) async fn look(&self) {
        let mut looking = self.looking.lock().await;
        let before = self.seen();
        let mut seen = self.ask(&before, &mut looking).await;
        if seen.serves() {
            let _ = self.watch_work(&mut seen, &mut looking).await;
            let ended = self.look_at_sessions().await;
            self.hear_out(&ended, &mut seen, &mut looking).await;
            for (session, existence) in ended {
                self.note_existence(&session, existence);
                self.triggers.session(&self.target.namespace, &session.name);
            }
        }
        self.export(&seen);
        if seen != before {
            self.lock().seen = seen;
            self.triggers
                .server(&self.target.namespace, &self.target.server);
        }
    }

    /// Asks Spark's REST API what the sessions do, once for all of them; what it shows, where it does.
    async fn watch_work(&self, seen: &mut Seen, looking: &mut Looking) -> Option<Snapshot> {
        let mut shown = None;
        if let Some(monitor) = &mut looking.monitor {
            match monitor.poll().await {
                Ok(snapshot) => {
                    seen.application_id = Some(snapshot.application_id.clone());
                    seen.start_time = Some(snapshot.started_at);
                    seen.executors = self.target.executors.then(|| small(snapshot.executors));
                    seen.version = Some(snapshot.spark_version.clone());
                    self.account(Some(&snapshot));
                    shown = Some(snapshot);
                }
                Err(error) => {
                    tracing::debug!(pod = self.target.pod, %error, "no metrics this time");
                    self.look_away();
                }
            }
        } else {
            self.account(None);
        }
        if seen.version.is_none() {
            seen.version = self.spark.version(OPERATOR_USER).await.ok();
        }
        shown
    }

    /// Goes on counting what sessions did that have ended, until Spark shows all of it: nothing is counted once their end is told.
    async fn hear_out(&self, ended: &[Ended], seen: &mut Seen, looking: &mut Looking) {
        let keys: Vec<SessionKey> = ended
            .iter()
            .map(|(tracked, _)| SessionKey::from(&tracked.session))
            .collect();
        for _ in 0..LAST_LOOKS {
            if keys.is_empty() {
                return;
            }
            let Some(shown) = self.watch_work(seen, looking).await else {
                return;
            };
            if keys.iter().all(|key| shown.is_settled(key)) {
                return;
            }
            tokio::time::sleep(LAST_INTERVAL).await;
        }
    }

    /// What was seen of the sessions' activity is old now: none of them may be taken for idle.
    fn look_away(&self) {
        for entry in self.lock().sessions.values_mut() {
            entry.work.look_away();
            entry.seen.observed = false;
        }
    }

    fn export(&self, seen: &Seen) {
        let known = self.lock();
        let active = |entry: &Entry| entry.seen.metrics.active_queries.unwrap_or(0);
        let running = known.sessions.values().map(active).sum();
        self.exported
            .replica(&self.target, seen, known.sessions.len(), running);
    }

    /// Goes on counting what each session did, by what Spark shows, where it shows anything, and by what gateways say.
    fn account(&self, snapshot: Option<&Snapshot>) {
        for (name, entry) in &mut self.lock().sessions {
            let missed = entry.work.spark(&entry.tracked.session, snapshot);
            if missed > 0 {
                self.exported.missed(&self.target, missed);
                tracing::warn!(
                    session = name,
                    missed,
                    "Spark forgot work before it was counted"
                );
            }
            self.take_up(name, entry);
        }
    }

    /// Takes what gateways have said since the last look.
    pub(super) fn hear(&self) {
        for (name, entry) in &mut self.lock().sessions {
            if entry.seen.existence.is_some() {
                self.take_up(name, entry);
            }
        }
    }

    /// Shows a session's work as it is known now.
    fn take_up(&self, name: &str, entry: &mut Entry) {
        let gateways = self.gateways.as_ref();
        entry
            .work
            .hear(gateways.and_then(|it| it.of(&entry.tracked.uid)));
        let before = std::mem::take(&mut entry.seen.metrics);
        entry.work.show(&mut entry.seen, gateways.is_some());
        if entry.seen.metrics != before {
            self.exported
                .work(&self.target, &before, &entry.seen.metrics);
            entry.seen.cursor = entry.work.cursor();
            self.pacer.changed(&self.target.namespace, name);
        }
    }

    /// What was last seen.
    pub(super) fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    /// What was last seen of a session.
    pub(super) fn session(&self, name: &str) -> Option<SessionSeen> {
        self.lock()
            .sessions
            .get(name)
            .map(|entry| entry.seen.clone())
    }

    /// Watches a session, if it is not watched as the same making of it already.
    pub(super) fn track(&self, tracked: TrackedSession) {
        let mut known = self.lock();
        let same = known
            .sessions
            .get(&tracked.name)
            .is_some_and(|entry| entry.tracked.session == tracked.session);
        if !same {
            let seen = SessionSeen {
                metrics: tracked.metrics.clone(),
                cursor: tracked.cursor.clone(),
                ..SessionSeen::default()
            };
            let work = Work::resumed(&tracked.metrics, tracked.cursor.as_deref());
            known.sessions.insert(
                tracked.name.clone(),
                Entry {
                    tracked,
                    work,
                    seen,
                },
            );
        }
    }

    /// Ends the watch of a session.
    pub(super) fn untrack(&self, name: &str) {
        self.lock().sessions.remove(name);
    }

    /// Asks the replica whether it serves.
    async fn ask(&self, before: &Seen, looking: &mut Looking) -> Seen {
        let state = match self.spark.probe().await {
            Ok(()) => {
                looking.failures = 0;
                State::Serving
            }
            Err(error) => {
                looking.failures += 1;
                after_failure(before, looking.failures, &error)
            }
        };
        Seen {
            state,
            ..before.clone()
        }
    }

    /// Asks whether each session is there; returns those that are not any more, and does not tell of them yet.
    async fn look_at_sessions(&self) -> Vec<Ended> {
        let sessions: Vec<TrackedSession> = self
            .lock()
            .sessions
            .values()
            .map(|entry| entry.tracked.clone())
            .collect();
        let mut ended = Vec::new();
        for tracked in sessions {
            match self.spark.exists(&tracked.session).await {
                Ok(alive @ Existence::Alive { .. }) => self.note_existence(&tracked, alive),
                Ok(over) if self.knows(&tracked.name, &over) => {}
                Ok(over) => ended.push((tracked, over)),
                Err(error) => {
                    tracing::debug!(session = tracked.name, %error, "not told whether it exists");
                }
            }
        }
        ended
    }

    fn knows(&self, name: &str, existence: &Existence) -> bool {
        let known = self.lock();
        let entry = known.sessions.get(name);
        entry.is_some_and(|entry| entry.seen.existence.as_ref() == Some(existence))
    }

    /// Notes it of a session that was not made anew meanwhile.
    fn note_existence(&self, tracked: &TrackedSession, existence: Existence) {
        let mut known = self.lock();
        let entry = known.sessions.get_mut(&tracked.name);
        if let Some(entry) = entry.filter(|entry| entry.tracked.session == tracked.session) {
            entry.seen.existence = Some(existence);
        }
    }

    fn interval(&self) -> Duration {
        let known = self.lock();
        match known.seen.state {
            State::Unknown | State::Starting { .. } => START_INTERVAL,
            State::Serving | State::Unreachable { .. } if known.sessions.is_empty() => {
                QUIET_INTERVAL
            }
            State::Serving | State::Unreachable { .. } => BUSY_INTERVAL,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.exported.forget(&self.target);
    }
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A replica that starts is expected to fail probes; one that has served is given some patience.
fn after_failure(before: &Seen, failures: u32, error: &sparkconnect_spark::Error) -> State {
    let why = error.to_string();
    match &before.state {
        State::Unknown | State::Starting { .. } => State::Starting { why },
        State::Serving if failures < PATIENCE => State::Serving,
        State::Serving | State::Unreachable { .. } => State::Unreachable { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> sparkconnect_spark::Error {
        sparkconnect_spark::Error::Unauthenticated
    }

    fn seen(state: State) -> Seen {
        Seen {
            state,
            ..Seen::nothing()
        }
    }

    #[test]
    fn one_failed_probe_does_not_make_a_serving_replica_unreachable() {
        let serving = seen(State::Serving);
        assert_eq!(after_failure(&serving, 1, &error()), State::Serving);
        assert!(matches!(
            after_failure(&serving, PATIENCE, &error()),
            State::Unreachable { .. }
        ));
    }

    #[test]
    fn a_replica_that_starts_goes_on_starting() {
        let state = after_failure(&Seen::nothing(), 100, &error());
        assert!(matches!(state, State::Starting { why } if why.contains("token")));
    }
}
