//! Java's properties format, as `java.util.Properties` reads it. No I/O.

use std::fmt::Write;

/// One line a setting, in the order given; every character outside printable ASCII escaped.
pub(super) fn render<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut file = String::new();
    for (key, value) in settings {
        escape(key, true, &mut file);
        file.push('=');
        escape(value, false, &mut file);
        file.push('\n');
    }
    file
}

/// In a key every separator and comment sign is escaped; in a value a space is escaped only where it comes first.
fn escape(text: &str, key: bool, file: &mut String) {
    let mut first = true;
    for unit in text.encode_utf16() {
        match u8::try_from(unit).map(char::from) {
            Ok('\n') => file.push_str("\\n"),
            Ok('\r') => file.push_str("\\r"),
            Ok('\t') => file.push_str("\\t"),
            Ok(' ') if key || first => file.push_str("\\ "),
            Ok(sign @ ('=' | ':' | '#' | '!')) if key || first => file.extend(['\\', sign]),
            Ok('\\') => file.push_str("\\\\"),
            Ok(plain @ ' '..='~') => file.push(plain),
            _ => write!(file, "\\u{unit:04x}").expect("text in memory can be written to"),
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the format by its definition in `java.util.Properties.load`, as a check that shares nothing with the writer.
    fn load(file: &str) -> Vec<(String, String)> {
        let lines = file.split_terminator('\n');
        lines
            .map(|line| {
                let units: Vec<u16> = line.encode_utf16().collect();
                let start = units
                    .iter()
                    .position(|unit| !is_space(*unit))
                    .unwrap_or(units.len());
                assert!(
                    !matches!(units.get(start).copied().map(u32::from), Some(0x21 | 0x23)),
                    "a comment: {line}"
                );
                let end = key_end(&units, start);
                let mut value = end;
                let mut separator = false;
                while value < units.len() {
                    let sign = !separator
                        && (units[value] == u16::from(b'=') || units[value] == u16::from(b':'));
                    separator |= sign;
                    if !sign && !is_space(units[value]) {
                        break;
                    }
                    value += 1;
                }
                (unescape(&units[start..end]), unescape(&units[value..]))
            })
            .collect()
    }

    fn is_space(unit: u16) -> bool {
        [b' ', b'\t', 0x0c].map(u16::from).contains(&unit)
    }

    fn key_end(units: &[u16], start: usize) -> usize {
        let mut at = start;
        while at < units.len() {
            if units[at] == u16::from(b'\\') {
                at += 2;
                continue;
            }
            if is_space(units[at]) || units[at] == u16::from(b'=') || units[at] == u16::from(b':') {
                return at;
            }
            at += 1;
        }
        units.len()
    }

    fn unescape(units: &[u16]) -> String {
        let mut out = Vec::new();
        let mut at = 0;
        while at < units.len() {
            if units[at] != u16::from(b'\\') {
                out.push(units[at]);
                at += 1;
                continue;
            }
            match char::from_u32(u32::from(units[at + 1])) {
                Some('u') => {
                    let digits = String::from_utf16(&units[at + 2..at + 6]).unwrap();
                    out.push(u16::from_str_radix(&digits, 16).unwrap());
                    at += 4;
                }
                Some('n') => out.push(u16::from(b'\n')),
                Some('r') => out.push(u16::from(b'\r')),
                Some('t') => out.push(u16::from(b'\t')),
                Some('f') => out.push(0x0c),
                _ => out.push(units[at + 1]),
            }
            at += 2;
        }
        String::from_utf16(&out).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(settings in prop::collection::vec(("\\PC{1,8}|[ =:#!\\\\\n\r\t\u{c}a]{1,8}", "\\PC{0,12}|[ =:#!\\\\\n\r\t\u{c}a😀]{0,12}"), 0..6)) {
            let file = render(settings.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            prop_assert!(file.is_ascii());
            prop_assert_eq!(load(&file), settings);
        }
    }

    #[test]
    fn values_stay_readable() {
        let file = render(
            [
                ("spark.a.b", "a = b: c#d! e"),
                ("spark.uri", "sc://h:1/;x=y"),
                ("spark.é", " \\q"),
            ]
            .into_iter(),
        );
        assert_eq!(
            file,
            "spark.a.b=a = b: c#d! e\nspark.uri=sc://h:1/;x=y\nspark.\\u00e9=\\ \\\\q\n"
        );
    }
}
