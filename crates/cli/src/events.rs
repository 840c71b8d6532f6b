//! The last events of an object, as a table. Does I/O: asks the API server.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use sparkconnect_client::Category;
use sparkconnect_client::kubernetes::{Cluster, told};

use crate::error::Error;
use crate::output::age::age;
use crate::output::table::{Column, column};
use crate::terminal;

/// So many of the newest are shown.
const SHOWN: usize = 10;

/// The table's columns.
pub(crate) const COLUMNS: &[Column] = &[
    column("LAST SEEN"),
    column("TYPE"),
    column("REASON"),
    column("MESSAGE"),
];

/// The rows of the newest events of the object with this UID, oldest first. Who may not read events is told so, and gets none.
pub(crate) async fn rows(cluster: &Cluster, uid: &str) -> Result<Vec<Vec<String>>, Error> {
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let of = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let listed = events.list(&of).await;
    match listed.map_err(|error| told(error, "listing events")) {
        Ok(list) => Ok(newest(list.items, Timestamp::now())),
        Err(error) if error.category() == Category::PermissionDenied => {
            terminal::note(&format!("Events are left out: {error}"));
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

fn newest(mut events: Vec<Event>, now: Timestamp) -> Vec<Vec<String>> {
    events.sort_by_key(seen);
    let from = events.len().saturating_sub(SHOWN);
    let rows = events[from..].iter().map(|event| {
        vec![
            age(seen(event), now),
            event.type_.clone().unwrap_or_default(),
            event.reason.clone().unwrap_or_default(),
            event.message.clone().unwrap_or_default(),
        ]
    });
    rows.collect()
}

/// When it was last seen. Which field has that depends on who wrote the event.
fn seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref();
    let series = series.and_then(|series| series.last_observed_time.as_ref());
    let series = series.map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let only = event.event_time.as_ref().map(|time| time.0);
    series.or(last).or(only)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(reason: usize, seen: &serde_json::Value) -> Event {
        let mut event = json!({
            "metadata": {}, "involvedObject": {}, "type": "Normal", "reason": reason.to_string(),
        });
        for (name, value) in seen.as_object().unwrap() {
            event[name] = value.clone();
        }
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn the_newest_are_shown_whoever_wrote_them() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let mut events = vec![
            event(1, &json!({"lastTimestamp": "2026-01-01T00:00:50Z"})),
            event(2, &json!({"eventTime": "2026-01-01T00:00:30.000000Z"})),
            event(
                3,
                &json!({
                    "eventTime": "2026-01-01T00:00:10.000000Z",
                    "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:40.000000Z"},
                }),
            ),
        ];
        let table = |events: Vec<Event>| -> Vec<(String, String)> {
            let rows = newest(events, now).into_iter();
            rows.map(|row| (row[0].clone(), row[2].clone())).collect()
        };
        let row = |age: &str, reason: &str| (age.to_owned(), reason.to_owned());
        let shown = table(events.clone());
        assert_eq!(shown, [row("30s", "2"), row("20s", "3"), row("10s", "1")]);
        let more = (4..20).map(|at| event(at, &json!({"lastTimestamp": "2026-01-01T00:00:59Z"})));
        events.extend(more);
        assert_eq!(table(events).len(), SHOWN);
    }
}
