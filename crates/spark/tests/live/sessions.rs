//! Probe, version, and the life of a session.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use sparkconnect_spark::{
    Artifact, Endpoint, Error, Existence, OperationState, SessionRef, SparkServer, Token,
};
use sparkconnect_testkit::command;
use sparkconnect_testkit::spark::SparkServer as Fixture;

use crate::{client, endpoint, eventually, fresh, on_every_version, program, start};

on_every_version!(
    a_healthy_server_passes_the_probe,
    a_wrong_token_is_told_apart,
    the_ui_port_is_not_a_spark_connect_server,
    the_version_is_told,
    creating_twice_gives_the_same_session,
    settings_are_set_read_and_given_back,
    refused_settings_are_named,
    only_create_makes_a_session,
    a_released_session_is_closed_for_ever,
    a_running_query_is_interrupted,
    operations_are_told_where_spark_can,
);

async fn a_healthy_server_passes_the_probe(fixture: &Fixture) {
    client(fixture).probe().await.expect("a healthy server");
}

async fn a_wrong_token_is_told_apart(fixture: &Fixture) {
    for token in [None, Some(Token::new("wrong"))] {
        let server = SparkServer::new(&Endpoint {
            token,
            ..endpoint(fixture)
        })
        .expect("a client");
        let refused = server.probe().await;
        assert!(
            matches!(refused, Err(Error::Unauthenticated)),
            "{refused:?}"
        );
    }
}

async fn the_ui_port_is_not_a_spark_connect_server(fixture: &Fixture) {
    let endpoint = Endpoint {
        grpc_port: fixture.ui_port(),
        ..endpoint(fixture)
    };
    let server = SparkServer::new(&endpoint).expect("a client");
    // A connection that ends before the call was sent tells nothing of who is there.
    eventually(async || match server.probe().await {
        Err(Error::NotSparkConnect { .. }) => Ok(()),
        Err(Error::Unreachable { message, .. }) => Err(message),
        other => panic!("{other:?}"),
    })
    .await;
}

async fn the_version_is_told(fixture: &Fixture) {
    let version = client(fixture)
        .version("operator")
        .await
        .expect("a version");
    assert_eq!(version, fixture.home().version());
}

async fn creating_twice_gives_the_same_session(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    let name = [("spark.app.name".to_owned(), "my notebook".to_owned())];
    let first = server.create(&session, &name).await.expect("a session");
    let second = server
        .create(&session, &[])
        .await
        .expect("the same session");
    assert_eq!(first, second);
    let observed = session.clone().observed(&first);
    let alive = Existence::Alive {
        server_side_session_id: first,
    };
    assert_eq!(server.exists(&session).await.expect("an answer"), alive);
    assert_eq!(server.exists(&observed).await.expect("an answer"), alive);
    assert_eq!(
        get(&server, &session, "spark.app.name").await.as_deref(),
        Some("my notebook")
    );
    server.release(&session).await.expect("released");
}

async fn get(server: &SparkServer, session: &SessionRef, key: &str) -> Option<String> {
    let values = server
        .get_conf(session, &[key.to_owned()])
        .await
        .expect("an answer");
    values.into_iter().next().flatten()
}

async fn settings_are_set_read_and_given_back(fixture: &Fixture) {
    const KEY: &str = "spark.sql.shuffle.partitions";
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let before = get(&server, &session, KEY).await;
    let settings = [
        (KEY.to_owned(), "7".to_owned()),
        ("team.owner".to_owned(), "anna".to_owned()),
    ];
    server.set_conf(&session, &settings).await.expect("set");
    assert_eq!(get(&server, &session, KEY).await.as_deref(), Some("7"));
    assert_eq!(
        get(&server, &session, "team.owner").await.as_deref(),
        Some("anna")
    );
    server
        .unset_conf(&session, &[KEY.to_owned(), "never.set".to_owned()])
        .await
        .expect("unset");
    assert_eq!(get(&server, &session, KEY).await, before);
    assert_eq!(get(&server, &session, "never.set").await, None);
    server.release(&session).await.expect("released");
}

