//! The messages of the benchmark: as PySpark and Spark write them, in gRPC's frames. Pure.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use sparkconnect_proto::spark::connect as spark;

/// Bytes of the small request and of its answer.
pub const SMALL: usize = 200;
/// Bytes of one message of results, and how many of them answer a call.
pub const RESULT: usize = 4 << 20;
/// Messages of results of one call.
pub const RESULTS: usize = 4;
/// Bytes of one chunk of an upload.
pub const CHUNK: usize = 32 << 10;
/// Chunks of one upload.
pub const CHUNKS: usize = 512;

const CLIENT: &str = "_SPARK_CONNECT_PYTHON";

/// A method that the benchmark calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A small request and a small answer.
    Config,
    /// A small request and a stream of large answers.
    ExecutePlan,
    /// A stream of chunks and a small answer.
    AddArtifacts,
}

impl Method {
    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Config => "/spark.connect.SparkConnectService/Config",
            Self::ExecutePlan => "/spark.connect.SparkConnectService/ExecutePlan",
            Self::AddArtifacts => "/spark.connect.SparkConnectService/AddArtifacts",
        }
    }

    /// The method of a path.
    pub fn of(path: &str) -> Option<Self> {
        let all = [Self::Config, Self::ExecutePlan, Self::AddArtifacts];
        all.into_iter().find(|method| method.path() == path)
    }

    /// Fewest bytes of a request's messages: fewer of them have not come whole.
    pub const fn least(self) -> usize {
        match self {
            Self::Config | Self::ExecutePlan => SMALL,
            Self::AddArtifacts => CHUNK * CHUNKS,
        }
    }

    /// Fewest bytes of an answer's messages.
    pub const fn least_answer(self) -> usize {
        match self {
            Self::Config | Self::AddArtifacts => SMALL,
            Self::ExecutePlan => RESULT * RESULTS,
        }
    }
}

/// `spark.connect.ExecutePlanRequest`, as far as it is written here; a plan is a message, which is on the wire as its bytes are.
#[derive(Clone, PartialEq, Message)]
struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    session_id: String,
    #[prost(message, optional, tag = "2")]
    user_context: Option<spark::UserContext>,
    #[prost(bytes = "vec", tag = "3")]
    plan: Vec<u8>,
    #[prost(string, optional, tag = "4")]
    client_type: Option<String>,
    #[prost(string, optional, tag = "6")]
    operation_id: Option<String>,
}

/// `spark.connect.ExecutePlanResponse` with an Arrow batch.
#[derive(Clone, PartialEq, Message)]
struct ExecutePlanResponse {
    #[prost(string, tag = "1")]
    session_id: String,
    #[prost(message, optional, tag = "2")]
    arrow_batch: Option<ArrowBatch>,
}

#[derive(Clone, PartialEq, Message)]
struct ArrowBatch {
    #[prost(int64, tag = "1")]
    row_count: i64,
    #[prost(bytes = "vec", tag = "2")]
    data: Vec<u8>,
}

/// The requests of one session, each in frames that are sent as they are.
#[derive(Clone, Debug)]
pub struct Requests {
    session: String,
    config: Bytes,
    upload: Vec<Bytes>,
}

impl Requests {
    /// Those of the session with this id.
    pub fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            config: config(session),
            upload: upload(session),
        }
    }

    /// The frames of one call. Every plan has an operation of its own.
    pub fn frames(&self, method: Method) -> Vec<Bytes> {
        match method {
            Method::Config => vec![self.config.clone()],
            Method::ExecutePlan => vec![self.plan()],
            Method::AddArtifacts => self.upload.clone(),
        }
    }

    fn plan(&self) -> Bytes {
        let mut request = ExecutePlanRequest {
            session_id: self.session.clone(),
            user_context: Some(user()),
            plan: vec![],
            client_type: Some(CLIENT.to_owned()),
            operation_id: Some(uuid::Uuid::new_v4().to_string()),
        };
        // Two bytes are the head of the field.
        request.plan = vec![b'p'; SMALL.saturating_sub(request.encoded_len() + 2)];
        framed(&request)
    }
}

/// The messages of an answer, each in its frame.
#[derive(Clone, Debug)]
pub struct Answers {
    small: Bytes,
    result: Bytes,
}

