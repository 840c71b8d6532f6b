//! A walk over the outermost fields of one protobuf message as its bytes come, in whatever pieces: finds the session that it
//! names, and knows whether it ends where a field ends. Nothing is kept but the few bytes looked for. Pure.
//!
//! Fields will be appended to the message, so nothing in it may swallow what follows: a length that reaches beyond the end, a
//! group that is not closed or half a tag would each take the appended bytes for their own. All of these are refused, and so
//! is whatever protobuf's parsers are known to read in more than one way.

/// Field `session_id` of every request.
const SESSION_ID: u32 = 1;
/// Longest value that is kept: a UUID has 36 characters.
const KEPT: usize = 64;

/// Why a message is not one that a Spark Connect client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A tag with field 0, beyond 32 bits, or of a wire type that proto3 does not have.
    #[error("a field has no valid tag")]
    Tag,
    /// A varint of more than ten bytes, or a length of more than five.
    #[error("a number is too long")]
    Varint,
    /// A field that ends after the message.
    #[error("a field is longer than its message")]
    Length,
    /// The message ends within a field.
    #[error("the message ends within a field")]
    Cut,
    /// A `session_id` that is too long for a UUID, or no text.
    #[error("session_id is not a UUID")]
    SessionId,
    /// Two `session_id` that differ.
    #[error("session_id is there twice, with different values")]
    TwoSessions,
}

/// Where a walk stands.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Within a tag, or before one.
    Tag(Varint),
    /// Within a number that nobody asked for.
    Number(u8),
    /// Within a length.
    Length(u32, Varint),
    /// Within a value that nobody asked for.
    Skip(u32),
    /// Within a value that is kept.
    Keep(u32, u32),
}

/// A number that may still be incomplete.
#[derive(Clone, Copy, Debug, Default)]
struct Varint {
    value: u64,
    bytes: u8,
}

impl Varint {
    /// Takes one byte; the value when that was the last.
    fn take(&mut self, byte: u8) -> Result<Option<u32>, Malformed> {
        // Five bytes hold 35 bits: more than 32 would be cut off differently by different parsers.
        if self.bytes == 5 {
            return Err(Malformed::Varint);
        }
        self.value |= u64::from(byte & 0x7f) << (7 * self.bytes);
        self.bytes += 1;
        if byte & 0x80 != 0 {
            return Ok(None);
        }
        u32::try_from(self.value)
            .map(Some)
            .map_err(|_| Malformed::Varint)
    }
}

/// A few bytes that are kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    bytes: [u8; KEPT],
    length: usize,
}

impl Kept {
    const EMPTY: Self = Self {
        bytes: [0; KEPT],
        length: 0,
    };

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes[..self.length]).ok()
    }
}

/// A walk over one message.
#[derive(Clone, Debug)]
pub struct Walk {
    at: At,
    /// Bytes of the message that are still to come.
    left: u32,
    /// Field whose text is looked for beside the session's.
    subject_field: Option<u32>,
    now: Kept,
    session: Option<Kept>,
    subject: Option<Kept>,
}

impl Walk {
    /// A walk over a message of `length` bytes that keeps its session, and the text of `subject_field` if one is given.
    pub fn new(length: u32, subject_field: Option<u32>) -> Self {
        Self {
            at: At::Tag(Varint::default()),
            left: length,
            subject_field,
            now: Kept::EMPTY,
            session: None,
            subject: None,
        }
    }

    /// Goes on over `bytes`, which must not reach beyond the message.
    ///
    /// # Errors
    /// When the message cannot be trusted to be read in one way.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        while let Some((&first, rest)) = bytes.split_first() {
            let taken = match self.at {
                At::Skip(left) => self.skip(left, bytes.len()),
                At::Keep(field, left) => self.keep(field, left, bytes)?,
                At::Tag(_) | At::Number(_) | At::Length(..) => {
                    self.left -= 1;
                    self.byte(first)?;
                    bytes = rest;
                    continue;
                }
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// The message has ended.
    ///
    /// # Errors
    /// When it ended within a field.
    pub const fn end(&self) -> Result<(), Malformed> {
        match self.at {
            At::Tag(Varint { bytes: 0, .. }) => Ok(()),
            _ => Err(Malformed::Cut),
        }
    }

    /// The session that the message names, once that was seen.
    pub fn session(&self) -> Option<&str> {
        self.session.as_ref().and_then(Kept::text)
    }

    /// The text of the field that was asked for, once that was seen.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_ref().and_then(Kept::text)
    }

