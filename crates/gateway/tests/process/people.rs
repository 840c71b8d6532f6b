//! Callers whom the cluster knows: their ServiceAccount's token, RBAC, and the sessions that are made for them.

use serde_json::{Value, json};
use sparkconnect_testkit::apiserver::ApiServer;

use crate::{Answered, Process, api_server, apply, demo, kubectl, start, tell, until_called};

pub(crate) const FIRST: &str = "0f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
const SECOND: &str = "1f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
const THIRD: &str = "2f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
const SERVER: Option<&str> = Some("default/demo");

/// A token of a new ServiceAccount for an audience.
pub(crate) fn token(api: &ApiServer, name: &str, audience: &str) -> String {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "default"},
    });
    apply(api, &account);
    let audience = format!("--audience={audience}");
    kubectl(api, &["create", "token", name, &audience])
        .trim()
        .to_owned()
}

/// Lets `account` use the server `demo`.
pub(crate) fn grant(api: &ApiServer, account: &str) {
    let role = [
        "create",
        "role",
        "connect",
        "--verb=connect",
        "--resource=sparkconnectservers.sparkconnect.dev",
    ];
    if kubectl(api, &["get", "roles", "--output=name"]).is_empty() {
        kubectl(api, &[&role[..], &["--resource-name=demo"]].concat());
    }
    let binding = format!("connect-{account}");
    let account = format!("--serviceaccount=default:{account}");
    kubectl(
        api,
        &[
            "create",
            "rolebinding",
            &binding,
            "--role=connect",
            &account,
        ],
    );
}

/// The sessions of a user that the gateway made.
pub(crate) fn made(api: &ApiServer, user: &str) -> Vec<Value> {
    let all = kubectl(
        api,
        &[
            "get",
            "sparksessions",
            "--selector=sparkconnect.dev/ad-hoc=true",
            "--output=json",
        ],
    );
    let all: Value = serde_json::from_str(&all).expect("JSON");
    let all = all["items"].as_array().cloned().unwrap_or_default();
    all.into_iter()
        .filter(|session| session["spec"]["user"] == user)
        .collect()
}

fn refused(answer: &Answered, status: u16, text: &str) {
    assert!(answer.body.is_empty(), "{answer:?}");
    assert!(
        answer.status == Some(status) && answer.message.contains(text),
        "{status} {text}: {answer:?}"
    );
}

/// Has the sessions of `user` say that they are ready, as the operator would, until `answer` comes.
pub(crate) async fn answered(
    api: &ApiServer,
    user: &str,
    answer: impl Future<Output = Answered>,
) -> Answered {
    let mut answer = std::pin::pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                for session in made(api, user).iter().filter(|session| session["status"]["phase"].is_null()) {
                    tell(api, session["metadata"]["name"].as_str().unwrap_or_default(), "Ready", "serves");
                }
            }
        }
    }
}

