//! How long a session may live, by its own word or its server's. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sparkconnect_api::server::OnServerLoss;
use sparkconnect_api::{Period, SessionStatus, SparkConnectServer, SparkSession};

use crate::live::SessionSeen;

/// How long to wait for the live watch's first look at a session.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// What holds for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// It expires without activity for this long; absent when its server is not there to say.
    pub idle_timeout: Option<Duration>,
    /// It expires at this age.
    pub ttl: Option<Duration>,
    /// What follows the loss of its replica.
    pub on_server_loss: OnServerLoss,
}

impl Limits {
    /// The session's own limits, and its server's where it has none.
    pub fn of(session: &SparkSession, server: Option<&SparkConnectServer>) -> Self {
        let (own, defaults) = (&session.spec, server.map(|server| &server.spec.sessions));
        Self {
            idle_timeout: own
                .idle_timeout
                .or(defaults.map(|d| d.idle_timeout))
                .map(Period::duration),
            ttl: own
                .ttl
                .or(defaults.and_then(|d| d.ttl))
                .map(Period::duration),
            on_server_loss: own
                .on_server_loss
                .or(defaults.map(|d| d.on_server_loss))
                .unwrap_or_default(),
        }
    }

    /// How long the session has left to its `ttl`; zero when that has passed.
    pub fn left_to_ttl(&self, status: &SessionStatus, now: Timestamp) -> Option<Duration> {
        let start = status.start_time.as_ref()?.0;
        Some(left(start, self.ttl?, now))
    }

    /// How long until the session is idle for too long, or until that can be told. Zero only where the live watch has seen
    /// that nothing runs and that nothing has for as long as that.
    pub fn left_to_idle(
        &self,
        status: &SessionStatus,
        seen: Option<&SessionSeen>,
        now: Timestamp,
    ) -> Option<Duration> {
        let idle_timeout = self.idle_timeout?;
        let Some(seen) = seen.filter(|seen| seen.existence.is_some()) else {
            return Some(FIRST_LOOK);
        };
        if seen.running || !seen.observed {
            return Some(idle_timeout);
        }
        Some(left(last_activity(status, seen)?, idle_timeout, now))
    }

    /// When the session will have been idle for too long if nothing runs in it before; absent while something does, and
    /// where that cannot be seen.
    pub fn idle_end(&self, status: &SessionStatus, seen: &SessionSeen) -> Option<Timestamp> {
        let rests = seen.existence.is_some() && seen.observed && !seen.running;
        let latest = last_activity(status, seen).filter(|_| rests)?;
        latest.checked_add(self.idle_timeout?).ok()
    }

    /// When the session reaches its `ttl`.
    pub fn ttl_end(&self, status: &SessionStatus) -> Option<Timestamp> {
        let start = status.start_time.as_ref()?.0;
        start.checked_add(self.ttl?).ok()
    }
}

/// The latest activity of any source; the session's start is one.
fn last_activity(status: &SessionStatus, seen: &SessionSeen) -> Option<Timestamp> {
    let times = [&status.start_time, &status.last_activity_time]
        .into_iter()
        .flatten();
    times.map(|time| time.0).chain(seen.last_activity).max()
}

