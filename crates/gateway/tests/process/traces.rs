//! How a call is found again: its trace, as a collector gets it, and its id, in answers, in the log and on the session that is made
//! for it.

use serde_json::Value;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::collector::{Collector, Span};
use sparkconnect_testkit::pki::Authority;

use crate::people::{FIRST, answered, grant, made, token};
use crate::{PATIENCE, Process, api_server, apply, demo, start_in, told_to_end, until_called};

const USER: &str = "system:serviceaccount:default:ada";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const CONFIG: &str = "spark.connect.SparkConnectService/Config";
/// Has spans go out at once.
const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

/// An API server that knows Ada, who may use the server `demo`, and her token.
fn known() -> (ApiServer, String) {
    let api = api_server();
    apply(&api, &demo());
    let ada = token(&api, "ada", "sparkconnect");
    grant(&api, "ada");
    (api, ada)
}

/// Has Ada begin a session by a call with an id and a trace of her own. Returns what the gateway made.
async fn begun(api: &ApiServer, process: &Process, ada: &str) -> Value {
    let trace = format!("00-{TRACE}-{PARENT}-01");
    let metadata = [
        ("x-sparkconnect-server", "default/demo"),
        ("x-request-id", "notebook-7"),
        ("traceparent", &trace),
    ];
    let call = || process.call_with("Config", ada, FIRST, &metadata);
    let goes_on = until_called(call, "the session", |answer| {
        answer.message.contains("demo-0 does not answer")
    });
    let answer = answered(api, USER, goes_on).await;
    assert_eq!(answer.id, "notebook-7");
    assert!(
        answer.message.ends_with(" (request notebook-7)"),
        "{answer:?}"
    );
    made(api, USER).remove(0)
}

