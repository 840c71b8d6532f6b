//! Where the log is that a session writes to: that of the replica which it lives on, shared with the replica's other sessions, or of one of
//! its executors. No I/O.

use kube::ResourceExt;
use sparkconnect_api::SparkSession;
use sparkconnect_api::labels::{EXECUTOR, SPARK_APP_SELECTOR, SPARK_ROLE};

use crate::pods::Place;
use crate::{Category, Error, Role};

/// Label that Spark puts on executor pods: the number of the executor.
const EXECUTOR_NUMBER: &str = "spark-exec-id";

/// The pod of that role.
///
/// # Errors
/// [`Category::NotFound`] while the session has no replica; [`Category::InvalidInput`] for what is no number of an executor.
pub(super) fn place(session: &SparkSession, role: &Role) -> Result<Place, Error> {
    let status = session.status.as_ref();
    let lives_on = status.and_then(|status| {
        let replica = status.server.as_ref()?;
        Some((replica, status.application_id.as_deref()))
    });
    let Some((replica, application)) = lives_on else {
        return Err(nowhere(session));
    };
    match role {
        Role::Driver => Ok(Place::Name(replica.clone())),
        Role::Executor(number) if !number.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Error::new(
                Category::InvalidInput,
                format!("`{number}` is no number of an executor"),
            )
            .hint("Spark counts them from 1"))
        }
        Role::Executor(number) => Ok(Place::Labels(format!(
            "{SPARK_APP_SELECTOR}={},{SPARK_ROLE}={EXECUTOR},{EXECUTOR_NUMBER}={number}",
            application.ok_or_else(|| nowhere(session))?
        ))),
    }
}

fn nowhere(session: &SparkSession) -> Error {
    let name = session.name_any();
    Error::new(
        Category::NotFound,
        format!("the SparkSession {name} has no log: it lives on no replica yet"),
    )
    .hint("ask again when it is ready; its conditions say what it waits for")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(status: &serde_json::Value) -> SparkSession {
        serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
            "metadata": {"name": "report"}, "spec": {"server": "demo"}, "status": status,
        }))
        .expect("a session")
    }

    #[test]
    fn the_log_is_the_replicas_or_its_executors() {
        let session = session(&json!({"server": "demo-0", "applicationId": "spark-1"}));
        assert_eq!(
            place(&session, &Role::Driver).unwrap(),
            Place::Name("demo-0".to_owned())
        );
        let labels = "spark-app-selector=spark-1,spark-role=executor,spark-exec-id=2";
        assert_eq!(
            place(&session, &Role::Executor("2".to_owned())).unwrap(),
            Place::Labels(labels.to_owned())
        );
        let error = place(&session, &Role::Executor("2,a=b".to_owned())).unwrap_err();
        assert_eq!(error.category(), Category::InvalidInput);
    }

    #[test]
    fn without_a_replica_there_is_none() {
        let error = place(&session(&json!({})), &Role::Driver).unwrap_err();
        assert_eq!(error.category(), Category::NotFound);
    }
}