async fn refused_settings_are_named(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    for (key, value) in [
        ("spark.sql.warehouse.dir", "/elsewhere"),
        ("spark.executor.memory", "1g"),
        ("spark.sql.shuffle.partitions", "many"),
        ("spark.sql.shuffle.partitions", "-1"),
    ] {
        let settings = [("team.owner", "anna"), (key, value)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        match server.set_conf(&session, &settings).await {
            Err(Error::ConfRejected { key: named, .. }) => assert_eq!(named.as_deref(), Some(key)),
            other => panic!("{key}={value} gave {other:?}"),
        }
        assert_eq!(
            get(&server, &session, "team.owner").await.as_deref(),
            Some("anna")
        );
    }
    let refused = server
        .unset_conf(&session, &["spark.executor.memory".to_owned()])
        .await;
    assert!(
        matches!(refused, Err(Error::ConfRejected { .. })),
        "{refused:?}"
    );
    server.release(&session).await.expect("released");
}

async fn only_create_makes_a_session(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    let key = "spark.sql.shuffle.partitions".to_owned();
    let artifact = Artifact {
        name: "files/a".to_owned(),
        content: "a".into(),
    };
    let attempts = [
        server
            .set_conf(&session, &[(key.clone(), "1".to_owned())])
            .await
            .err(),
        server
            .unset_conf(&session, std::slice::from_ref(&key))
            .await
            .err(),
        server.get_conf(&session, &[key]).await.err(),
        server.add_artifacts(&session, &[artifact]).await.err(),
        server.interrupt_all(&session).await.err(),
        server
            .create(&session.clone().observed("before"), &[])
            .await
            .err(),
    ];
    for refused in attempts {
        assert!(
            matches!(refused, Some(Error::SessionNotFound)),
            "{refused:?}"
        );
    }
    server
        .release(&session)
        .await
        .expect("releasing nothing is no error");
    assert_eq!(
        server.exists(&session).await.expect("an answer"),
        Existence::NotFound
    );
}

async fn a_released_session_is_closed_for_ever(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    server.release(&session).await.expect("released");
    server.release(&session).await.expect("released again");
    assert_eq!(
        server.exists(&session).await.expect("an answer"),
        Existence::Closed
    );
    let refused = server.create(&session, &[]).await;
    assert!(matches!(refused, Err(Error::SessionClosed)), "{refused:?}");
}

async fn a_running_query_is_interrupted(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let mut python = program(fixture, &session, "long_query.py");
    let mut python = python
        .stdout(Stdio::piped())
        .spawn()
        .expect("PySpark starts");
    let mut output = BufReader::new(python.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "running\n");
    let stopped = eventually(async || match server.interrupt_all(&session).await {
        Ok(ids) if !ids.is_empty() => Ok(ids),
        other => Err(format!("nothing to interrupt: {other:?}")),
    })
    .await;
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("the rest");
    assert!(python.wait().expect("an end").success());
    assert_eq!(rest, "interrupted\n");
}

async fn operations_are_told_where_spark_can(fixture: &Fixture) {
    let (server, session) = (client(fixture), fresh());
    server.create(&session, &[]).await.expect("a session");
    let none = server.status(&session).await;
    if ["4.0.5", "4.1.4"].contains(&fixture.home().version()) {
        assert!(
            matches!(none, Err(Error::Unsupported { call: "GetStatus" })),
            "{none:?}"
        );
        return;
    }
    assert_eq!(none.expect("an answer"), []);
    command::output(&mut program(fixture, &session, "two_queries.py")).expect("PySpark ends well");
    // One that failed is shown as terminating for good if its client let go of it in that moment.
    eventually(async || {
        let states = server.status(&session).await.expect("an answer");
        let count = |state| states.iter().filter(|(_, it)| *it == state).count();
        let failed = count(OperationState::Failed) + count(OperationState::Terminating);
        let told = failed == 1 && count(OperationState::Succeeded) >= 1;
        told.then_some(()).ok_or_else(|| format!("{states:?}"))
    })
    .await;
}

/// A server that forgot everything: the observed session is not silently made anew, and one made anew by somebody else is
/// told apart.
async fn a_restart_is_noticed(version: &str) {
    let mut fixture = start(version);
    let (server, session) = (client(&fixture), fresh());
    let first = server.create(&session, &[]).await.expect("a session");
    let observed = session.clone().observed(first);
    fixture.restart().expect("a restarted server");
    let gone = eventually(async || {
        server
            .exists(&observed)
            .await
            .map_err(|error| format!("not back: {error}"))
    })
    .await;
    assert_eq!(gone, Existence::NotFound);
    let refused = server.create(&observed, &[]).await;
    assert!(
        matches!(refused, Err(Error::SessionNotFound)),
        "{refused:?}"
    );
    let second = server.create(&session, &[]).await.expect("made anew");
    let changed = Existence::Changed {
        server_side_session_id: second,
    };
    assert_eq!(server.exists(&observed).await.expect("an answer"), changed);
    let refused = server.set_conf(&observed, &[]).await;
    assert!(matches!(refused, Err(Error::SessionChanged)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_noticed_on_the_oldest() {
    a_restart_is_noticed("4.0.5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_noticed_on_the_newest() {
    a_restart_is_noticed("4.3.0").await;
}