impl Default for Answers {
    fn default() -> Self {
        let result = ExecutePlanResponse {
            session_id: "0".repeat(36),
            arrow_batch: Some(ArrowBatch {
                row_count: 1,
                data: vec![b'a'; RESULT],
            }),
        };
        let small = spark::ConfigResponse {
            session_id: "0".repeat(36),
            warnings: vec!["w".repeat(SMALL - 41)],
            ..spark::ConfigResponse::default()
        };
        Self {
            small: framed(&small),
            result: framed(&result),
        }
    }
}

impl Answers {
    /// The frames that answer one call.
    pub fn frames(&self, method: Method) -> impl Iterator<Item = Bytes> {
        let (frame, count) = match method {
            Method::Config | Method::AddArtifacts => (&self.small, 1),
            Method::ExecutePlan => (&self.result, RESULTS),
        };
        std::iter::repeat_n(frame.clone(), count)
    }
}

fn user() -> spark::UserContext {
    spark::UserContext {
        user_id: "ada@example.com".to_owned(),
        user_name: "ada@example.com".to_owned(),
    }
}

fn config(session: &str) -> Bytes {
    use spark::config_request::{Get, Operation, operation::OpType};
    let request = |key: String| spark::ConfigRequest {
        session_id: session.to_owned(),
        user_context: Some(user()),
        operation: Some(Operation {
            op_type: Some(OpType::Get(Get { keys: vec![key] })),
        }),
        client_type: Some(CLIENT.to_owned()),
        ..spark::ConfigRequest::default()
    };
    let without = request(String::new()).encoded_len();
    framed(&request("k".repeat(SMALL - without)))
}

fn upload(session: &str) -> Vec<Bytes> {
    use spark::add_artifacts_request::{ArtifactChunk, BeginChunkedArtifact, Payload};
    let data = Bytes::from(vec![b'u'; CHUNK]);
    let crc = i64::from(crc32fast::hash(&data));
    let chunk = || ArtifactChunk {
        data: data.clone(),
        crc,
    };
    let message = |payload: Payload| {
        framed(&spark::AddArtifactsRequest {
            session_id: session.to_owned(),
            user_context: Some(user()),
            payload: Some(payload),
            client_type: Some(CLIENT.to_owned()),
            ..spark::AddArtifactsRequest::default()
        })
    };
    let begin = BeginChunkedArtifact {
        name: "files/bench.bin".to_owned(),
        total_bytes: (CHUNK * CHUNKS) as i64,
        num_chunks: CHUNKS as i64,
        initial_chunk: Some(chunk()),
    };
    let rest = message(Payload::Chunk(chunk()));
    let rest = std::iter::repeat_n(rest, CHUNKS - 1);
    std::iter::once(message(Payload::BeginChunk(begin)))
        .chain(rest)
        .collect()
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(5 + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).expect("a message of the benchmark is short"));
    message
        .encode(&mut frame)
        .expect("the frame has room for its message");
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

    #[test]
    fn every_message_names_its_session_first_and_has_its_size() {
        let requests = Requests::new(ID);
        let sizes = [
            (Method::Config, 1, SMALL..=SMALL),
            (Method::ExecutePlan, 1, SMALL..=SMALL),
            (Method::AddArtifacts, CHUNKS, CHUNK..=CHUNK + SMALL),
        ];
        for (method, count, size) in sizes {
            let frames = requests.frames(method);
            assert_eq!(frames.len(), count, "{method:?}");
            for frame in frames {
                assert!(size.contains(&(frame.len() - 5)), "{method:?}");
                assert_eq!(&frame[5..7], [1 << 3 | 2, 36], "{method:?}");
                assert_eq!(&frame[7..43], ID.as_bytes(), "{method:?}");
            }
        }
    }

    #[test]
    fn answers_are_as_long_as_they_are_checked_to_be() {
        let answers = Answers::default();
        for method in [Method::Config, Method::ExecutePlan, Method::AddArtifacts] {
            let bytes: usize = answers.frames(method).map(|frame| frame.len() - 5).sum();
            let least = method.least_answer();
            assert!(
                (least..least + 2 * SMALL).contains(&bytes),
                "{method:?}: {bytes}"
            );
            assert_eq!(Method::of(method.path()), Some(method));
        }
    }

    #[test]
    fn no_two_plans_are_one_operation() {
        let requests = Requests::new(ID);
        assert_ne!(
            requests.frames(Method::ExecutePlan),
            requests.frames(Method::ExecutePlan)
        );
    }
}
