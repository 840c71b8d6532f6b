//! The frames of a request's messages: each message is let through as it comes, with the gateway's own fields behind it, where
//! protobuf's merge rule has them win over any before them. Pure.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

use super::walk::{Malformed, Walk};

/// Length of the frame's head: a flag, and the length of the message.
const HEAD: usize = 5;

/// Why a request is refused for what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A message is compressed, or its flag means nothing.
    #[error("messages must not be compressed: the gateway takes only `grpc-encoding: identity`")]
    Compressed,
    /// A message is longer than may be.
    #[error("a message of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        length: u32,
        /// The most that is let through.
        limit: u32,
    },
    /// A message is not one that a client writes.
    #[error("a message cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// A message names another session than the call.
    #[error("a message names session {found}, the call is one of session {expected}")]
    OtherSession {
        /// The session of the call.
        expected: String,
        /// The one that is named.
        found: String,
    },
    /// The first message names none, or not within the bytes that are looked at.
    #[error("the first message names no session: session_id must be its first field")]
    NoSession,
    /// The request ends within a message, or has none.
    #[error("the request ends within a message")]
    Cut,
}

/// Where in the frames a request stands.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one a request, and the larger one for nearly all of its bytes"
)]
enum At {
    Head { bytes: [u8; HEAD], there: usize },
    Message { left: u32, walk: Walk },
}

impl At {
    const START: Self = Self::Head {
        bytes: [0; HEAD],
        there: 0,
    };
}

/// The text of the field that was asked for, once it is known: what a request begins or goes on with.
pub type Subject = Arc<OnceLock<String>>;

/// What is done to the messages of one request.
#[derive(Debug)]
pub struct Rewriter {
    /// The session that every message must name, if it names one.
    session: String,
    /// What is put behind every message.
    suffix: Bytes,
    /// Longest message, in bytes, without the suffix.
    limit: u32,
    subject_field: Option<u32>,
    subject: Subject,
    at: At,
}

impl Rewriter {
    /// Lets messages of `session` of at most `limit` bytes through, and puts `suffix` behind each.
    pub fn new(session: String, suffix: Bytes, limit: u32, subject_field: Option<u32>) -> Self {
        Self {
            session,
            suffix,
            limit,
            subject_field,
            subject: Subject::default(),
            at: At::START,
        }
    }

    /// Takes the next bytes of the request, and puts what goes on to `out`.
    ///
    /// # Errors
    /// When the request must not go on; what of it went on before is not a whole message.
    pub fn push(&mut self, mut bytes: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Unfit> {
        while !bytes.is_empty() {
            match &mut self.at {
                At::Head { bytes: head, there } => {
                    let taken = bytes.len().min(HEAD - *there);
                    head[*there..*there + taken].copy_from_slice(&bytes.split_to(taken));
                    *there += taken;
                    if *there == HEAD {
                        let length = length(*head, self.limit)?;
                        self.begin(length, out);
                    }
                }
                At::Message { left, walk } => {
                    let taken = bytes.len().min(*left as usize);
                    let part = bytes.split_to(taken);
                    walk.feed(&part)?;
                    same_session(walk, &self.session)?;
                    *left -= u32::try_from(taken).unwrap_or(*left);
                    out.push_back(part);
                }
            }
            self.end_of_message(out)?;
        }
        Ok(())
    }

    /// The request has ended.
    ///
    /// # Errors
    /// When it ended within a message.
    pub const fn end(&self) -> Result<(), Unfit> {
        match self.at {
            At::Head { there: 0, .. } => Ok(()),
            _ => Err(Unfit::Cut),
        }
    }

    /// Where the text of the field will stand once the first whole message has passed, if it has one.
    pub fn subject(&self) -> Subject {
        Arc::clone(&self.subject)
    }

    fn begin(&mut self, length: u32, out: &mut VecDeque<Bytes>) {
        let mut head = BytesMut::with_capacity(HEAD);
        head.put_u8(0);
        head.put_u32(length + u32::try_from(self.suffix.len()).unwrap_or(0));
        out.push_back(head.freeze());
        self.at = At::Message {
            left: length,
            walk: Walk::new(length, self.subject_field),
        };
    }

    fn end_of_message(&mut self, out: &mut VecDeque<Bytes>) -> Result<(), Unfit> {
        let At::Message { left: 0, walk } = &self.at else {
            return Ok(());
        };
        walk.end()?;
        if let Some(subject) = walk.subject() {
            self.subject.get_or_init(|| subject.to_owned());
        }
        out.push_back(self.suffix.clone());
        self.at = At::START;
        Ok(())
    }
}

fn same_session(walk: &Walk, expected: &str) -> Result<(), Unfit> {
    match walk.session() {
        Some(found) if found != expected => Err(Unfit::OtherSession {
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The length that a frame's head tells.
pub(super) fn length(head: [u8; HEAD], limit: u32) -> Result<u32, Unfit> {
    let [flag, length @ ..] = head;
    let length = u32::from_be_bytes(length);
    if flag != 0 {
        return Err(Unfit::Compressed);
    }
    if length > limit {
        return Err(Unfit::TooLong { length, limit });
    }
    Ok(length)
}

/// The beginning of a request, as far as it must be read to know its session.
#[derive(Debug)]
pub struct Beginning {
    head: [u8; HEAD],
    there: usize,
    message: Option<(u32, Walk)>,
    limit: u32,
}

impl Beginning {
    /// Nothing read yet; messages have at most `limit` bytes.
    pub const fn new(limit: u32) -> Self {
        Self {
            head: [0; HEAD],
            there: 0,
            message: None,
            limit,
        }
    }

    /// Takes the next bytes; the session once it is known.
    ///
    /// # Errors
    /// When the request is unfit already, or its first message ends without a session.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Option<&str>, Unfit> {
        if self.message.is_none() {
            let taken = bytes.len().min(HEAD - self.there);
            self.head[self.there..self.there + taken].copy_from_slice(&bytes[..taken]);
            self.there += taken;
            bytes = &bytes[taken..];
            if self.there == HEAD {
                let length = length(self.head, self.limit)?;
                self.message = Some((length, Walk::new(length, None)));
            }
        }
        let Some((left, walk)) = &mut self.message else {
            return Ok(None);
        };
        let taken = bytes.len().min(*left as usize);
        walk.feed(&bytes[..taken])?;
        *left -= u32::try_from(taken).unwrap_or(*left);
        match walk.session() {
            None if *left == 0 => Err(Unfit::NoSession),
            found => Ok(found),
        }
    }
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
