//! An amount of memory as Spark writes it: `512m`, `2g`. No I/O.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An amount of memory in Spark's form: a whole number with `m` (MiB), `g` (GiB) or `t` (TiB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory {
    mebibytes: u64,
}

impl Memory {
    /// An amount of whole MiB.
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self { mebibytes }
    }

    /// The amount in MiB.
    pub const fn mebibytes(self) -> u64 {
        self.mebibytes
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mebibytes {
            n if n > 0 && n.is_multiple_of(1024) => write!(f, "{}g", n / 1024),
            n => write!(f, "{n}m"),
        }
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self::from_mebibytes).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is not an amount of memory such as 512m or 2g"
            ))
        })
    }
}

fn parse(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let factor = match unit {
        'm' => 1,
        'g' => 1024,
        't' => 1024 * 1024,
        _ => return None,
    };
    text.strip_suffix(unit)?
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
}

impl JsonSchema for Memory {
    fn schema_name() -> Cow<'static, str> {
        "Memory".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 10,
            "x-kubernetes-validations": [{
                "rule": "self.matches('^[1-9][0-9]{0,8}[mgt]$')",
                "message": "must be an amount of memory in Spark's form, such as 512m or 2g",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_sparks_form() {
        for (text, mebibytes, written) in [
            ("512m", 512, "512m"),
            ("2g", 2048, "2g"),
            ("1536m", 1536, "1536m"),
            ("1t", 1 << 20, "1024g"),
        ] {
            let memory: Memory = serde_json::from_value(text.into()).unwrap();
            assert_eq!(memory.mebibytes(), mebibytes);
            assert_eq!(memory.to_string(), written);
        }
    }

    #[test]
    fn refuses_other_forms() {
        for text in ["", "m", "2", "2Gi", "-1g", "1.5g", "99999999999999999999t"] {
            assert!(
                serde_json::from_value::<Memory>(text.into()).is_err(),
                "{text}"
            );
        }
    }
}
