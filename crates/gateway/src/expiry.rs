//! When a certificate ends, as RFC 5280 has it written. Pure. For certificates of this process' own: nothing is checked.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// When the certificate in DER ends; `None` where it cannot be read.
pub(crate) fn of(certificate: &[u8]) -> Option<Timestamp> {
    let (mut certificate, _) = expect(certificate, SEQUENCE)?;
    let (mut fields, _) = expect(certificate, SEQUENCE)?;
    if let Some((_, rest)) = expect(fields, VERSION) {
        fields = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, fields) = expect(fields, tag)?; // serial number, algorithm, issuer
    }
    (certificate, _) = expect(fields, SEQUENCE)?;
    let (_, _, after) = element(certificate)?;
    time(after)
}

fn time(field: &[u8]) -> Option<Timestamp> {
    let (tag, text, _) = element(field)?;
    let text = str::from_utf8(text).ok()?;
    let text = match tag {
        // Years from 1950 to 2049.
        UTC_TIME if text >= "5" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The content of the element that `bytes` begin with, which has this tag, and what comes after it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the element that `bytes` begin with, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f).min(4))?;
        let length = digits
            .iter()
            .fold(0, |sum, &digit| sum << 8 | usize::from(digit));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<i64> {
        let field = [&[UTC_TIME, 13][..], text.as_bytes()].concat();
        time(&field).map(Timestamp::as_second)
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        assert_eq!(utc("261123120000Z"), Some(1_795_435_200));
        assert_eq!(utc("991231235959Z"), Some(946_684_799));
        let late = [&[GENERALIZED_TIME, 15][..], b"20500101000000Z"].concat();
        assert_eq!(time(&late).map(Timestamp::as_second), Some(2_524_608_000));
        assert_eq!(utc("not a time at"), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bytes in [
            &[][..],
            &[SEQUENCE],
            &[SEQUENCE, 0x84, 1, 2],
            &[SEQUENCE, 2, SEQUENCE, 9],
        ] {
            assert_eq!(of(bytes), None, "{bytes:?}");
        }
    }
}
