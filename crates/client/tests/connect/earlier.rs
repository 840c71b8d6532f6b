//! Spark 3.5, which knows neither tokens, nor an end of sessions, nor whether there is one.

use sparkconnect_client::connect::{ConnectBackend, ConnectConfig};
use sparkconnect_client::{File, SessionState, SparkClient, Waiting};
use sparkconnect_testkit::spark::{EARLIER, Options, SparkServer};

use super::{making, metrics_with_a_query, named, pyspark};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_3_5_does_what_3_5_can() {
    let server = SparkServer::start(EARLIER, Options::default()).expect("a Spark 3.5");
    let config = ConnectConfig {
        use_ssl: Some(false),
        user_id: Some("ada".to_owned()),
        ui: Some(("127.0.0.1".to_owned(), server.ui_port())),
        ..ConnectConfig::new(format!("sc://127.0.0.1:{}", server.grpc_port()))
    };
    let client = SparkClient::new(ConnectBackend::new(config).expect("a back end"));
    let mut request = named("demo");
    let shuffle = "spark.sql.shuffle.partitions";
    let setting = (shuffle.to_owned(), "7".to_owned());
    request.spark_conf.extend([setting]);
    let session = making(&client, request).await.expect("a session");
    assert_eq!(session.info.state, SessionState::Ready);
    assert_eq!(session.info.spark_version.as_deref(), Some(EARLIER));

    let id = session.connection.session_id.clone();
    let words = File {
        name: "files/words.txt".to_owned(),
        content: "one two".into(),
    };
    let uploaded = client.upload_artifacts(&id, vec![words]).await;
    uploaded.expect("an upload");
    let code =
        format!("print(spark.range(5).distinct().count(), spark.conf.get('{shuffle}'), end='')");
    let printed = pyspark(&server, &session.connection, &code).expect("PySpark in the session");
    assert_eq!(printed, "5 7");
    metrics_with_a_query(&client, &id, EARLIER).await;

    let seen = client.get_session_status(&id).await.expect("a status");
    assert_eq!(seen.state, SessionState::Unknown);
    assert!(seen.message.expect("a reason").contains("3.5"));
    let opened = client.open_session(&id, &Waiting::default()).await;
    assert_eq!(opened.expect("the same").info.state, SessionState::Unknown);
    client.close_session(&id).await.expect("an end");
    let seen = client.get_session_status(&id).await.expect("a status");
    assert_eq!(seen.state, SessionState::Closed);
    assert!(seen.message.expect("a reason").contains("an hour"));
}
