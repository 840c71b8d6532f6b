//! Plain PySpark of every supported version through TLS, before real servers.

use std::time::Duration;

use sparkconnect_gateway::listen::ConnectionLimits;

use crate::{Gateway, call_limits, connection_limits, program, run, spark};

/// All that a client does, on a server.
async fn everything(client: &str, server: &'static str) {
    let gateway = Gateway::start().await;
    let ada = gateway.session("ada", spark(server));
    let mut python = gateway.python(client, &ada);
    python.arg(program("client.py"));
    let told = run(python).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(told.contains("all done"), "{told}");
    let counts = gateway.ledger.of(&ada.id).expect("it was there");
    assert!(counts.queries > 5, "{counts:?}");
    assert_eq!((counts.failed, counts.running), (2, 0), "{counts:?}");
    assert!(counts.artifacts >= 2, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pyspark_3_5() {
    everything("3.5.9", "4.0.5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pyspark_4_0() {
    everything("4.0.5", "4.0.5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pyspark_4_1() {
    everything("4.1.4", "4.1.4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pyspark_4_2() {
    everything("4.2.1", "4.3.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pyspark_4_3() {
    everything("4.3.0", "4.3.0").await;
}

/// The query goes on through the old gateway, what comes after it through the new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_runs_ends_well_when_the_gateway_is_replaced() {
    replaced_during_a_query(connection_limits()).await;
}

/// The connection is cut while the query runs: PySpark goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_connection_is_cut_goes_on() {
    let limits = ConnectionLimits {
        grace: Duration::ZERO,
        ..connection_limits()
    };
    replaced_during_a_query(limits).await;
}

async fn replaced_during_a_query(limits: ConnectionLimits) {
    let gateway = Gateway::with(limits, call_limits(), 1000).await;
    let ada = gateway.session("ada", spark("4.3.0"));
    let mut python = gateway.python("4.3.0", &ada);
    python.arg(program("slow.py"));
    let running = tokio::spawn(run(python));
    let counts = || gateway.ledger.of(&ada.id).unwrap_or_default();
    let begun = async {
        while counts().running == 0 {
            assert!(!running.is_finished(), "it ended before it began");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), begun)
        .await
        .expect("the query runs");
    let _new = gateway.replace().await;
    let told = running
        .await
        .unwrap()
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(told.contains("the answer is 42"), "{told}");
    assert_eq!((counts().queries, counts().failed), (2, 0));
}
