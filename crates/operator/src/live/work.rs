//! What one session did: Spark's own word where it has one, and the gateways' where it has none. No I/O.

use serde::{Deserialize, Serialize};
use sparkconnect_api::session::SessionMetrics;
use sparkconnect_spark::SessionRef;
use sparkconnect_spark::monitor::{Account, Activity, Cursor, SessionKey, SessionTotals, Snapshot};

use super::gateways::Heard;
use super::snapshot::SessionSeen;
use super::tally::Tally;

/// The work of a session, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Work {
    account: Account,
    /// How far the gateways' numbers are in the account and in `artifacts`.
    tally: Tally,
    /// Artifacts that came through gateways; absent before one was heard.
    artifacts: Option<u64>,
    /// What Spark shows; absent before it was asked.
    spark: Option<Shown>,
    heard: Option<Heard>,
    /// Whether Spark did not show its work when it was asked last.
    blind: bool,
}

/// What Spark showed last.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Whether it tells of queries itself.
    tells: bool,
    /// Absent without Spark's UI.
    activity: Option<Activity>,
}

/// How far the metrics have counted, as the status keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    spark: Cursor,
    #[serde(default, rename = "gateways", skip_serializing_if = "Tally::is_empty")]
    tally: Tally,
}

impl Work {
    /// What a session's status has kept. A cursor that cannot be read begins anew, with what Spark and gateways still remember.
    pub(super) fn resumed(metrics: &SessionMetrics, cursor: Option<&str>) -> Self {
        let kept = cursor.and_then(|text| serde_json::from_str::<Kept>(text).ok());
        let Some(Kept { spark, tally }) = kept else {
            return Self::default();
        };
        let totals = SessionTotals {
            queries_executed: metrics.queries_executed.map(i64::cast_unsigned),
            active_queries: metrics.active_queries.map(i64::cast_unsigned),
            failed_queries: metrics.failed_queries.map(i64::cast_unsigned),
            data_read_bytes: metrics.data_read_bytes.map(i64::cast_unsigned),
            data_written_bytes: metrics.data_written_bytes.map(i64::cast_unsigned),
            execution_time_ms: metrics.execution_time_ms.map(i64::cast_unsigned),
        };
        Self {
            account: Account {
                totals,
                cursor: spark,
            },
            tally,
            artifacts: metrics.artifacts_uploaded.map(i64::cast_unsigned),
            ..Self::default()
        }
    }

    /// How far it has counted, to be kept beside the metrics.
    pub(super) fn cursor(&self) -> Option<String> {
        let kept = Kept {
            spark: self.account.cursor.clone(),
            tally: self.tally.clone(),
        };
        serde_json::to_string(&kept).ok()
    }

    /// Goes on with what Spark shows, nothing without its UI; how much it forgot before it was counted.
    pub(super) fn spark(&mut self, session: &SessionRef, snapshot: Option<&Snapshot>) -> u64 {
        self.blind = false;
        let Some(snapshot) = snapshot else {
            self.spark = Some(Shown {
                tells: false,
                activity: None,
            });
            return 0;
        };
        let key = SessionKey::from(session);
        let step = snapshot.account(&key, &self.account);
        self.account = step.account;
        self.spark = Some(Shown {
            tells: snapshot.tells_operations(),
            activity: Some(snapshot.activity(&key)),
        });
        step.missed
    }

    /// Spark does not show its work: what was seen of it is old now.
    pub(super) fn look_away(&mut self) {
        self.blind = true;
    }

    /// Goes on with what gateways say, once it is known what Spark itself tells.
    pub(super) fn hear(&mut self, heard: Option<Heard>) {
        let (Some(shown), Some(heard)) = (self.spark, heard) else {
            return;
        };
        let new = self.tally.advance(&heard.counted);
        *self.artifacts.get_or_insert(0) += new.artifacts;
        if !shown.tells {
            let totals = &mut self.account.totals;
            *totals.queries_executed.get_or_insert(0) += new.queries;
            *totals.failed_queries.get_or_insert(0) += new.failed;
        }
        self.heard = Some(heard);
    }

    /// Shows it; `gateways` says whether there are any.
    pub(super) fn show(&self, seen: &mut SessionSeen, gateways: bool) {
        let activity = self.spark.and_then(|shown| shown.activity);
        let heard = self.heard.as_ref();
        seen.observed =
            !self.blind && activity.is_some() && (!gateways || heard.is_some_and(|it| it.complete));
        let activity = activity.unwrap_or_default();
        seen.running = activity.running || heard.is_some_and(|it| it.running > 0);
        seen.last_activity = activity.last.max(heard.and_then(|it| it.last_activity));
        seen.metrics = self.metrics();
    }

    /// In the form of the status, whose numbers are signed as all of Kubernetes' are.
    fn metrics(&self) -> SessionMetrics {
        let totals = &self.account.totals;
        SessionMetrics {
            queries_executed: totals.queries_executed.map(u64::cast_signed),
            active_queries: self.active().map(u64::cast_signed),
            failed_queries: totals.failed_queries.map(u64::cast_signed),
            artifacts_uploaded: self.artifacts.map(u64::cast_signed),
            data_read_bytes: totals.data_read_bytes.map(u64::cast_signed),
            data_written_bytes: totals.data_written_bytes.map(u64::cast_signed),
            execution_time_ms: totals.execution_time_ms.map(u64::cast_signed),
        }
    }

    /// Before 4.3 Spark shows a query only while it computes, and a gateway only while its client follows it.
    fn active(&self) -> Option<u64> {
        let spark = self.account.totals.active_queries;
        match (self.spark, &self.heard) {
            (
                Some(Shown {
                    tells: false,
                    activity,
                }),
                Some(heard),
            ) => {
                let spark = spark.filter(|_| activity.is_some());
                Some(heard.running.max(spark.unwrap_or(0)))
            }
            _ => spark,
        }
    }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
