//! What the real Livy refuses, and what becomes of it: some by what is asked of it, some as a proxy spoils what is asked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use sparkconnect_client::livy::LivyConfig;
use sparkconnect_client::{ApplicationRequest, Category, Error, SparkClient};

use crate::fixture::{client, config, over, program, shared};
use crate::proxy::{Proxy, Turn};

fn file(name: &str, path: &str) -> ApplicationRequest {
    ApplicationRequest {
        name: name.to_owned(),
        main_file: path.to_owned(),
        ..ApplicationRequest::default()
    }
}

async fn refused(client: &SparkClient, request: ApplicationRequest) -> Error {
    client.submit_application(request).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once() {
    let client = client();
    let request = program("once", "pass");
    client
        .submit_application(request.clone())
        .await
        .expect("it is taken");
    let error = refused(&client, request).await;
    assert_eq!(error.category(), Category::AlreadyExists, "{error}");
    client.get_status("once").await.expect("it is still there");
    let error = refused(&client, file("77", "/a.py")).await;
    assert_eq!(error.category(), Category::InvalidInput, "{error}");
    assert!(error.hint_text().unwrap().contains("digits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_livy_refuses_leaves_nothing_behind() {
    let client = client();
    for (name, path, hint) in [
        ("outside", "/etc/hosts", "whitelist"),
        ("relative", "a.py", "path in full"),
    ] {
        let error = refused(&client, file(name, path)).await;
        assert_eq!(error.category(), Category::InvalidInput, "{error}");
        assert!(error.to_string().contains(path), "{error}");
        assert!(error.hint_text().unwrap().contains(hint), "{error:?}");
        let gone = client.get_status(name).await.unwrap_err();
        assert_eq!(gone.category(), Category::NotFound, "{gone}");
    }
    let error = refused(&client, file("", "a.py")).await;
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("without a name"), "{hint}");
}

/// The batches without a name, as Livy itself lists them at once.
fn nameless() -> Vec<String> {
    let mut livy = TcpStream::connect(("127.0.0.1", shared().port())).expect("Livy runs");
    livy.write_all(b"GET /batches?from=0&size=10000 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    livy.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let batches = body["sessions"].as_array().expect("batches").iter();
    let nameless = batches.filter(|batch| batch["name"].is_null());
    nameless.map(|batch| batch["id"].to_string()).collect()
}

/// Livy keeps an entry without a name of what it refuses, so that there soon are more than the 200 of two pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_all_pages() {
    let client = client();
    for _ in 0..215 {
        refused(&client, file("", "a.py")).await;
    }
    let kept = nameless();
    assert!(kept.len() > 200, "{}", kept.len());
    let listed = client.list_applications().await.expect("a list");
    let listed = listed.iter().filter(|listed| listed.name.is_none());
    let mut ids: Vec<_> = listed.map(|listed| listed.id.clone()).collect();
    let missing: Vec<_> = kept.iter().filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    // Livy refuses it for its name, and the entry of that number stays what it is: it is there to be deleted.
    refused(&client, file(&ids[0], "/a.py")).await;
    for id in ids {
        client.delete_application(&id).await.expect("it is deleted");
    }
}

async fn spoiled(turn: Turn) -> Error {
    let proxy = Proxy::start(turn, None).await;
    let request = program("spoiled", "pass");
    let error = refused(&proxy.client(), request).await;
    assert!(error.hint_text().is_some(), "{error}");
    assert!(!error.to_string().contains(['<', '\n']), "{error}");
    error
}

fn other_body(request: Request<Bytes>, body: &'static str) -> Request<Bytes> {
    if request.method() == Method::POST {
        request.map(|_| Bytes::from_static(body.as_bytes()))
    } else {
        request
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_against_cross_site_requests_is_understood() {
    let error = spoiled(|mut request| {
        request.headers_mut().remove("x-requested-by");
        Ok(request)
    })
    .await;
    assert_eq!(error.category(), Category::PermissionDenied, "{error}");
    assert!(error.to_string().contains("X-Requested-By"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_is_a_bare_text_is_understood() {
    for (turn, told) in [
        (
            (|request| Ok(other_body(request, "{"))) as Turn,
            "Unexpected end-of-input",
        ),
        (|request| Ok(other_body(request, r#"{"nope": 1}"#)), "nope"),
        (
            |request| Ok(other_body(request, r#"{"file": [1]}"#)),
            "java.lang.String",
        ),
    ] {
        let error = spoiled(turn).await;
        assert_eq!(error.category(), Category::InvalidInput, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_livys_api_is_told_from_it() {
    let error = spoiled(|mut request| {
        *request.method_mut() = Method::PUT;
        Ok(request)
    })
    .await;
    assert_eq!(error.category(), Category::Protocol, "{error}");
    assert!(error.to_string().contains("405"), "{error}");

    // The batch named `batches`, which there is not, is an answer of Livy's; a path that it does not have is none.
    let below = |path: &str| {
        over(&config(format!(
            "http://127.0.0.1:{}{path}",
            shared().port()
        )))
    };
    let error = below("/nowhere").list_applications().await.unwrap_err();
    assert_eq!(error.category(), Category::Protocol, "{error}");
    let login = Proxy::start(|_| Err(StatusCode::OK), None).await;
    let error = login.client().list_applications().await.unwrap_err();
    assert_eq!(error.category(), Category::Protocol, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reading_is_tried_again() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let proxy = Proxy::start(
        |request| match ASKED.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(StatusCode::BAD_GATEWAY),
            _ => Ok(request),
        },
        None,
    )
    .await;
    let client = proxy.client();
    let error = client.get_status("nobody").await.unwrap_err();
    let answered = error.category() == Category::NotFound;
    assert!(answered, "the third is Livy's answer: {error}");
    assert_eq!(ASKED.swap(0, Ordering::SeqCst), 3);
    let error = refused(&client, program("tried", "pass")).await;
    assert_eq!(error.category(), Category::Unavailable, "{error}");
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let client = over(&config(format!("http://{address}")));
    let error = client.list_applications().await.unwrap_err();
    assert_eq!(error.category(), Category::Unavailable);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.hint_text().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_told_and_what_it_may_hide() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let client = over(&LivyConfig {
        timeout: Duration::from_millis(100),
        ..LivyConfig::new(url)
    });
    let error = client.list_applications().await.unwrap_err();
    assert_eq!(error.category(), Category::Unavailable, "{error}");
    let error = refused(&client, file("silent", "/a.py")).await;
    assert_eq!(error.category(), Category::TimedOut, "{error}");
    assert!(error.hint_text().unwrap().contains("may have done it"));
}
