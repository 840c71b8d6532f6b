use std::convert::Infallible;

use http_body_util::{BodyExt, StreamBody};

use super::*;

const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

fn request() -> Bytes {
    let mut message = vec![];
    prost::encoding::string::encode(1, &ID.to_owned(), &mut message);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    Bytes::from([&[0][..], &length, &message].concat())
}

/// A body that comes in these parts.
fn body(parts: Vec<Bytes>) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
    let parts = parts.into_iter().map(|part| Ok(Frame::data(part)));
    StreamBody::new(futures::stream::iter(parts))
}

fn rewriter() -> Rewriter {
    Rewriter::new(ID.to_owned(), Bytes::from_static(b"+"), 1000, None)
}

#[tokio::test]
async fn what_was_read_to_find_the_session_goes_on_too() {
    let bytes = request();
    let parts = bytes.chunks(10).map(Bytes::copy_from_slice).collect();
    let mut body = body(parts);
    let begun = begin(&mut body, 1000, 1000).await.unwrap();
    assert_eq!(begun.session, ID);
    let (refused, _refusal) = oneshot::channel();
    let enforced = Enforced::new(body, begun.read, rewriter(), refused);
    let all = enforced.collect().await.unwrap().to_bytes();
    assert_eq!(all.len(), bytes.len() + 1);
    assert!(all.ends_with(b"+"));
}

#[tokio::test]
async fn a_request_that_is_cut_breaks_off_with_its_reason() {
    let bytes = request();
    let (refused, refusal) = oneshot::channel();
    let body = body(vec![bytes.slice(..20)]);
    let enforced = Enforced::new(body, VecDeque::new(), rewriter(), refused);
    assert_eq!(enforced.collect().await.unwrap_err(), Unfit::Cut);
    assert_eq!(refusal.await, Ok(Unfit::Cut));
}

#[tokio::test]
async fn no_more_is_read_than_may_be() {
    let mut message = vec![];
    prost::encoding::string::encode(3, &"x".repeat(900), &mut message);
    let length = 10_000_u32.to_be_bytes(); // the rest of it never comes
    let bytes = Bytes::from([&[0][..], &length, &message].concat());
    let parts = bytes.chunks(100).map(Bytes::copy_from_slice).collect();
    assert_eq!(
        begin(&mut body(parts), 10_000, 300).await.unwrap_err(),
        Unfit::NoSession
    );
    assert_eq!(
        begin(&mut body(vec![]), 1000, 300).await.unwrap_err(),
        Unfit::Cut
    );
}

#[test]
fn a_piece_is_read_across_its_parts() {
    let parts = ["ab", "cde", "f"].map(|part| Bytes::from_static(part.as_bytes()));
    let mut piece = Piece(VecDeque::from(parts));
    piece.advance(3);
    assert_eq!((piece.remaining(), piece.chunk()), (3, &b"de"[..]));
    piece.advance(2);
    assert_eq!(piece.chunk(), b"f");
    piece.advance(1);
    assert_eq!((piece.remaining(), piece.chunk()), (0, &b""[..]));
}

#[tokio::test]
async fn a_message_is_read_whole_for_one_of_its_fields() {
    let mut message = vec![];
    prost::encoding::string::encode(1, &ID.to_owned(), &mut message);
    prost::encoding::string::encode(4, &"new".to_owned(), &mut message);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let bytes = Bytes::from([&[0][..], &length, &message].concat());
    for size in [1, 10, 1000] {
        let parts = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        let mut body = body(parts);
        let mut begun = begin(&mut body, 1000, 1000).await.unwrap();
        let found = whole(&mut body, &mut begun, 4, 1000).await.unwrap();
        assert_eq!(found.as_deref(), Some("new"));
        assert_eq!(begun.read.iter().flatten().count(), bytes.len());
        let none = whole(&mut body, &mut begun, 5, 1000).await.unwrap();
        assert_eq!(none, None);
        let refused = whole(&mut body, &mut begun, 4, 10).await.unwrap_err();
        assert!(matches!(refused, Unfit::TooLong { .. }), "{refused}");
    }
    let mut body = body(vec![bytes.slice(..bytes.len() - 1)]);
    let mut begun = begin(&mut body, 1000, 1000).await.unwrap();
    let refused = whole(&mut body, &mut begun, 4, 1000).await.unwrap_err();
    assert_eq!(refused, Unfit::Cut);
}
