//! Lengths of time in a few letters, as kubectl writes ages: exact while short, coarse when long. Pure.

use jiff::Timestamp;

/// What is printed where there is nothing.
pub(crate) const NONE: &str = "<none>";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The age at `now` of what was at `then`.
pub(crate) fn age(then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(
        || NONE.to_owned(),
        |then| length(now.as_second() - then.as_second()),
    )
}

/// A number of seconds. The clocks of two machines differ: what is a little in the future is now.
pub(crate) fn length(seconds: i64) -> String {
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, (MINUTE, 'm'), (1, 's')),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, (HOUR, 'h'), (MINUTE, 'm')),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, (DAY, 'd'), (HOUR, 'h')),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(seconds, (YEAR, 'y'), (DAY, 'd')),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// In two units, the smaller one left out where it is nothing.
fn two(seconds: i64, large: (i64, char), small: (i64, char)) -> String {
    let (whole, rest) = (seconds / large.0, seconds % large.0 / small.0);
    let whole = format!("{whole}{}", large.1);
    if rest == 0 {
        whole
    } else {
        format!("{whole}{rest}{}", small.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_kubectl_writes_them() {
        for (seconds, written) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 4 * MINUTE + 59, "3h4m"),
            (8 * HOUR, "8h"),
            (48 * HOUR - 1, "47h"),
            (2 * DAY, "2d"),
            (7 * DAY + 5 * HOUR, "7d5h"),
            (8 * DAY, "8d"),
            (2 * YEAR - 1, "729d"),
            (2 * YEAR, "2y"),
            (3 * YEAR + 4 * DAY, "3y4d"),
            (8 * YEAR, "8y"),
        ] {
            assert_eq!(length(seconds), written, "{seconds}");
        }
    }

    #[test]
    fn what_never_was_has_no_age() {
        assert_eq!(age(None, Timestamp::UNIX_EPOCH), NONE);
        let later = Timestamp::from_second(61).unwrap();
        assert_eq!(age(Some(Timestamp::UNIX_EPOCH), later), "61s");
    }
}
