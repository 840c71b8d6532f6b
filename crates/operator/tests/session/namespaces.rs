//! The operator's own program, for namespaces that are named.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;
use sparkconnect_api::SparkConnectServer;
use sparkconnect_testkit::ports::Port;

use crate::program::program;
use crate::world::{SERVER, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn each_that_is_named_is_served_and_shown_and_no_other() {
    // Their watches are more than the API server takes on one connection.
    let worlds = [(); 9].map(|()| World::new(json!({})));
    let worlds = futures::future::join_all(worlds).await;
    let (other, served) = worlds.split_last().expect("nine were made");
    let health = Port::claim().expect("a port");
    let _program = program(&served[0], &served.iter().rev().collect::<Vec<_>>())
        .arg(format!("--health-address={}", health.address()))
        .spawn()
        .expect("the program");
    for world in served {
        eventually(|| async {
            let server = world.find::<SparkConnectServer>(SERVER).await;
            let seen = server.is_some_and(|it| it.status.is_some());
            let made = world.find::<StatefulSet>(SERVER).await.is_some();
            if seen && made {
                Ok(())
            } else {
                Err(format!("status: {seen}, pods: {made}"))
            }
        })
        .await;
    }
    assert!(other.find::<StatefulSet>(SERVER).await.is_none());
    let metrics = metrics(health.address());
    for (world, shown) in [(&served[0], true), (&served[7], true), (other, false)] {
        let label = format!("namespace=\"{}\"", world.namespace);
        let mut lines = metrics.lines();
        let found =
            lines.any(|it| it.starts_with("sparkconnect_server_info") && it.contains(&label));
        assert_eq!(found, shown, "{label}: {metrics}");
        let served = format!("sparkconnect_operator_namespace_served{{{label}}} 1");
        assert_eq!(metrics.contains(&served), shown, "{metrics}");
    }
}

fn metrics(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("the health server listens");
    let request = b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text
}
