//! Brings changed settings to a session that lives. Writes to its replica and its status.

use sparkconnect_api::SparkSession;
use sparkconnect_spark::{Error as SparkError, SessionRef, SparkServer};
use sparkconnect_telemetry::spans::within;

use super::carry_out::Next;
use super::turn::Turn;
use super::{Error, identity, status};
use crate::spans;

/// Unsets what the spec no longer has and sets what it has: which values changed is not recorded anywhere, and setting one
/// anew changes nothing.
///
/// # Errors
/// When the replica does not answer. A setting that Spark refuses is no error here: the status says so.
pub(super) async fn configure(turn: &mut Turn<'_>) -> Result<Next, Error> {
    let replica = turn.status().replica_uid.unwrap_or_default();
    let spark = turn.context.live.spark(&replica);
    let (Some(spark), Some(reference)) = (spark, identity::observed_ref(&turn.session)) else {
        return Ok(Next::after(false));
    };
    let span = spans::spark("set settings", turn.status().server.as_deref());
    let status = match within(span, apply(&spark, &reference, &turn.session)).await {
        Ok(()) => status::configured(&turn.session, turn.now()),
        Err(source) => {
            let message = source.to_string();
            let SparkError::ConfRejected { key, .. } = source else {
                let doing = "set settings";
                return Err(Error::Spark { doing, source });
            };
            status::unconfigured(&turn.session, key.as_deref(), &message, turn.now())
        }
    };
    turn.write(status).await.map(Next::after)
}

async fn apply(
    spark: &SparkServer,
    reference: &SessionRef,
    session: &SparkSession,
) -> Result<(), SparkError> {
    unset(spark, reference, &removed(session)).await?;
    let settings = identity::settings(session);
    if settings.is_empty() {
        return Ok(());
    }
    spark.set_conf(reference, &settings).await
}

/// A setting that Spark refuses to unset was never set: it must not keep the others from being unset.
async fn unset(
    spark: &SparkServer,
    reference: &SessionRef,
    names: &[String],
) -> Result<(), SparkError> {
    if names.is_empty() {
        return Ok(());
    }
    match spark.unset_conf(reference, names).await {
        Err(SparkError::ConfRejected { .. }) if names.len() > 1 => {}
        Err(SparkError::ConfRejected { .. }) => return Ok(()),
        result => return result,
    }
    for name in names {
        match spark
            .unset_conf(reference, std::slice::from_ref(name))
            .await
        {
            Ok(()) | Err(SparkError::ConfRejected { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Settings that were applied and are no longer in the spec.
fn removed(session: &SparkSession) -> Vec<String> {
    let applied = session
        .status
        .iter()
        .flat_map(|status| &status.applied_conf);
    applied
        .filter(|name| !session.spec.spark_conf.contains_key(*name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_the_spec_no_longer_has_is_removed() {
        let session: SparkSession = serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession", "metadata": {},
            "spec": {"server": "demo", "sparkConf": {"b": "2", "c": "3"}},
            "status": {"appliedConf": ["a", "b"]},
        }))
        .unwrap();
        assert_eq!(removed(&session), ["a"]);
    }
}