fn named<'a>(spans: &'a [Span], name: &str) -> Option<&'a Span> {
    spans.iter().find(|span| span.name == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_trace_and_one_id_from_the_client_to_its_session() {
    let (api, ada) = known();
    let collector = Collector::start("127.0.0.1", None).expect("a collector");
    let endpoint = collector.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        SOON,
        ("POD_NAMESPACE", "connect"),
        ("POD_NAME", "gateway-0"),
    ];
    let process = start_in(&api, &["--access-log"], &variables);
    let session = begun(&api, &process, &ada).await;

    // The call that made the session has ended when its span is there; the one after it when that failed.
    let spans = collector.until("the call and what it did", |spans| {
        let above = &named(spans, "create SparkSession")?.parent;
        spans.iter().find(|span| span.id == *above)?;
        named(spans, "connect to replica")?;
        spans
            .iter()
            .find(|span| span.attribute("sparkconnect.refusal") == "replica_unreachable")?;
        Some(spans.to_vec())
    });
    let create = named(&spans, "create SparkSession").expect("it is there");
    let annotation =
        |name: &str| &session["metadata"]["annotations"][format!("sparkconnect.dev/{name}")];
    assert_eq!(annotation("request-id"), "notebook-7");
    assert_eq!(
        *annotation("traceparent"),
        format!("00-{TRACE}-{}-01", create.id)
    );
    let refused = |span: &&Span| span.attribute("sparkconnect.refusal") == "replica_unreachable";
    the_call(spans.iter().find(refused).expect("it is there"), &session);
    for name in [
        "review token",
        "review access",
        "wait for SparkSession",
        "connect to replica",
    ] {
        let span = named(&spans, name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
        let above = spans.iter().find(|above| above.id == span.parent);
        assert_eq!(above.map(|above| &*above.name), Some(CONFIG), "{span:?}");
        assert_eq!(span.trace, TRACE);
    }
    assert!(named(&spans, "connect to replica").is_some_and(|span| span.failed));
    // What is of a library is not there, and nobody's name is.
    let all = format!("{spans:?}");
    assert!(!all.contains("ada") && !all.contains(&ada), "{all}");

    let log = process.log();
    let of_call = |line: &&str| line.contains("rpc=\"Config\"") && line.contains("UNAVAILABLE");
    let line = log.lines().find(of_call).unwrap_or_else(|| panic!("{log}"));
    for part in ["request_id=notebook-7", &format!("trace_id={TRACE}")] {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

/// The span of a call whose session's replica is not there.
fn the_call(span: &Span, session: &Value) {
    assert_eq!((&*span.trace, &*span.parent), (TRACE, PARENT));
    assert!(span.failed, "{span:?}");
    let name = session["metadata"]["name"].as_str().expect("a name");
    for (attribute, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", CONFIG),
        ("rpc.response.status_code", "UNAVAILABLE"),
        ("error.type", "UNAVAILABLE"),
        ("sparkconnect.request_id", "notebook-7"),
        ("sparkconnect.namespace", "default"),
        ("sparkconnect.server", "demo"),
        ("sparkconnect.session", name),
        ("sparkconnect.sent_bytes", "0"),
    ] {
        assert_eq!(span.attribute(attribute), value, "{attribute} of {span:?}");
    }
    for (key, value) in [
        ("service.name", "sparkconnect-gateway"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("k8s.namespace.name", "connect"),
        ("k8s.pod.name", "gateway-0"),
    ] {
        let found = span.resource.get(key).map(String::as_str);
        assert_eq!(found, Some(value), "{key} of {span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_traces_a_call_has_its_id_and_no_more() {
    let (api, ada) = known();
    let process = start_in(&api, &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
    let session = begun(&api, &process, &ada).await;
    let annotations = &session["metadata"]["annotations"];
    assert_eq!(annotations["sparkconnect.dev/request-id"], "notebook-7");
    assert!(
        annotations["sparkconnect.dev/traceparent"].is_null(),
        "{annotations}"
    );
    let log = process.log();
    let made = log.lines().find(|line| line.contains("session made"));
    let made = made.unwrap_or_else(|| panic!("{log}"));
    assert!(made.contains("request_id=notebook-7"), "{made}");
    assert!(!log.contains("trace_id"), "{log}");

    // A client that brings no id, or one that could be anything, gets one.
    let call = |id| process.call_with("Config", "nobody", FIRST, id);
    let (one, other) = (call(&[]).await, call(&[("x-request-id", "a b")]).await);
    assert!(one.id != other.id && one.id.len() > 16, "{one:?} {other:?}");
    assert!(
        one.message.ends_with(&format!(" (request {})", one.id)),
        "{one:?}"
    );
}

/// A collector by TLS, whose authority is one of the system's; spans that are not due go out at the end.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_go_out_before_the_end() {
    let (api, _) = known();
    let authority = Authority::new("collectors").expect("an authority");
    let credentials = authority.server("collector", &[], &["127.0.0.1"]);
    let credentials = credentials.expect("a certificate");
    let collector = Collector::start("127.0.0.1", Some(&credentials)).expect("a collector");
    let folder = tempfile::tempdir().expect("a folder");
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.certificate()).expect("a file");
    let roots = roots.display().to_string();
    let variables = [
        ("SSL_CERT_FILE", &*roots),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let endpoint = format!("--otlp-endpoint={}", collector.endpoint());
    let mut process = start_in(&api, &[&endpoint], &variables);
    let call = || process.call("Config", "nobody", FIRST, None);
    until_called(call, "a refusal", |answer| answer.status == Some(16)).await;
    let early = collector.spans();
    assert!(early.is_empty(), "they are not due: {early:?}");
    told_to_end(&mut process).await;
    let span = collector.until("the last span", |spans| spans.first().cloned());
    assert_eq!(
        span.attribute("rpc.response.status_code"),
        "UNAUTHENTICATED"
    );
    assert_eq!(span.attribute("sparkconnect.refusal"), "unknown_token");
    assert!(!span.failed, "it is the client's mistake: {span:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_of_once_and_holds_up_nobody() {
    let (api, _) = known();
    let away = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), SOON];
    let mut process = start_in(&api, &[], &away);
    let began = std::time::Instant::now();
    let told = |log: &str| log.matches("traces cannot be sent").count();
    while told(&process.log()) == 0 {
        assert!(began.elapsed() < PATIENCE, "{}", process.log());
        process.call("Config", "nobody", FIRST, None).await;
    }
    let answer = process.call("Config", "nobody", FIRST, None).await;
    assert_eq!(answer.status, Some(16));
    told_to_end(&mut process).await;
    assert_eq!(told(&process.log()), 1, "{}", process.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_endpoint_is_refused_at_the_start() {
    let api = api_server();
    let mut process = start_in(&api, &["--otlp-endpoint=collector:4317"], &[]);
    let ended = tokio::time::timeout(PATIENCE, process.child.wait()).await;
    assert!(!ended.expect("in time").expect("an end").success());
    let log = process.log();
    assert!(
        log.contains("error: `collector:4317` is not the address"),
        "{log}"
    );
}
