//! A length of time as resources write it: `90s`, `1h30m`. No I/O.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A length of time in whole seconds or more: digits with `h`, `m` or `s`, largest unit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// A period of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same length for a timer.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 3600, 'h'),
            (seconds / 60 % 60, 'm'),
            (seconds % 60, 's'),
        ];
        if seconds == 0 {
            return f.write_str("0s");
        }
        parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .try_for_each(|(n, unit)| write!(f, "{n}{unit}"))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| {
                D::Error::custom(format!(
                    "`{text}` is not a length of time such as 90s, 30m or 1h30m"
                ))
            })
    }
}

fn parse(text: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut rest = text;
    for (unit, seconds) in [('h', 3600u64), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 20,
            "x-kubernetes-validations": [{
                "rule": "self != '' && self.matches('^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$')",
                "message": "must be a length of time such as 90s, 30m or 1h30m",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Period, serde_json::Error> {
        serde_json::from_value(serde_json::Value::from(text))
    }

    #[test]
    fn reads_and_writes_the_same_length() {
        for (text, seconds, written) in [
            ("90s", 90, "1m30s"),
            ("1h", 3600, "1h"),
            ("1h30m", 5400, "1h30m"),
            ("0s", 0, "0s"),
            ("120m", 7200, "2h"),
        ] {
            let period = read(text).unwrap();
            assert_eq!(period, Period::from_secs(seconds));
            assert_eq!(period.to_string(), written);
        }
    }

    #[test]
    fn refuses_what_is_not_a_length_of_time() {
        for text in [
            "",
            "h",
            "1",
            "1d",
            "-1s",
            "1s1h",
            "1.5h",
            "99999999999999999999h",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
