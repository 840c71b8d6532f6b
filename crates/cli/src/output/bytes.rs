//! Numbers of bytes for people: three digits and a unit. Pure.

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// The number in the largest unit of which there is at least one.
pub(crate) fn human(bytes: i64) -> String {
    let mut number = bytes as f64;
    let mut units = UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        // What would be rounded to 1024 is one of the next.
        if number < 1023.5 || units.peek().is_none() {
            return match number {
                // Whole bytes, and whole numbers of what is large enough.
                _ if *unit == "B" || number >= 99.95 => format!("{number:.0}{unit}"),
                _ => format!("{number:.1}{unit}"),
            };
        }
        number /= 1024.0;
    }
    unreachable!("the last unit takes every number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        for (bytes, written) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0KiB"),
            (1536, "1.5KiB"),
            (102_400, "100KiB"),
            (1_048_575, "1.0MiB"),
            (5 << 30, "5.0GiB"),
            (3000 << 40, "3000TiB"),
        ] {
            assert_eq!(human(bytes), written, "{bytes}");
        }
    }
}
