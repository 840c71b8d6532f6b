//! The messages of a request, as the gateway lets them through. No I/O.

use std::collections::VecDeque;

use bytes::Bytes;
use sparkconnect_gateway::message::{Beginning, Rewriter, suffix};

use crate::wire::{Owner, by_java, by_prost};
use crate::{SESSION, USER};

/// Longest message here, in bytes: short enough to be passed.
const LIMIT: u32 = 2000;
/// Length of a frame's head.
const HEAD: usize = 5;
/// Field `operation_id` of ExecutePlan.
const SUBJECT: u32 = 6;

/// What became of a request.
struct Passed {
    /// What went on to the server.
    out: Vec<u8>,
    /// Whether all of it did.
    whole: bool,
    subject: Option<String>,
}

/// Four bytes, the sizes of the pieces that the rest, a request, comes in. In whatever pieces: the same messages go on, each of
/// them what the client sent with the gateway's fields behind it, and its session and user are the gateway's; or the request
/// was refused before a whole message went on.
pub fn framer(data: &[u8]) {
    let Some((sizes, request)) = data.split_first_chunk() else {
        return;
    };
    let at_once = pass(&[request]);
    check(request, &at_once);
    let single: Vec<_> = request.chunks(1).collect();
    for pieces in [single, cut(request, *sizes)] {
        let other = pass(&pieces);
        assert_eq!(
            other.whole, at_once.whole,
            "let through in some pieces only"
        );
        assert_eq!(frames(&other.out).0, frames(&at_once.out).0);
        assert_eq!(other.subject, at_once.subject);
    }
}

/// The pieces of `request`, of these sizes, each one more than its byte, in turn.
fn cut(mut request: &[u8], sizes: [u8; 4]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    for size in sizes.into_iter().cycle() {
        if request.is_empty() {
            break;
        }
        let (piece, rest) = request.split_at(request.len().min(usize::from(size) + 1));
        pieces.push(piece);
        request = rest;
    }
    pieces
}

/// What the gateway does with a request of [`SESSION`]: finds its session, then rewrites all of it.
fn pass(pieces: &[&[u8]]) -> Passed {
    let mut out = VecDeque::new();
    let mut rewriter = Rewriter::new(
        SESSION.to_owned(),
        suffix(SESSION, USER, None),
        LIMIT,
        Some(SUBJECT),
    );
    let whole = begins(pieces)
        && pieces.iter().all(|piece| {
            rewriter
                .push(Bytes::copy_from_slice(piece), &mut out)
                .is_ok()
        })
        && rewriter.end().is_ok();
    Passed {
        out: out.iter().flatten().copied().collect(),
        whole,
        subject: rewriter.subject().get().cloned(),
    }
}

/// Whether the request is found to be one of [`SESSION`].
fn begins(pieces: &[&[u8]]) -> bool {
    let mut beginning = Beginning::new(LIMIT);
    for piece in pieces {
        match beginning.push(piece) {
            Ok(None) => {}
            Ok(Some(session)) => return session == SESSION,
            Err(_) => return false,
        }
    }
    false
}

fn check(request: &[u8], passed: &Passed) {
    let ((sent, cut), (messages, broken)) = (frames(request), frames(&passed.out));
    if passed.whole {
        assert!(cut.is_empty() && broken.is_empty(), "it has no end");
        assert_eq!(messages.len(), sent.len());
    } else {
        let all = cut.is_empty() && messages.len() == sent.len();
        assert!(!all || sent.is_empty(), "refused, and all of it went on");
    }
    let behind = suffix(SESSION, USER, None);
    for (message, sent) in messages.iter().zip(&sent) {
        assert_eq!(*message, [sent, &behind[..]].concat(), "it was changed");
        let own = Owner::gateway();
        match by_java(message) {
            Some(owner) => assert_eq!(owner, own),
            None => assert_eq!(by_java(sent), None, "the suffix made it unreadable"),
        }
        for owner in by_prost(message) {
            assert_eq!(owner, own);
        }
        let claimed = by_java(sent).unwrap_or_default().session;
        assert!(claimed.is_empty() || claimed == SESSION, "{claimed}");
    }
}

/// The messages of whole frames, and what is left.
fn frames(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut all = Vec::new();
    while let Some(([_, length @ ..], rest)) = bytes.split_first_chunk::<HEAD>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((message, after)) = rest.split_at_checked(length) else {
            break;
        };
        all.push(message);
        bytes = after;
    }
    (all, bytes)
}
