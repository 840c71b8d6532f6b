//! Keeps secret settings out of Spark's web interface, REST API and logs. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::REDACTION;
use super::user::Setting;

/// Spark's own default, the same in 4.0 to 4.3.
const DEFAULT: &str = "(?i)secret|password|token|access[.]?key|credential";
/// What the default matches, in lower case.
const MATCHED: [&str; 6] = [
    "secret",
    "password",
    "token",
    "accesskey",
    "access.key",
    "credential",
];

/// The pattern of names to redact: the user's or Spark's, and every secret setting that Spark's does not match. `None`
/// where Spark's own is enough and the user gives none.
pub(super) fn regex(settings: &BTreeMap<String, Setting>) -> Option<String> {
    let user = settings
        .get(REDACTION)
        .map(|setting| setting.value.as_str());
    let secret = settings.iter().filter(|(_, setting)| setting.secret);
    let names: BTreeSet<_> = secret
        .flat_map(|(key, _)| names(key))
        .filter(|name| user.is_some() || !is_matched(name))
        .collect();
    if names.is_empty() {
        return user.map(str::to_owned);
    }
    let quoted: Vec<_> = names.into_iter().map(quote).collect();
    Some(format!(
        "(?:{})|^(?:{})$",
        user.unwrap_or(DEFAULT),
        quoted.join("|")
    ))
}

/// A Hadoop setting is listed under its Spark name and under its own.
fn names(key: &str) -> impl Iterator<Item = &str> {
    std::iter::once(key).chain(key.strip_prefix("spark.hadoop."))
}

fn is_matched(name: &str) -> bool {
    let name = name.to_lowercase();
    MATCHED.iter().any(|word| name.contains(word))
}

/// Java's way to take text as it is.
fn quote(name: &str) -> String {
    format!("\\Q{}\\E", name.replace("\\E", "\\E\\\\E\\Q"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_default_does_not_match_is_added() {
        assert!(is_matched("spark.hadoop.fs.s3a.access.key"));
        assert!(is_matched("spark.my.Token"));
        assert!(!is_matched("spark.hadoop.fs.s3a.access-key"));
        assert_eq!(quote("spark.a"), r"\Qspark.a\E");
        assert_eq!(quote(r"spark.\E"), r"\Qspark.\E\\E\Q\E");
        assert_eq!(
            names("spark.hadoop.x").collect::<Vec<_>>(),
            ["spark.hadoop.x", "x"]
        );
    }
}
