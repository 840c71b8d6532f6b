use prost::Message;
use sparkconnect_proto::spark::connect::{ConfigRequest, UserContext};

use super::*;

#[test]
fn it_wins_over_what_stands_before_it() {
    let client = ConfigRequest {
        session_id: "theirs".to_owned(),
        user_context: Some(UserContext {
            user_id: "eve".to_owned(),
            user_name: "Eve".to_owned(),
        }),
        client_observed_server_side_session_id: Some("old".to_owned()),
        ..ConfigRequest::default()
    };
    let user = "ada@example.com/".repeat(15); // longer than one byte of length can tell
    let bytes = [
        &client.encode_to_vec()[..],
        &suffix("ours", &user, Some((8, "made"))),
    ]
    .concat();
    let read = ConfigRequest::decode(&bytes[..]).unwrap();
    assert_eq!(read.session_id, "ours");
    let context = read.user_context.unwrap();
    assert_eq!((&context.user_id, &context.user_name), (&user, &user));
    assert_eq!(
        read.client_observed_server_side_session_id.as_deref(),
        Some("made")
    );
}
