//! The walk against prost's own reading, and against messages that were made to be read in two ways.

use proptest::prelude::*;
use prost::Message;
use sparkconnect_proto::spark::connect::{ReleaseSessionRequest, UserContext};

use super::*;

const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
const OTHER: &str = "00000000-6e0e-4f58-9d6e-2f6a3c1b7a10";

fn field(number: u32, value: &str) -> Vec<u8> {
    let mut bytes = vec![];
    prost::encoding::string::encode(number, &value.to_owned(), &mut bytes);
    bytes
}

/// The session and the end of a walk over `bytes` in pieces of `piece`.
fn walked(bytes: &[u8], piece: usize) -> Result<Option<String>, Malformed> {
    let mut walk = Walk::new(u32::try_from(bytes.len()).unwrap(), Some(6));
    for part in bytes.chunks(piece.max(1)) {
        walk.feed(part)?;
    }
    walk.end()?;
    Ok(walk.session().map(str::to_owned))
}

#[track_caller]
fn all_pieces(bytes: &[u8], wanted: &Result<Option<String>, Malformed>) {
    for piece in [1, 2, 3, 7, bytes.len()] {
        assert_eq!(&walked(bytes, piece), wanted, "in pieces of {piece}");
    }
}

#[test]
fn a_session_is_found_wherever_it_stands_and_however_it_comes() {
    let found = Ok(Some(ID.to_owned()));
    all_pieces(&field(1, ID), &found);
    all_pieces(
        &[field(3, &"x".repeat(1000)), field(1, ID)].concat(),
        &found,
    );
    all_pieces(&[field(1, ID), field(1, ID)].concat(), &found);
    all_pieces(&[], &Ok(None));
    let numbers = [
        0x10, 0xff, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4,
    ];
    all_pieces(&[&numbers[..], &field(1, ID)].concat(), &found);
}

#[test]
fn an_operation_is_found_too() {
    let bytes = [field(1, ID), field(3, "plan"), field(6, "op")].concat();
    let mut walk = Walk::new(u32::try_from(bytes.len()).unwrap(), Some(6));
    walk.feed(&bytes).unwrap();
    assert_eq!(walk.subject(), Some("op"));
}

/// Bytes of a message, and why they are refused.
type Case = (&'static str, Vec<u8>, Malformed);

fn refused(cases: &[Case]) {
    for (what, bytes, why) in cases {
        println!("{what}");
        all_pieces(bytes, &Err(*why));
    }
}

fn with(tail: &[u8]) -> Vec<u8> {
    [&field(1, ID), tail].concat()
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    refused(&[
        (
            "another session behind",
            with(&field(1, OTHER)),
            Malformed::TwoSessions,
        ),
        (
            "a field that swallows what follows",
            with(&[0x9a, 0x3f, 40]),
            Malformed::Length,
        ),
        (
            "a fixed field that swallows it",
            with(&[0x99, 0x3f, 1]),
            Malformed::Length,
        ),
        (
            "a group that is not closed",
            with(&[0x9b, 0x3f]),
            Malformed::Tag,
        ),
        (
            "a closed group",
            with(&[0x9b, 0x3f, 0x9c, 0x3f]),
            Malformed::Tag,
        ),
        ("half a tag", with(&[0x9a]), Malformed::Cut),
        ("a tag without its number", with(&[0x10]), Malformed::Cut),
        ("a length without its value", with(&[0x1a]), Malformed::Cut),
        ("field 0", with(&[0x02, 0x00]), Malformed::Tag),
        ("wire type 7", with(&[0x0f]), Malformed::Tag),
    ]);
}

#[test]
fn what_is_longer_than_it_may_be_is_refused() {
    refused(&[
        (
            "a tag of six bytes",
            with(&[0x8a, 0x80, 0x80, 0x80, 0x80, 0x00]),
            Malformed::Varint,
        ),
        (
            "a tag of more than 32 bits",
            with(&[0x8a, 0x80, 0x80, 0x80, 0x70]),
            Malformed::Varint,
        ),
        (
            "a length of six bytes",
            with(&[0x1a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
            Malformed::Varint,
        ),
        (
            "a number of eleven bytes",
            with(&[0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
            Malformed::Varint,
        ),
        (
            "a session that is too long",
            field(1, &"a".repeat(65)),
            Malformed::SessionId,
        ),
        (
            "a session that is no text",
            vec![0x0a, 1, 0xff],
            Malformed::SessionId,
        ),
    ]);
}

proptest! {
    /// Whatever the walk lets through, prost reads the same session from it, with any suffix behind.
    #[test]
    fn what_is_let_through_is_read_alike(bytes in fields(), piece in 1_usize..9) {
        let Ok(session) = walked(&bytes, piece) else { return Ok(()) };
        let suffix = ReleaseSessionRequest {
            session_id: ID.to_owned(),
            user_context: Some(UserContext { user_id: "ada".to_owned(), ..UserContext::default() }),
            ..ReleaseSessionRequest::default()
        };
        if let Ok(read) = ReleaseSessionRequest::decode(&bytes[..]) {
            prop_assert_eq!(read.session_id, session.unwrap_or_default());
        }
        let both = [bytes, suffix.encode_to_vec()].concat();
        if let Ok(read) = ReleaseSessionRequest::decode(&both[..]) {
            prop_assert_eq!(read.session_id, ID);
            prop_assert_eq!(read.user_context.unwrap().user_id, "ada");
        }
    }

    /// No bytes at all make it panic.
    #[test]
    fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..9) {
        let _ = walked(&bytes, piece);
    }
}

/// Messages of fields that are right, or nearly.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![
        Just(field(1, ID)),
        Just(field(1, OTHER)),
        (2_u32..20, "[a-z]{0,80}").prop_map(|(number, value)| field(number, &value)),
        Just(vec![0x12, 0x05, 0x0a, 0x03, b'e', b'v', b'e']),
        proptest::collection::vec(any::<u8>(), 0..4),
        any::<u8>().prop_map(|length| vec![0x9a, 0x3f, length & 0x7f]),
    ];
    proptest::collection::vec(one, 0..5).prop_map(|parts| parts.concat())
}
