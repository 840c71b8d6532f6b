//! Traces of the operator's own program, as a collector gets them.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};
use sparkconnect_api::SparkSession;
use sparkconnect_testkit::collector::{Collector, Span};
use tempfile::NamedTempFile;
use tokio::process::Child;

use crate::program::program;
use crate::world::{SERVER, World};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// The program, for the world's namespace, as if it ran in `home`; it logs into `log`.
fn start(world: &World, home: &World, collector: &Collector, log: &NamedTempFile) -> Child {
    let log = log.reopen().expect("the file is there");
    program(home, &[world])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .arg("--health-address=127.0.0.1:0")
        .stderr(log)
        .spawn()
        .expect("the program")
}

fn collector() -> Collector {
    Collector::start("127.0.0.1", None).expect("a collector")
}

/// A reconcile, and one of the calls that it made.
fn with_a_call(spans: &[Span], reconcile: &str, name: &str, call: &str) -> Option<(Span, Span)> {
    let of = |span: &&Span| {
        span.name == reconcile
            && [
                span.attribute("sparkconnect.session"),
                span.attribute("sparkconnect.server"),
            ]
            .contains(&name)
    };
    spans.iter().filter(of).find_map(|reconcile| {
        let call = spans
            .iter()
            .find(|span| span.parent == reconcile.id && span.name == call)?;
        Some((reconcile.clone(), call.clone()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_in_the_trace_of_the_call_that_it_is_for() {
    let (world, collector) = (World::new(json!({})).await, collector());
    let log = NamedTempFile::new().expect("a file");
    let _program = start(&world, &world, &collector, &log);
    let of_call = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
        "metadata": {"name": "ada", "annotations": {
            "sparkconnect.dev/request-id": "notebook-7",
            "sparkconnect.dev/traceparent": format!("00-{TRACE}-{PARENT}-01"),
        }},
        "spec": {"server": SERVER},
    });
    world.create::<SparkSession>(of_call).await;
    world.session("eve", json!({})).await;
    let seen = |name: &'static str, kind: &'static str, call: &'static str| {
        let reconcile = format!("reconcile {kind}");
        collector.until(&format!("{reconcile} {name}: {call}"), |spans| {
            with_a_call(spans, &reconcile, name, call)
        })
    };
    let (ada, told) = seen("ada", "SparkSession", "apply status of SparkSession");
    assert_eq!((&*ada.trace, &*ada.parent), (TRACE, PARENT));
    assert_eq!(told.trace, TRACE);
    assert_eq!(told.attribute("sparkconnect.object"), "ada");
    for (attribute, value) in [
        ("sparkconnect.namespace", &*world.namespace),
        ("sparkconnect.server", SERVER),
        ("sparkconnect.request_id", "notebook-7"),
    ] {
        assert_eq!(ada.attribute(attribute), value, "{ada:?}");
    }
    assert_eq!(ada.service(), "sparkconnect-operator");
    assert_eq!(ada.resource["k8s.pod.name"], "operator-0");

    let (eve, _) = seen("eve", "SparkSession", "apply status of SparkSession");
    assert!(eve.parent.is_empty() && eve.trace != TRACE, "{eve:?}");
    let (server, applied) = seen(SERVER, "SparkConnectServer", "apply StatefulSet");
    assert!(server.parent.is_empty() && !server.failed, "{server:?}");
    assert_eq!(applied.attribute("sparkconnect.object"), SERVER);
}

/// In a namespace that ends nothing can be made.
#[tokio::test(flavor = "multi_thread")]
async fn why_a_reconcile_failed_is_in_the_log_by_its_trace() {
    let (world, home) = (World::new(json!({})).await, World::new(json!({})).await);
    let collector = collector();
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let parameters = DeleteParams::default();
    let deleted = namespaces.delete(&world.namespace, &parameters).await;
    deleted.expect("the deletion is taken");
    let log = NamedTempFile::new().expect("a file");
    let _program = start(&world, &home, &collector, &log);
    let failed = collector.until("a reconcile that failed", |spans| {
        let reconcile = |span: &&Span| span.name == "reconcile SparkConnectServer" && span.failed;
        spans.iter().find(reconcile).cloned()
    });
    assert_eq!(failed.attribute("error.type"), "apply");
    assert!(!format!("{failed:?}").contains("terminated"), "{failed:?}");
    let text = std::fs::read_to_string(log.path()).expect("the file is there");
    let lines = text
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).expect("JSON") });
    let of_trace: Vec<_> = lines
        .filter(|line| line["trace_id"] == *failed.trace)
        .collect();
    let told = of_trace.iter().any(|line| {
        line["message"] == "reconcile failed"
            && line["span_id"] == *failed.id
            && line["error"]
                .as_str()
                .is_some_and(|error| error.contains("terminated"))
    });
    assert!(told, "{}: {text}", failed.trace);
}