    fn byte(&mut self, byte: u8) -> Result<(), Malformed> {
        match self.at {
            At::Tag(mut tag) => match tag.take(byte)? {
                Some(tag) => self.field(tag),
                None => {
                    self.at = At::Tag(tag);
                    Ok(())
                }
            },
            At::Number(9) if byte & 0x80 != 0 => Err(Malformed::Varint),
            At::Number(bytes) => {
                let more = byte & 0x80 != 0;
                self.at = if more {
                    At::Number(bytes + 1)
                } else {
                    At::Tag(Varint::default())
                };
                Ok(())
            }
            At::Length(field, mut length) => match length.take(byte)? {
                Some(length) => self.value(field, length),
                None => {
                    self.at = At::Length(field, length);
                    Ok(())
                }
            },
            At::Skip(_) | At::Keep(..) => Ok(()),
        }
    }

    /// A tag is complete.
    fn field(&mut self, tag: u32) -> Result<(), Malformed> {
        let field = tag >> 3;
        if field == 0 {
            return Err(Malformed::Tag);
        }
        match tag & 7 {
            0 => self.at = At::Number(0),
            1 => return self.fixed(8),
            2 => self.at = At::Length(field, Varint::default()),
            5 => return self.fixed(4),
            _ => return Err(Malformed::Tag), // groups, which proto3 does not have, and types that do not exist
        }
        Ok(())
    }

    fn fixed(&mut self, length: u32) -> Result<(), Malformed> {
        if length > self.left {
            return Err(Malformed::Length);
        }
        self.at = At::Skip(length);
        Ok(())
    }

    /// A length is complete.
    fn value(&mut self, field: u32, length: u32) -> Result<(), Malformed> {
        if length > self.left {
            return Err(Malformed::Length);
        }
        let is_session = field == SESSION_ID;
        let fits = length as usize <= KEPT;
        if is_session && !fits {
            return Err(Malformed::SessionId);
        }
        if fits && (is_session || Some(field) == self.subject_field) {
            self.now = Kept::EMPTY;
            self.at = At::Keep(field, length);
            return if length == 0 {
                self.kept(field)
            } else {
                Ok(())
            };
        }
        self.at = if length == 0 {
            At::Tag(Varint::default())
        } else {
            At::Skip(length)
        };
        Ok(())
    }

    fn skip(&mut self, left: u32, there: usize) -> usize {
        let taken = there.min(left as usize);
        self.passed(taken);
        let left = left - taken as u32;
        self.at = if left == 0 {
            At::Tag(Varint::default())
        } else {
            At::Skip(left)
        };
        taken
    }

    fn keep(&mut self, field: u32, left: u32, bytes: &[u8]) -> Result<usize, Malformed> {
        let taken = bytes.len().min(left as usize);
        self.now.push(&bytes[..taken]);
        self.passed(taken);
        let left = left - taken as u32;
        self.at = At::Keep(field, left);
        if left == 0 {
            self.kept(field)?;
        }
        Ok(taken)
    }

    /// A value that is kept is complete.
    fn kept(&mut self, field: u32) -> Result<(), Malformed> {
        self.at = At::Tag(Varint::default());
        let kept = self.now;
        if field != SESSION_ID {
            self.subject = Some(kept);
            return Ok(());
        }
        let text = kept.text().ok_or(Malformed::SessionId)?;
        if self.session().is_some_and(|before| before != text) {
            return Err(Malformed::TwoSessions);
        }
        self.session = Some(kept);
        Ok(())
    }

    fn passed(&mut self, bytes: usize) {
        self.left -= bytes as u32;
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
