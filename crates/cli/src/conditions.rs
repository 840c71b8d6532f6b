//! Conditions of a resource, as a table. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::output::age::age;
use crate::output::table::{Column, column};

/// The table's columns.
pub(crate) const COLUMNS: &[Column] = &[
    column("TYPE"),
    column("STATUS"),
    column("REASON"),
    column("SINCE"),
    column("MESSAGE"),
];

/// Its rows.
pub(crate) fn rows(conditions: &[Condition], now: Timestamp) -> Vec<Vec<String>> {
    let rows = conditions.iter().map(|condition| {
        vec![
            condition.type_.clone(),
            condition.status.clone(),
            condition.reason.clone(),
            age(Some(condition.last_transition_time.0), now),
            condition.message.clone(),
        ]
    });
    rows.collect()
}
