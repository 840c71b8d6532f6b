//! The SparkSession resource for a request. Pure but for the letters at the end of a name.

use sparkconnect_api::{Period, SparkSession, SparkSessionSpec};

use crate::{Category, Error, SessionRequest};

/// Longest name of a session: labels hold it.
const LONGEST: usize = 63;
/// What a name without anything to be made of begins with.
const PLAIN: &str = "session";
const RANDOM: usize = 6;
/// How long what was made here tells of its end: nobody deletes it where the program that made it was killed.
const RETENTION: Period = Period::from_secs(24 * 3600);

/// The resource, on this server.
pub(super) fn resource(request: SessionRequest, server: String) -> Result<SparkSession, Error> {
    let name = match request.name {
        Some(name) => name,
        None => name_for(request.app_name.as_deref(), &random()),
    };
    let period = |field: &str, duration: Option<std::time::Duration>| {
        let whole = |duration: std::time::Duration| match duration.subsec_nanos() {
            0 => Ok(Period::from_secs(duration.as_secs())),
            _ => Err(Error::new(
                Category::InvalidInput,
                format!("{field} is not a number of whole seconds"),
            )),
        };
        duration.map(whole).transpose()
    };
    let spec = SparkSessionSpec {
        server,
        user: request.user,
        session_id: request.session_id,
        app_name: request.app_name,
        spark_conf: request.spark_conf,
        artifacts: Vec::new(),
        idle_timeout: period("idle_timeout", request.idle_timeout)?,
        ttl: period("ttl", request.ttl)?,
        on_server_loss: None,
        retention: Some(RETENTION),
    };
    let mut session = SparkSession::new(&name, spec);
    session.metadata.labels = (!request.labels.is_empty()).then_some(request.labels);
    Ok(session)
}

/// A name that says what it is for, as far as names of resources can.
fn name_for(app_name: Option<&str>, random: &str) -> String {
    let mut words = String::new();
    for character in app_name.unwrap_or_default().chars() {
        let character = character.to_ascii_lowercase();
        if character.is_ascii_alphanumeric() {
            words.push(character);
        } else if !words.is_empty() && !words.ends_with('-') {
            words.push('-');
        }
    }
    words.truncate(LONGEST - random.len() - 1);
    let words = words.trim_matches('-');
    let words = if words.is_empty() { PLAIN } else { words };
    format!("{words}-{random}")
}

fn random() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id.chars().take(RANDOM).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_is_made_of_the_apps() {
        for (app, name) in [
            (Some("Sales report, Q3"), "sales-report-q3-abc123"),
            (Some("--x--"), "x-abc123"),
            (Some("日本"), "session-abc123"),
            (None, "session-abc123"),
        ] {
            assert_eq!(name_for(app, "abc123"), name);
        }
        let long = name_for(Some(&"a".repeat(100)), "abc123");
        assert_eq!(long.len(), LONGEST);
        assert!(long.ends_with("-abc123"));
    }

    #[test]
    fn what_was_asked_for_is_in_the_spec() {
        let request = SessionRequest {
            name: Some("ada".to_owned()),
            app_name: Some("notebook".to_owned()),
            idle_timeout: Some(Duration::from_secs(90)),
            ..SessionRequest::default()
        };
        let session = resource(request, "demo".to_owned()).unwrap();
        let json = serde_json::to_value(&session).unwrap();
        let expected = serde_json::json!({
            "apiVersion": "sparkconnect.dev/v1alpha1",
            "kind": "SparkSession",
            "metadata": {"name": "ada"},
            "spec": {"server": "demo", "appName": "notebook", "idleTimeout": "1m30s", "retention": "24h"},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn less_than_a_second_is_not_rounded() {
        let request = SessionRequest {
            ttl: Some(Duration::from_millis(1500)),
            ..SessionRequest::default()
        };
        let error = resource(request, "demo".to_owned()).unwrap_err();
        assert_eq!(error.category(), Category::InvalidInput);
        assert!(error.to_string().contains("ttl"), "{error}");
    }
}
