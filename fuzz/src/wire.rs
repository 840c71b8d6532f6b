//! Whose a message is, by two readers that share nothing with the gateway's: prost, and one that takes all that Java's protobuf
//! takes, which is what Spark reads with. No I/O.

use prost::Message;
use sparkconnect_proto::spark::connect as spark;

/// Whose a message is: the last of each field, as protobuf's merge rule has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Field `session_id`; empty where there is none.
    pub(crate) session: String,
    /// Field `user_id` of the user context.
    pub(crate) user_id: String,
    /// Field `user_name` of the user context.
    pub(crate) user_name: String,
}

impl Owner {
    /// The session and the user that the gateway gives to every message.
    pub(crate) fn gateway() -> Self {
        Self {
            session: crate::SESSION.to_owned(),
            user_id: crate::USER.to_owned(),
            user_name: crate::USER.to_owned(),
        }
    }

    fn new(session: String, user: Option<spark::UserContext>) -> Self {
        let user = user.unwrap_or_default();
        Self {
            session,
            user_id: user.user_id,
            user_name: user.user_name,
        }
    }
}

/// A request of which nothing else is known, so that nothing else in it can be wrong.
#[derive(Clone, PartialEq, Message)]
struct Least {
    #[prost(string, tag = "1")]
    session_id: String,
    #[prost(message, optional, tag = "2")]
    user_context: Option<spark::UserContext>,
}

/// Whose a message is as prost reads it: one answer for each request that the bytes can be.
pub(crate) fn by_prost(message: &[u8]) -> Vec<Owner> {
    macro_rules! read_as {
        ($($request:ty),* $(,)?) => {
            [$(<$request>::decode(message)
                .ok()
                .map(|read| Owner::new(read.session_id, read.user_context))),*]
        };
    }
    let read = read_as![
        Least,
        spark::AnalyzePlanRequest,
        spark::ConfigRequest,
        spark::AddArtifactsRequest,
        spark::InterruptRequest,
        spark::ReleaseExecuteRequest,
        spark::ReleaseSessionRequest,
        spark::GetStatusRequest,
    ];
    read.into_iter().flatten().collect()
}

/// Whose a message is as Java reads it; `None` where it cannot.
pub(crate) fn by_java(message: &[u8]) -> Option<Owner> {
    let mut owner = Owner::default();
    for (field, value) in texts(message)? {
        match field {
            1 => owner.session = text(value)?,
            2 => {
                for (field, value) in texts(value)? {
                    match field {
                        1 => owner.user_id = text(value)?,
                        2 => owner.user_name = text(value)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(owner)
}

/// Every length-delimited field outside of groups, in order; `None` where Java cannot read the message.
pub(crate) fn texts(mut rest: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let (mut found, mut groups) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let tag = varint(&mut rest)? as u32; // Java cuts off what is beyond 32 bits
        let (field, wire) = (tag >> 3, tag & 7);
        if field == 0 {
            return None;
        }
        match wire {
            0 => {
                varint(&mut rest)?;
            }
            1 => {
                take(&mut rest, 8)?;
            }
            2 => {
                let length = varint(&mut rest)? as u32;
                let value = take(&mut rest, usize::try_from(length).ok()?)?;
                if groups.is_empty() {
                    found.push((field, value));
                }
            }
            3 => groups.push(field),
            4 if groups.pop() == Some(field) => {}
            5 => {
                take(&mut rest, 4)?;
            }
            _ => return None,
        }
    }
    groups.is_empty().then_some(found)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn text(value: &[u8]) -> Option<String> {
    String::from_utf8(value.to_vec()).ok()
}
