//! Artifacts of a session.

use sparkconnect_proto::spark::connect::add_artifacts_request::{
    ArtifactChunk, Batch, Payload, SingleChunkArtifact,
};
use sparkconnect_proto::spark::connect::spark_connect_service_client::SparkConnectServiceClient;
use sparkconnect_proto::spark::connect::{AddArtifactsRequest, UserContext};
use sparkconnect_spark::{Artifact, Error, SessionRef};
use sparkconnect_testkit::command;
use sparkconnect_testkit::spark::SparkServer as Fixture;

use crate::{client, fresh, on_every_version, program};

on_every_version!(
    an_uploaded_module_is_found_by_python_workers,
    artifacts_are_uploaded_whole_and_once,
);

async fn an_uploaded_module_is_found_by_python_workers(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    // Several chunks: what comes after the answer is padding.
    let mut module = "def answer():\n    return 'from a module'\n".to_owned();
    module.extend(std::iter::repeat_n("# padding\n", 100_000));
    let artifact = Artifact {
        name: "pyfiles/uploaded.py".to_owned(),
        content: module.into(),
    };
    server
        .add_artifacts(&session, &[artifact])
        .await
        .expect("uploaded");
    let answer = command::output(&mut program(fixture, &session, "pyfile_udf.py"));
    assert_eq!(answer.expect("PySpark ends well"), "from a module");
}

async fn artifacts_are_uploaded_whole_and_once(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let artifact = |name: &str, content: &'static [u8]| Artifact {
        name: name.to_owned(),
        content: content.into(),
    };
    let large: Vec<u8> = (0..9_000_001_u32).map(|at| (at % 251) as u8).collect();
    let large = Artifact {
        name: "files/large.bin".to_owned(),
        content: large.into(),
    };
    let same = [
        artifact("files/a.txt", b"1"),
        large.clone(),
        artifact("files/empty", b""),
    ];
    server
        .add_artifacts(&session, &same)
        .await
        .expect("uploaded");
    server
        .add_artifacts(&session, &same)
        .await
        .expect("the same content again is no error");
    let other = server
        .add_artifacts(&session, &[artifact("files/a.txt", b"2")])
        .await;
    assert!(
        matches!(other, Err(Error::ArtifactExists { ref name }) if name == "files/a.txt"),
        "{other:?}"
    );
    for name in ["files/../../a", "/etc/a"] {
        let refused = server
            .add_artifacts(&session, &[artifact(name, b"1")])
            .await;
        assert!(
            matches!(refused, Err(Error::ArtifactRejected { .. })),
            "{name}: {refused:?}"
        );
    }
    damaged_is_reported_by_spark(fixture, &session).await;
    server.release(&session).await.expect("released");
}

/// What [`Error::ArtifactCorrupt`] rests on: Spark compares checksums, and says so in an answer that is no error.
async fn damaged_is_reported_by_spark(fixture: &Fixture, session: &SessionRef) {
    let address = format!("http://127.0.0.1:{}", fixture.grpc_port());
    let mut client = SparkConnectServiceClient::connect(address)
        .await
        .expect("a connection");
    let chunk = ArtifactChunk {
        data: "2".into(),
        crc: 5,
    };
    let damaged = SingleChunkArtifact {
        name: "files/b".to_owned(),
        data: Some(chunk),
    };
    let user = session.user.clone();
    let message = AddArtifactsRequest {
        session_id: session.session_id.to_string(),
        user_context: Some(UserContext {
            user_id: user.clone(),
            user_name: user,
        }),
        payload: Some(Payload::Batch(Batch {
            artifacts: vec![damaged],
        })),
        ..AddArtifactsRequest::default()
    };
    let mut request = tonic::Request::new(futures::stream::iter([message]));
    let bearer = format!("Bearer {}", fixture.token().expect("a token"));
    request
        .metadata_mut()
        .insert("authorization", bearer.parse().expect("a header"));
    let answer = client
        .add_artifacts(request)
        .await
        .expect("an answer")
        .into_inner();
    assert!(!answer.artifacts[0].is_crc_successful, "{answer:?}");
}
