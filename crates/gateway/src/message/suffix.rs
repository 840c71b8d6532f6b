//! The gateway's own fields, which are put behind every message of a request. Pure.

use bytes::{BufMut, Bytes, BytesMut};

/// Field `session_id` of every request.
const SESSION_ID: u32 = 1;
/// Field `user_context` of every request.
const USER_CONTEXT: u32 = 2;
/// Field `user_id` of a user context.
const USER_ID: u32 = 1;
/// Field `user_name` of a user context.
const USER_NAME: u32 = 2;

/// `session_id`, `user_context` with the user's id and name, and where `observed` is given (its field, its value) the id that the
/// server gave the session: so a server that has forgotten the session refuses the call rather than make it anew, empty.
pub fn suffix(session: &str, user: &str, observed: Option<(u32, &str)>) -> Bytes {
    let mut context = BytesMut::new();
    text(&mut context, USER_ID, user);
    text(&mut context, USER_NAME, user);
    let mut suffix = BytesMut::new();
    text(&mut suffix, SESSION_ID, session);
    delimited(&mut suffix, USER_CONTEXT, &context);
    if let Some((field, id)) = observed {
        text(&mut suffix, field, id);
    }
    suffix.freeze()
}

/// A suffix with one field more, a text.
pub fn with(suffix: &Bytes, field: u32, value: &str) -> Bytes {
    let mut more = BytesMut::from(&suffix[..]);
    text(&mut more, field, value);
    more.freeze()
}

fn text(buffer: &mut BytesMut, field: u32, value: &str) {
    delimited(buffer, field, value.as_bytes());
}

fn delimited(buffer: &mut BytesMut, field: u32, value: &[u8]) {
    varint(buffer, u64::from(field << 3 | 2));
    varint(buffer, value.len() as u64);
    buffer.put_slice(value);
}

fn varint(buffer: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        buffer.put_u8(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value.to_le_bytes()[0]);
}

#[cfg(test)]
#[path = "suffix_tests.rs"]
mod tests;