/// What is left of `length` since `start`; zero when it has passed.
pub fn left(start: Timestamp, length: Duration, now: Timestamp) -> Duration {
    let passed = now.duration_since(start).max(SignedDuration::ZERO);
    length.saturating_sub(passed.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::testing::{self, at};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};
    use sparkconnect_spark::Existence;

    fn session(limits: Value) -> SparkSession {
        testing::session(limits, json!({}))
    }

    fn server(sessions: Value) -> SparkConnectServer {
        let mut spec = json!({});
        spec["sessions"] = sessions;
        testing::server(spec, json!({}))
    }

    fn seen(last_activity: Option<i64>) -> SessionSeen {
        SessionSeen {
            existence: Some(Existence::Alive {
                server_side_session_id: "x".to_owned(),
            }),
            last_activity: last_activity.map(at),
            observed: true,
            ..SessionSeen::default()
        }
    }

    #[test]
    fn the_sessions_own_limits_win_over_its_servers() {
        let server = server(json!({"idleTimeout": "10m", "ttl": "2h", "onServerLoss": "Recreate"}));
        let seconds = |limits: Limits| {
            (
                limits.idle_timeout.map(|t| t.as_secs()),
                limits.ttl.map(|t| t.as_secs()),
            )
        };
        let own = json!({"idleTimeout": "5m", "ttl": "1h", "onServerLoss": "Fail"});
        let (own, none) = (session(own), session(json!({})));
        let limits = Limits::of(&own, Some(&server));
        assert_eq!(
            (seconds(limits), limits.on_server_loss),
            ((Some(300), Some(3600)), OnServerLoss::Fail)
        );
        let limits = Limits::of(&none, Some(&server));
        assert_eq!(
            (seconds(limits), limits.on_server_loss),
            ((Some(600), Some(7200)), OnServerLoss::Recreate)
        );
        assert_eq!(seconds(Limits::of(&none, None)), (None, None));
        assert_eq!(seconds(Limits::of(&own, None)), (Some(300), Some(3600)));
    }

    #[test]
    fn idleness_counts_from_the_latest_activity_of_any_source() {
        let limits = Limits::of(&session(json!({"idleTimeout": "100s"})), None);
        let mut status = SessionStatus {
            start_time: Some(Time(at(1000))),
            ..SessionStatus::default()
        };
        let left = |status: &SessionStatus, seen: &SessionSeen, now| {
            limits
                .left_to_idle(status, Some(seen), at(now))
                .unwrap()
                .as_secs()
        };
        assert_eq!(left(&status, &seen(None), 1030), 70);
        assert_eq!(left(&status, &seen(None), 1100), 0);
        assert_eq!(left(&status, &seen(Some(1090)), 1100), 90);
        status.last_activity_time = Some(Time(at(1095)));
        assert_eq!(left(&status, &seen(Some(1090)), 1100), 95);
        assert_eq!(
            left(&status, &seen(Some(1090)), 990),
            100,
            "a clock that went back takes nothing"
        );
    }

    #[test]
    fn what_runs_or_cannot_be_seen_is_never_idle() {
        let limits = Limits::of(&session(json!({"idleTimeout": "100s"})), None);
        let status = SessionStatus {
            start_time: Some(Time(at(0))),
            ..SessionStatus::default()
        };
        let running = SessionSeen {
            running: true,
            ..seen(None)
        };
        let blind = SessionSeen {
            observed: false,
            ..seen(None)
        };
        let unasked = SessionSeen {
            existence: None,
            ..seen(None)
        };
        for seen in [Some(&running), Some(&blind), Some(&unasked), None] {
            let left = limits.left_to_idle(&status, seen, at(1_000_000)).unwrap();
            assert!(left > Duration::ZERO, "{seen:?}");
            assert_eq!(seen.and_then(|seen| limits.idle_end(&status, seen)), None);
        }
    }

    #[test]
    fn the_ends_that_are_foreseen_are_those_that_come() {
        let limits = Limits::of(&session(json!({"idleTimeout": "100s", "ttl": "1h"})), None);
        let status = SessionStatus {
            start_time: Some(Time(at(1000))),
            ..SessionStatus::default()
        };
        let seen = seen(Some(1030));
        assert_eq!(limits.idle_end(&status, &seen), Some(at(1130)));
        let left = |now| limits.left_to_idle(&status, Some(&seen), at(now));
        assert_eq!(
            (left(1129), left(1130)),
            (Some(Duration::from_secs(1)), Some(Duration::ZERO))
        );
        assert_eq!(limits.ttl_end(&status), Some(at(4600)));
        assert_eq!(limits.left_to_ttl(&status, at(4600)), Some(Duration::ZERO));
        assert_eq!(limits.ttl_end(&SessionStatus::default()), None, "it waits");
    }
}
