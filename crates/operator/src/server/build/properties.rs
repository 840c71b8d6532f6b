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
