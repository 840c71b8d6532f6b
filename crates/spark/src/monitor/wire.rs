//! The REST API's JSON, as far as it is read. No I/O. Times are milliseconds since 1970, sizes bytes.

use serde::{Deserialize, Deserializer};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
pub(crate) struct Application {
    pub(crate) id: String,
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    pub(crate) start_time_epoch: i64,
    pub(crate) app_spark_version: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Executor {
    pub(crate) id: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    pub(crate) job_id: u64,
    #[serde(default, deserialize_with = "time")]
    pub(crate) submission_time: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) completion_time: Option<i64>,
    pub(crate) stage_ids: Vec<u64>,
    #[serde(default)]
    pub(crate) job_tags: Vec<String>,
    pub(crate) status: String,
}

impl Job {
    pub(crate) fn running(&self) -> bool {
        !matches!(self.status.as_str(), "SUCCEEDED" | "FAILED")
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stage {
    pub(crate) stage_id: u64,
    pub(crate) attempt_id: u64,
    /// None for a stage that was skipped or has not begun.
    #[serde(default, deserialize_with = "time")]
    pub(crate) submission_time: Option<i64>,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
}

/// A SQL execution.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Execution {
    pub(crate) id: u64,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) submission_time: Option<i64>,
    /// Of a running one: until now.
    pub(crate) duration: u64,
    pub(crate) running_job_ids: Vec<u64>,
    pub(crate) success_job_ids: Vec<u64>,
    pub(crate) failed_job_ids: Vec<u64>,
    /// Since 4.2.
    pub(crate) root_execution_id: Option<i64>,
}

impl Execution {
    pub(crate) fn running(&self) -> bool {
        self.status == "RUNNING"
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = u64> {
        let lists = [
            &self.running_job_ids,
            &self.success_job_ids,
            &self.failed_job_ids,
        ];
        lists.into_iter().flatten().copied()
    }
}

/// A session, since 4.3. `totalExecution` may stay one or more behind: Spark writes it at most every 100 ms, and writes
/// nothing when a burst ends.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    pub(crate) session_id: Uuid,
    pub(crate) user_id: String,
    pub(crate) finish_timestamp: i64,
    pub(crate) total_execution: u64,
}

/// An operation, since 4.3.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    pub(crate) operation_id: Uuid,
    pub(crate) session_id: Uuid,
    pub(crate) user_id: String,
    pub(crate) start_timestamp: i64,
    /// 0 while it runs.
    pub(crate) finish_timestamp: i64,
    /// 0 until its client has let go of it, or some minutes after the client vanished.
    pub(crate) close_timestamp: i64,
    pub(crate) execution_time: u64,
    /// The error of a failed one; empty otherwise, also when it was cancelled.
    #[serde(default)]
    pub(crate) detail: String,
}

impl Operation {
    /// Whether it ended with an error. Of a cancelled one Spark keeps an error in some races only, which is no failure.
    pub(crate) fn failed(&self) -> bool {
        const CANCELLED: [&str; 2] = ["[OPERATION_CANCELED]", "[SPARK_JOB_CANCELLED]"];
        let detail = self
            .detail
            .strip_prefix("INTERNAL: ")
            .unwrap_or(&self.detail);
        !detail.is_empty() && !CANCELLED.iter().any(|class| detail.starts_with(class))
    }
}

/// Reads `2026-11-23T15:12:35.867GMT`.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let refused = |error: jiff::Error| serde::de::Error::custom(format!("time `{text}`: {error}"));
    let civil =
        jiff::civil::DateTime::strptime("%Y-%m-%dT%H:%M:%S%.fGMT", &text).map_err(refused)?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(refused)?;
    Ok(Some(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_operation_has_not_failed() {
        let operation = |detail: &str| Operation {
            operation_id: Uuid::nil(),
            session_id: Uuid::nil(),
            user_id: String::new(),
            start_timestamp: 1,
            finish_timestamp: 2,
            close_timestamp: 3,
            execution_time: 1,
            detail: detail.to_owned(),
        };
        for (detail, failed) in [
            ("", false),
            (
                "INTERNAL: [OPERATION_CANCELED] Operation has been canceled.",
                false,
            ),
            (
                "INTERNAL: [USER_RAISED_EXCEPTION] [OPERATION_CANCELED]",
                true,
            ),
            ("INTERNAL: Spark job tag cannot contain ','.", true),
        ] {
            assert_eq!(operation(detail).failed(), failed, "{detail}");
        }
    }

    #[test]
    fn a_job_as_spark_writes_it_is_read() {
        let text = r#"{"jobId": 5, "name": "x", "submissionTime": "2026-11-23T15:12:35.867GMT",
            "stageIds": [4, 5], "jobTags": ["a"], "status": "RUNNING", "killedTasksSummary": {}}"#;
        let job: Job = serde_json::from_str(text).expect("a job");
        assert_eq!(job.submission_time, Some(1_795_446_755_867));
        assert_eq!(job.completion_time, None);
        assert!(job.running());
        let wrong = text.replace("GMT", "CET");
        assert!(serde_json::from_str::<Job>(&wrong).is_err());
    }
}
