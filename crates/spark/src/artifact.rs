//! Files that a session gets: `pyfiles/x.py`, `jars/x.jar`, `files/x.csv`, `archives/x.zip`. Cuts them into messages. No I/O.

use bytes::Bytes;
use sparkconnect_proto::spark::connect::add_artifacts_request::{
    ArtifactChunk, Batch, BeginChunkedArtifact, Payload, SingleChunkArtifact,
};

/// Content bytes in one message. The server takes up to 128 MiB; this bounds what is in memory twice.
const CHUNK: usize = 256 * 1024;

/// A file for a session.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Relative path whose first part says what it is for: `pyfiles/`, `jars/`, `files/` or `archives/`.
    pub name: String,
    /// The content.
    pub content: Bytes,
}

impl Artifact {
    /// The messages that carry the artifact, in order.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = Payload> + Send + use<> {
        let mut chunks = chunks(self.content.clone());
        let first = chunks.next().expect("there is a chunk even of nothing");
        let name = self.name.clone();
        let head = if self.content.len() <= CHUNK {
            let single = SingleChunkArtifact {
                name,
                data: Some(first),
            };
            Payload::Batch(Batch {
                artifacts: vec![single],
            })
        } else {
            Payload::BeginChunk(BeginChunkedArtifact {
                name,
                total_bytes: signed(self.content.len()),
                num_chunks: signed(self.content.len().div_ceil(CHUNK)),
                initial_chunk: Some(first),
            })
        };
        std::iter::once(head).chain(chunks.map(Payload::Chunk))
    }
}

/// At least one chunk; nothing is copied.
fn chunks(content: Bytes) -> impl Iterator<Item = ArtifactChunk> + Send {
    let count = content.len().div_ceil(CHUNK).max(1);
    (0..count).map(move |at| {
        let data = content.slice(at * CHUNK..content.len().min((at + 1) * CHUNK));
        ArtifactChunk {
            crc: i64::from(crc32fast::hash(&data)),
            data,
        }
    })
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("no content in memory has more than 2^63 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payloads(length: usize) -> Vec<Payload> {
        let content = (0..length)
            .map(|at| (at % 251) as u8)
            .collect::<Vec<u8>>()
            .into();
        Artifact {
            name: "files/a".to_owned(),
            content,
        }
        .payloads()
        .collect()
    }

    #[test]
    fn a_small_artifact_is_one_message_with_its_checksum() {
        for length in [0, 1, CHUNK] {
            let payloads = payloads(length);
            let [Payload::Batch(batch)] = &payloads[..] else {
                panic!("{length}: {payloads:?}")
            };
            let chunk = batch.artifacts[0].data.as_ref().expect("content");
            assert_eq!(chunk.data.len(), length);
            assert_eq!(chunk.crc, i64::from(crc32fast::hash(&chunk.data)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_large_artifact_arrives_whole(length in CHUNK + 1..6 * CHUNK) {
            let payloads = payloads(length);
            let Payload::BeginChunk(begin) = &payloads[0] else { panic!("no begin") };
            let mut content = begin.initial_chunk.as_ref().expect("a first chunk").data.to_vec();
            for payload in &payloads[1..] {
                let Payload::Chunk(chunk) = payload else { panic!("no chunk") };
                prop_assert_eq!(chunk.crc, i64::from(crc32fast::hash(&chunk.data)));
                content.extend_from_slice(&chunk.data);
            }
            prop_assert_eq!(begin.total_bytes, length as i64);
            prop_assert_eq!(begin.num_chunks, payloads.len() as i64);
            prop_assert_eq!(crc32fast::hash(&content),
                crc32fast::hash(&(0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>()));
        }
    }
}
