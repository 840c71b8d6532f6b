//! Values of options: lengths of time, `NAME=VALUE`, names as `-o name` prints them. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use sparkconnect_api::Period;
use sparkconnect_client::{Category, Error};

/// A length of time, as resources write it.
pub(crate) fn period(text: &str) -> Result<Duration, String> {
    let period: Result<Period, serde_json::Error> = serde_json::from_value(text.into());
    let told = |error: serde_json::Error| error.to_string();
    period.map(Period::duration).map_err(told)
}

/// A name and a value around the first `=`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must be NAME=VALUE".to_owned()),
    }
}

/// Pairs of one option, by name. A name that is given twice is refused: one of its values would be lost.
pub(crate) fn map(
    option: &str,
    pairs: &[(String, String)],
) -> Result<BTreeMap<String, String>, Error> {
    let mut map = BTreeMap::new();
    for (name, value) in pairs {
        if map.insert(name.clone(), value.clone()).is_some() {
            let message = format!("{option} gives {name} twice");
            return Err(Error::new(Category::InvalidInput, message));
        }
    }
    Ok(map)
}

/// The name of a session, also as in `sparksession.sparkconnect.dev/ada`.
pub(crate) fn session_name(text: &str) -> Result<String, String> {
    name(text, &["sparksession", "sparksessions", "sps"])
}

/// The name of a server, also as in `sparkconnectserver.sparkconnect.dev/demo`.
pub(crate) fn server_name(text: &str) -> Result<String, String> {
    name(text, &["sparkconnectserver", "sparkconnectservers", "scs"])
}

fn name(text: &str, kinds: &[&str]) -> Result<String, String> {
    let Some((kind, name)) = text.split_once('/') else {
        return Ok(text.to_owned());
    };
    let kind = kind.strip_suffix(".sparkconnect.dev").unwrap_or(kind);
    if kinds.contains(&kind) {
        Ok(name.to_owned())
    } else {
        Err(format!("it is the name of another kind than {}", kinds[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_as_in_resources() {
        assert_eq!(period("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(period("0s"), Ok(Duration::ZERO));
        for wrong in ["", "5", "1d", "-1s", "s"] {
            let error = period(wrong).unwrap_err();
            assert!(error.contains("such as 90s"), "{error}");
        }
    }

    #[test]
    fn a_value_may_be_empty_or_hold_anything() {
        let both = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(pair("a=b=c"), both("a", "b=c"));
        assert_eq!(pair("a="), both("a", ""));
        for wrong in ["", "a", "=b"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_given_twice_is_not_dropped() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let both = map("--conf", &[pair("a", "1"), pair("b", "2")]).unwrap();
        assert_eq!(both.len(), 2);
        let error = map("--conf", &[pair("a", "1"), pair("a", "1")]).unwrap_err();
        assert_eq!(error.to_string(), "--conf gives a twice");
    }

    #[test]
    fn printed_names_are_names_again() {
        for text in [
            "ada",
            "sps/ada",
            "sparksession/ada",
            "sparksession.sparkconnect.dev/ada",
        ] {
            assert_eq!(session_name(text).as_deref(), Ok("ada"), "{text}");
        }
        assert!(session_name("pod/ada").is_err());
        assert_eq!(server_name("scs/demo").as_deref(), Ok("demo"));
    }
}
