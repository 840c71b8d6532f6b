//! Values of the resources that have a form of their own. No I/O.

use std::fmt::{Debug, Display};

use serde_json::Value;
use sparkconnect_api::inputs::InjectAs;
use sparkconnect_api::{Memory, Period};

/// Text. What a value is read from it is the same when it is written and read again, and everything that the schemas let through
/// is read, as what it says.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let period: Option<Period> = same_again(text);
    if let Some(seconds) = seconds(text) {
        assert_eq!(period, Some(Period::from_secs(seconds)), "{text}");
    }
    let memory: Option<Memory> = same_again(text);
    if let Some(mebibytes) = mebibytes(text) {
        assert_eq!(memory, Some(Memory::from_mebibytes(mebibytes)), "{text}");
    }
    let word = InjectAs::parse(text);
    assert_eq!(
        word.map(|word| format!("{word:?}")).as_deref(),
        word.map(|_| text)
    );
}

/// A value that is read from `text`, if it can be.
fn same_again<T>(text: &str) -> Option<T>
where
    T: serde::de::DeserializeOwned + serde::Serialize + Display + Debug + PartialEq,
{
    let value: T = serde_json::from_value(text.into()).ok()?;
    let written = serde_json::to_value(&value).expect("text");
    assert_eq!(written, Value::from(value.to_string()));
    let again: T = serde_json::from_value(written).expect("what was written can be read");
    assert_eq!(again, value, "{text}");
    Some(value)
}

/// The seconds of a text that Period's schema lets through: `^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`, not empty.
fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut units) = (0, ['h', 'm', 's'].into_iter());
    let mut parts = text.split_inclusive(['h', 'm', 's']).peekable();
    parts.peek()?;
    for part in parts {
        let unit = part.chars().next_back()?;
        units.find(|known| *known == unit)?;
        let digits = number(part.strip_suffix(unit)?, 6)?;
        total += digits
            * match unit {
                'h' => 3600,
                'm' => 60,
                _ => 1,
            };
    }
    Some(total)
}

/// The MiB of a text that Memory's schema lets through: `^[1-9][0-9]{0,8}[mgt]$`.
fn mebibytes(text: &str) -> Option<u64> {
    let power = ['m', 'g', 't']
        .iter()
        .position(|unit| text.ends_with(*unit))?;
    let digits = &text[..text.len() - 1];
    let number = number(digits, 9).filter(|_| !digits.starts_with('0'))?;
    Some(number << (10 * power))
}

fn number(digits: &str, most: usize) -> Option<u64> {
    let fits =
        (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| fits)
}
