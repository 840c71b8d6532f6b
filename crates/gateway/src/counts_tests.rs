use sparkconnect_proto::spark::connect::add_artifacts_response::ArtifactSummary;
use tonic_types::ErrorDetails;

use super::*;

fn status(status: &Status) -> HeaderMap {
    let mut headers = HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    headers
}

fn of_class(class: &str) -> Status {
    let metadata = [("errorClass".to_owned(), class.to_owned())];
    let details = ErrorDetails::with_error_info("x", "org.apache.spark", metadata);
    Status::with_error_details(Code::Internal, "told", details)
}

fn head() -> HeaderMap {
    HeaderMap::new()
}

#[test]
fn an_operation_counts_once_however_often_it_is_followed() {
    let ledger = Ledger::default();
    let mut first = ledger.begin("a", Rpc::ExecutePlan);
    first.answered(Some("op"), &head());
    assert_eq!(ledger.of("a").unwrap().running, 1);
    first.ended(&status(&Status::unavailable("cut")));
    drop(first);
    for _ in 0..2 {
        let mut again = ledger.begin("a", Rpc::ReattachExecute);
        again.answered(Some("op"), &head());
        again.ended(&status(&Status::internal("division by zero")));
    }
    let mut more = ledger.begin("a", Rpc::ExecutePlan);
    more.answered(Some("op"), &head());
    drop(more);
    for class in ["OPERATION_CANCELED", "INVALID_HANDLE.OPERATION_NOT_FOUND"] {
        let mut other = ledger.begin("a", Rpc::ReattachExecute);
        other.answered(Some(class), &status(&of_class(class)));
    }
    let counts = ledger.of("a").unwrap();
    assert_eq!((counts.queries, counts.failed, counts.running), (1, 1, 0));
}

#[test]
fn a_plan_that_no_server_took_is_none() {
    let ledger = Ledger::default();
    for refused in [
        of_class("INVALID_HANDLE.SESSION_CLOSED"),
        Status::unauthenticated("who"),
        Status::unavailable("not now"),
    ] {
        let mut call = ledger.begin("a", Rpc::ExecutePlan);
        call.answered(Some(refused.message()), &status(&refused));
    }
    let counts = ledger.of("a").unwrap();
    assert_eq!((counts.queries, counts.failed), (0, 0));
    let mut call = ledger.begin("a", Rpc::ExecutePlan);
    call.answered(Some("b"), &status(&of_class("PARSE_SYNTAX_ERROR")));
    drop(call);
    let counts = ledger.of("a").unwrap();
    assert_eq!((counts.queries, counts.failed), (1, 1));
}

#[test]
fn a_poll_is_no_activity() {
    let ledger = Ledger::default();
    drop(ledger.begin("a", Rpc::GetStatus));
    assert_eq!(ledger.of("a").unwrap(), Counts::default());
    assert_eq!(ledger.collect(0).sessions, []);
    drop(ledger.begin("a", Rpc::Config));
    assert!(ledger.of("a").unwrap().last_activity.is_some());
}

fn answer(successful: &[bool]) -> Vec<u8> {
    let summary = |&is_crc_successful: &bool| ArtifactSummary {
        name: "pyfiles/a.py".to_owned(),
        is_crc_successful,
    };
    let message = AddArtifactsResponse {
        artifacts: successful.iter().map(summary).collect(),
        ..AddArtifactsResponse::default()
    };
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message].concat()
}

#[test]
fn artifacts_are_those_that_the_answer_lists_as_taken() {
    let upload = |parts: &[&[u8]], end: Status| {
        let ledger = Ledger::default();
        let mut call = ledger.begin("a", Rpc::AddArtifacts);
        call.answered(None, &head());
        parts.iter().for_each(|part| call.passed(part));
        call.ended(&status(&end));
        drop(call);
        ledger.of("a").unwrap().artifacts
    };
    let three = answer(&[true, false, true, true]);
    let ok = || Status::ok("");
    assert_eq!(upload(&[&three], ok()), 3);
    let (one, two) = three.split_at(7);
    assert_eq!(upload(&[one, two], ok()), 3, "in pieces");
    assert_eq!(upload(&[&three], Status::internal("disk full")), 0);
    assert_eq!(upload(&[&three[..9]], ok()), 0, "cut");
    let many = answer(&vec![true; 5000]);
    assert!(many.len() > ARTIFACTS);
    assert_eq!(upload(&[&many], ok()), 0, "too long to be looked at");
}

#[test]
fn only_what_changed_is_told_and_nothing_is_left_out() {
    let ledger = Ledger::default();
    for number in 0..TOLD + 1 {
        drop(ledger.begin(&number.to_string(), Rpc::Config));
    }
    let first = ledger.collect(0);
    assert_eq!((first.sessions.len(), first.more), (TOLD, true));
    let second = ledger.collect(first.cursor);
    let uids = |collected: &Collected| -> Vec<String> {
        let sessions = collected.sessions.iter();
        sessions.map(|(uid, _)| uid.clone()).collect()
    };
    assert_eq!(uids(&second), [TOLD.to_string()]);
    assert!(!second.more);
    assert_eq!(ledger.collect(second.cursor).sessions, []);
    let call = ledger.begin("7", Rpc::ExecutePlan);
    let third = ledger.collect(second.cursor);
    assert_eq!(uids(&third), ["7"]);
    assert_eq!(third.sessions[0].1.running, 1);
    drop(call);
    assert_eq!(uids(&ledger.collect(third.cursor)), ["7"]);
    assert_eq!(ledger.collect(0).sessions.len(), TOLD, "from the beginning");
}

#[test]
fn a_session_that_is_gone_stays_until_it_could_be_collected() {
    let ledger = Ledger::default();
    drop(ledger.begin("a", Rpc::Config));
    ledger.forget("a");
    assert_eq!(ledger.collect(0).sessions.len(), 1);
    ledger.sweep(Duration::ZERO);
    assert_eq!(ledger.of("a"), None);
    drop(ledger.begin("first", Rpc::Config));
    ledger.forget("first");
    for number in 0..MOST_GONE {
        ledger.forget(&number.to_string());
    }
    assert_eq!(ledger.of("first"), None, "too many are gone");
}

#[tokio::test]
async fn the_end_waits_for_who_collects_and_for_nobody_else() {
    use futures::FutureExt;
    let ledger = Ledger::default();
    drop(ledger.begin("a", Rpc::Config));
    assert!(ledger.collected().now_or_never().is_some(), "nobody did");
    let told = ledger.collect(0);
    assert!(ledger.collected().now_or_never().is_none());
    ledger.collect(told.cursor);
    assert!(ledger.collected().now_or_never().is_some());
}
