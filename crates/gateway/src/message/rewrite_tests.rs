use super::*;

const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
const LIMIT: u32 = 1000;

fn message(id: &str, padding: usize) -> Vec<u8> {
    let mut bytes = vec![];
    prost::encoding::string::encode(1, &id.to_owned(), &mut bytes);
    prost::encoding::string::encode(4, &"x".repeat(padding), &mut bytes);
    bytes
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

fn rewritten(bytes: &[u8], piece: usize) -> Result<Vec<u8>, Unfit> {
    let suffix = Bytes::from_static(b"SUFFIX");
    let mut rewriter = Rewriter::new(ID.to_owned(), suffix, LIMIT, None);
    let mut out = VecDeque::new();
    for part in bytes.chunks(piece) {
        rewriter.push(Bytes::copy_from_slice(part), &mut out)?;
    }
    rewriter.end()?;
    Ok(out.iter().flatten().copied().collect())
}

#[test]
fn every_message_gets_the_suffix_in_whatever_pieces_it_comes() {
    let messages = [message(ID, 3), vec![], message(ID, 300)];
    let bytes: Vec<u8> = messages.iter().flat_map(|m| framed(m)).collect();
    let wanted: Vec<u8> = messages
        .iter()
        .flat_map(|m| framed(&[&m[..], b"SUFFIX"].concat()))
        .collect();
    for piece in [1, 4, 6, 100, bytes.len()] {
        assert_eq!(rewritten(&bytes, piece).as_ref(), Ok(&wanted), "{piece}");
    }
}

#[test]
fn what_is_unfit_is_refused_in_whatever_pieces_it_comes() {
    let good = framed(&message(ID, 3));
    let mut compressed = good.clone();
    compressed[0] = 1;
    let other = [good.clone(), framed(&message("another", 3))].concat();
    let swallowing = framed(&[&message(ID, 3)[..], &[0x9a, 0x3f, 6]].concat());
    for piece in [1, 5, 1000] {
        let why = |bytes: &[u8]| rewritten(bytes, piece).unwrap_err();
        assert_eq!(why(&compressed), Unfit::Compressed);
        assert!(matches!(why(&other), Unfit::OtherSession { .. }));
        assert_eq!(why(&swallowing), Unfit::Malformed(Malformed::Length));
        assert_eq!(why(&good[..good.len() - 1]), Unfit::Cut);
        assert_eq!(why(&good[..3]), Unfit::Cut);
        let long = framed(&message(ID, 1000));
        assert!(matches!(why(&long), Unfit::TooLong { limit: LIMIT, .. }));
    }
}

#[test]
fn a_message_that_is_refused_is_never_whole() {
    let bytes = framed(&[&message(ID, 3)[..], &message("another", 0)].concat());
    for piece in [1, 7, bytes.len()] {
        let suffix = Bytes::from_static(b"SUFFIX");
        let mut rewriter = Rewriter::new(ID.to_owned(), suffix, LIMIT, None);
        let mut out = VecDeque::new();
        let refused = bytes
            .chunks(piece)
            .find_map(|part| rewriter.push(Bytes::copy_from_slice(part), &mut out).err());
        assert!(refused.is_some());
        let gone: usize = out.iter().map(Bytes::len).sum();
        assert!(gone < bytes.len() + b"SUFFIX".len(), "{gone}");
    }
}

#[test]
fn the_beginning_is_read_no_further_than_needed() {
    let bytes = framed(&message(ID, 500));
    let mut beginning = Beginning::new(LIMIT);
    let mut read = 0;
    let found = bytes.iter().any(|&byte| {
        read += 1;
        beginning.push(&[byte]).unwrap() == Some(ID)
    });
    assert!(found);
    assert_eq!(read, HEAD + 2 + ID.len());
    let mut without = Beginning::new(LIMIT);
    assert_eq!(without.push(&framed(&[])), Err(Unfit::NoSession));
}