async fn up(process: &Process, token: &str) {
    until_called(
        || process.call("Config", token, FIRST, None),
        "the gateway",
        |answer| answer.status.is_some(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_the_cluster_knows_gets_a_session_where_rbac_lets_them() {
    let api = api_server();
    apply(&api, &demo());
    let (ada, eve) = (
        token(&api, "ada", "sparkconnect"),
        token(&api, "eve", "sparkconnect"),
    );
    let elsewhere = token(&api, "ada", "other");
    let process = start(&api, &[]);
    up(&process, &ada).await;
    let call = |token, session, server| process.call("Config", token, session, server);

    refused(
        &call(&elsewhere, FIRST, SERVER).await,
        16,
        "audience sparkconnect",
    );
    refused(&call("a.b.c", FIRST, SERVER).await, 16, "not valid");
    refused(&call(&ada, FIRST, None).await, 3, "x-sparkconnect-server");
    refused(&call(&ada, FIRST, SERVER).await, 7, "`connect`");
    refused(
        &call(&ada, FIRST, Some("default/none")).await,
        7,
        "`connect`",
    );
    let none = made(&api, "system:serviceaccount:default:ada");
    assert!(none.is_empty(), "{none:?}");

    grant(&api, "ada");
    let poll = || process.call("GetStatus", &ada, FIRST, SERVER);
    let answer = until_called(poll, "the grant", |answer| answer.status != Some(7)).await;
    refused(&answer, 5, "no session");
    let user = "system:serviceaccount:default:ada";
    let answer = answered(&api, user, call(&ada, FIRST, SERVER)).await;
    refused(&answer, 14, "replica demo-0 does not answer");
    let sessions = made(&api, user);
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let spec = &sessions[0]["spec"];
    assert_eq!(
        (&spec["server"], &spec["sessionId"]),
        (&json!("demo"), &json!(FIRST))
    );
    assert_eq!(spec["retention"], "1h");
    // It is found by its id alone now, and it is hers alone: the same id is another session for somebody else.
    refused(
        &call(&ada, FIRST, None).await,
        14,
        "replica demo-0 does not answer",
    );
    refused(&call(&eve, FIRST, None).await, 3, "x-sparkconnect-server");
    refused(&call(&eve, FIRST, SERVER).await, 7, "`connect`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_sessions_at_a_time_and_valid_ones() {
    let api = api_server();
    apply(&api, &demo());
    let ada = token(&api, "ada", "sparkconnect");
    let user = "system:serviceaccount:default:ada";
    grant(&api, "ada");
    let process = start(&api, &["--max-sessions-per-user=2"]);
    up(&process, &ada).await;
    let call = |session, server| process.call("Config", &ada, session, server);
    let wrong = || call("NOT-A-UUID", SERVER);
    let answer = until_called(wrong, "the grant", |answer| answer.status != Some(7)).await;
    refused(&answer, 9, "sessionId must be a UUID");

    for session in [FIRST, SECOND] {
        let made = answered(&api, user, call(session, SERVER)).await;
        refused(&made, 14, "does not answer");
    }
    let sessions = made(&api, user);
    let first = sessions
        .iter()
        .find(|session| session["spec"]["sessionId"] == FIRST);
    let first = first.expect("the first")["metadata"]["name"].clone();
    refused(&call(THIRD, SERVER).await, 8, "limit is 2");
    tell(
        &api,
        first.as_str().expect("a name"),
        "Closed",
        "was released by its client",
    );
    let ended = || call(FIRST, None);
    let answer = until_called(ended, "its end", |answer| answer.status == Some(9)).await;
    refused(&answer, 9, "was released by its client");
    refused(
        &answered(&api, user, call(THIRD, SERVER)).await,
        14,
        "does not answer",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_new_is_let_in_while_the_api_server_is_away() {
    let api = api_server();
    apply(&api, &demo());
    let (ada, eve) = (
        token(&api, "ada", "sparkconnect"),
        token(&api, "eve", "sparkconnect"),
    );
    grant(&api, "ada");
    let process = start(&api, &["--session-timeout=1s"]);
    up(&process, &ada).await;
    let waits = process.call("Config", &ada, FIRST, SERVER).await;
    refused(&waits, 14, "the operator has not seen it yet");
    let user = "system:serviceaccount:default:ada";
    let poll = || process.call("Config", &ada, FIRST, SERVER);
    answered(&api, user, async {
        until_called(poll, "her session", |answer| {
            answer.message.contains("demo-0")
        })
        .await
    })
    .await;
    drop(api);
    refused(
        &process.call("Config", &eve, FIRST, SERVER).await,
        14,
        "who you are",
    );
    // Whom it knew, it knows for a while, and what was there stays.
    refused(
        &process.call("Config", &ada, FIRST, SERVER).await,
        14,
        "demo-0 does not answer",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_of_the_issuer_is_who_it_says() {
    let (api, issuer) = (
        api_server(),
        ApiServer::start().expect("another API server"),
    );
    apply(&api, &demo());
    let public = [
        "create",
        "clusterrolebinding",
        "public-keys",
        "--clusterrole=system:service-account-issuer-discovery",
        "--group=system:unauthenticated",
    ];
    kubectl(&issuer, &public);
    let robot = token(&issuer, "robot", "spark");
    let process = start(
        &api,
        &[
            &format!("--oidc-issuer={}", issuer.url()),
            "--oidc-audience=spark",
            "--oidc-username-prefix=corp:",
            &format!(
                "--oidc-ca-file={}",
                issuer.folder().join("ca.crt").display()
            ),
        ],
    );
    up(&process, &robot).await;
    let call = |token, server| process.call("Config", token, FIRST, server);
    let elsewhere = token(&issuer, "robot", "other");
    refused(&call(&elsewhere, SERVER).await, 16, "not valid");
    let user = "corp:system:serviceaccount:default:robot";
    refused(&call(&robot, SERVER).await, 7, user);
    let role = [
        "create",
        "role",
        "connect",
        "--verb=connect",
        "--resource=sparkconnectservers.sparkconnect.dev",
    ];
    kubectl(&api, &role);
    let whom = format!("--user={user}");
    kubectl(
        &api,
        &["create", "rolebinding", "robot", "--role=connect", &whom],
    );
    let poll = || process.call("GetStatus", &robot, FIRST, SERVER);
    until_called(poll, "the grant", |answer| answer.status == Some(5)).await;
    let answer = answered(&api, user, call(&robot, SERVER)).await;
    refused(&answer, 14, "replica demo-0 does not answer");
    assert_eq!(made(&api, user).len(), 1);
}
