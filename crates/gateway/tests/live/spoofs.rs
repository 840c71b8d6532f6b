//! Calls that pretend to be somebody else's.

use prost::Message;
use sparkconnect_gateway::rpc::ALL;
use sparkconnect_proto::spark::connect::config_request::{Get, Operation, Set, operation::OpType};
use sparkconnect_proto::spark::connect::{
    AddArtifactsRequest, ConfigRequest, ConfigResponse, KeyValue, UserContext,
};

use crate::raw::{Answered, Raw, framed};
use crate::{Client, Gateway, spark};

const KEY: &str = "spark.app.name";
const VERSION: &str = "4.1.4";

fn config(session: &str, user: &str, operation: OpType) -> ConfigRequest {
    ConfigRequest {
        session_id: session.to_owned(),
        user_context: Some(UserContext {
            user_id: user.to_owned(),
            user_name: user.to_owned(),
        }),
        operation: Some(Operation {
            op_type: Some(operation),
        }),
        ..ConfigRequest::default()
    }
}

fn set(session: &str, user: &str, value: &str) -> Vec<u8> {
    let pairs = vec![KeyValue {
        key: KEY.to_owned(),
        value: Some(value.to_owned()),
    }];
    config(
        session,
        user,
        OpType::Set(Set {
            pairs,
            ..Set::default()
        }),
    )
    .encode_to_vec()
}

fn get(session: &str, user: &str) -> Vec<u8> {
    let keys = vec![KEY.to_owned()];
    config(session, user, OpType::Get(Get { keys })).encode_to_vec()
}

fn value(answer: &Answered) -> String {
    assert_eq!(answer.status, Some(0), "{answer:?}");
    let response = ConfigResponse::decode(&answer.body[5..]).expect("a message");
    response.pairs[0].value.clone().unwrap_or_default()
}

/// Two users of one server, each with a setting of their own, and a connection.
async fn two() -> (Gateway, Raw, Client, Client) {
    let gateway = Gateway::start().await;
    let (ada, eve) = (
        gateway.session("ada", spark(VERSION)),
        gateway.session("eve", spark(VERSION)),
    );
    let mut raw = gateway.raw().await;
    for (client, user) in [(&ada, "ada"), (&eve, "eve")] {
        let answer = raw
            .call(
                "Config",
                &client.token,
                &[&framed(&set(&client.id, user, user))],
            )
            .await;
        assert_eq!(answer.status, Some(0), "{answer:?}");
        assert!(!answer.id.is_empty(), "every answer has its id: {answer:?}");
    }
    (gateway, raw, ada, eve)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_its_tokens_users_whatever_it_says() {
    let (_gateway, mut raw, ada, eve) = two().await;
    let answer = raw
        .call("Config", &eve.token, &[&framed(&get(&eve.id, "ada"))])
        .await;
    assert_eq!(
        value(&answer),
        "eve",
        "the user that it claims is not asked for"
    );
    let mut nobody = config(
        &ada.id,
        "",
        OpType::Get(Get {
            keys: vec![KEY.to_owned()],
        }),
    );
    nobody.user_context = None;
    let answer = raw
        .call("Config", &ada.token, &[&framed(&nobody.encode_to_vec())])
        .await;
    assert_eq!(value(&answer), "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_another_session_is_refused_however_it_names_it() {
    let (gateway, mut raw, ada, eve) = two().await;
    let (own, theirs) = (get(&eve.id, "eve"), get(&ada.id, "ada"));
    let id = |id: &str| {
        ConfigRequest {
            session_id: id.to_owned(),
            ..ConfigRequest::default()
        }
        .encode_to_vec()
    };
    let swallowing = [&theirs[..], &[0x9a, 0x3f, 100]].concat();
    let group = [&theirs[..], &[0x9b, 0x3f]].concat();
    let mut padding = vec![];
    prost::encoding::string::encode(100, &"x".repeat(500), &mut padding);
    let cases = [
        ("different", theirs.clone()),
        (
            "missing",
            config("", "eve", OpType::Get(Get::default())).encode_to_vec(),
        ),
        (
            "twice, the last one theirs",
            [own.clone(), id(&ada.id)].concat(),
        ),
        (
            "twice, the first one theirs",
            [id(&ada.id), own.clone()].concat(),
        ),
        ("late", [&padding[..], &theirs].concat()),
        ("with a field that swallows the gateway's", swallowing),
        (
            "in a group that swallows the gateway's",
            [&own[..], &group].concat(),
        ),
    ];
    for (what, bytes) in &cases {
        let whole = framed(bytes);
        let single: Vec<&[u8]> = whole.chunks(1).collect();
        for frames in [vec![&whole[..]], single] {
            let answer = raw.call("Config", &eve.token, &frames).await;
            // Which of its faults is seen first depends on the pieces that it comes in.
            assert!(matches!(answer.status, Some(3 | 7)), "{what}: {answer:?}");
        }
    }
    let mut compressed = framed(&own);
    compressed[0] = 1;
    let answer = raw.call("Config", &eve.token, &[&compressed]).await;
    assert_eq!(answer.status, Some(12), "{answer:?}");
    let counted = gateway.ledger.of(&ada.id).expect("her own call");
    assert_eq!(counted.queries, 0);
    let answer = raw.call("Config", &ada.token, &[&framed(&theirs)]).await;
    assert_eq!(value(&answer), "ada", "nothing of it reached her session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_message_of_a_stream_cannot_be_another_sessions() {
    let (_gateway, mut raw, ada, eve) = two().await;
    let empty = |session: &str| {
        let request = AddArtifactsRequest {
            session_id: session.to_owned(),
            ..AddArtifactsRequest::default()
        };
        framed(&request.encode_to_vec())
    };
    let frames = [empty(&eve.id), empty(&ada.id)].concat();
    let answer = raw.call("AddArtifacts", &eve.token, &[&frames]).await;
    assert_eq!(answer.status, Some(7), "{answer:?}");
    assert!(answer.message.contains(&ada.id), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_gets_nowhere() {
    let (_gateway, mut raw, ada, _) = two().await;
    let bytes = framed(&get(&ada.id, "ada"));
    let grpc = ("content-type", "application/grpc");
    let own = format!("Bearer {}", ada.token);
    let servers = format!("Bearer {}", crate::SERVER_TOKEN);
    for headers in [
        vec![grpc],
        vec![grpc, ("authorization", "Bearer nobody")],
        vec![grpc, ("authorization", &servers)],
        vec![
            grpc,
            ("authorization", &own),
            ("authorization", "Bearer nobody"),
        ],
    ] {
        let answer = raw.send("Config", &headers, &[&bytes]).await;
        assert_eq!(answer.status, Some(16), "{headers:?}: {answer:?}");
    }
    let answer = raw
        .send("Drop", &[grpc, ("authorization", &own)], &[&bytes])
        .await;
    assert_eq!(answer.status, Some(12), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_reaches_another_users_session() {
    let (gateway, mut raw, ada, eve) = two().await;
    let before = gateway.ledger.of(&ada.name.to_string());
    let bytes = framed(&get(&ada.id, "ada"));
    for rpc in ALL {
        let (_, method) = rpc.path().rsplit_once('/').expect("a path");
        let answer = raw.call(method, &eve.token, &[&bytes]).await;
        assert_eq!(answer.status, Some(7), "{method}: {answer:?}");
        assert!(answer.message.contains(&eve.id), "{method}: {answer:?}");
    }
    let after = gateway.ledger.of(&ada.name.to_string());
    assert_eq!(before, after, "nothing of it was hers");
}
