//! Lengths of time as numbers of seconds. No I/O.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A length of time, or none.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    let duration = seconds.map(Duration::try_from_secs_f64).transpose();
    duration.map_err(|error| D::Error::custom(format!("not a number of seconds: {error}")))
}
