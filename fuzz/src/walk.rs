//! The walk over one message's fields, against other readers. No I/O.

use prost::Message;
use sparkconnect_gateway::message::{Walk, suffix};
use sparkconnect_proto::spark::connect::ConfigRequest;

use crate::wire::{Owner, by_java, by_prost, texts};
use crate::{SESSION, USER};

/// Field `operation_id` of ExecutePlan.
const SUBJECT: u32 = 6;
/// Longest session that the walk keeps, in bytes.
const LONGEST: usize = 64;

/// What a walk found.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    session: Option<String>,
    subject: Option<String>,
}

/// One byte, the size of the pieces that the rest, a message, comes in. The pieces change nothing; every reader that can read an
/// accepted message reads the session that the walk found, and with the gateway's fields behind it the gateway's session and
/// user; and a message as prost writes it is accepted.
pub fn walk(data: &[u8]) {
    let Some((&size, message)) = data.split_first() else {
        return;
    };
    let found = walked(message, message.len().max(1));
    for size in [1, usize::from(size) + 1] {
        assert_eq!(walked(message, size), found, "in pieces of {size}");
    }
    if let Some(found) = found {
        read_alike(message, &found);
    }
    plain(message);
}

fn walked(message: &[u8], size: usize) -> Option<Found> {
    let length = u32::try_from(message.len()).expect("an input is short");
    let mut walk = Walk::new(length, Some(SUBJECT));
    for piece in message.chunks(size) {
        walk.feed(piece).ok()?;
    }
    walk.end().ok()?;
    Some(Found {
        session: walk.session().map(str::to_owned),
        subject: walk.subject().map(str::to_owned),
    })
}

fn read_alike(message: &[u8], found: &Found) {
    let fields = texts(message).expect("whatever the walk accepts can be taken apart");
    let sessions = fields.iter().filter(|(field, _)| *field == 1);
    for (_, session) in sessions.clone() {
        assert_eq!(Some(*session), found.session.as_deref().map(str::as_bytes));
    }
    assert_eq!(sessions.count() > 0, found.session.is_some());
    if let Some(subject) = &found.subject {
        assert!(fields.contains(&(SUBJECT, subject.as_bytes())), "{subject}");
    }
    for owner in by_java(message).into_iter().chain(by_prost(message)) {
        assert_eq!(owner.session, found.session.clone().unwrap_or_default());
    }
    let behind = [message, &suffix(SESSION, USER, None)].concat();
    for owner in by_java(&behind).into_iter().chain(by_prost(&behind)) {
        assert_eq!(owner, Owner::gateway());
    }
}

/// What a client means by `message`, written plainly, is accepted.
fn plain(message: &[u8]) {
    let Ok(request) = ConfigRequest::decode(message) else {
        return;
    };
    if request.session_id.len() > LONGEST {
        return;
    }
    let bytes = request.encode_to_vec();
    let found = walked(&bytes, bytes.len().max(1)).expect("a client's message is accepted");
    assert_eq!(found.session.unwrap_or_default(), request.session_id);
}
