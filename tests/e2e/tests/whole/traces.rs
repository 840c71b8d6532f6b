//! One call followed through the whole: by its trace, as a collector gets it of operator and gateway, and by its id. This test runs
//! alone: it sets the installation up anew.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, server_local, session};
use sparkconnect_testkit::cluster::NODE_ADDRESS;
use sparkconnect_testkit::collector::{Collector, Span};
use sparkconnect_testkit::install::{self, NAMESPACE};

use crate::people::{account, shell, the};

const PROGRAMS: [&str; 2] = [
    "deployment/sparkconnect-operator",
    "deployment/sparkconnect-gateway",
];

#[test]
fn a_call_is_followed_to_the_replica_by_its_trace_and_by_its_id() {
    let ns = Namespace::alone("traces");
    let collector = Collector::start(NODE_ADDRESS, None).unwrap_or_else(|error| panic!("{error}"));
    let _traced = Traced::begin(&ns, &collector);
    ns.apply(&server_local("demo", &json!({})));
    ns.apply(&session("nb", "demo", &json!({})));
    ns.until_ready("sparksession/nb");
    account(&ns, "ada", true);
    account(&ns, "eve", false);
    let named = |id: &str| format!(";x-sparkconnect-server=demo.{};x-request-id={id}", ns.name);

    let refused = shell(&ns, "eve", &named("notebook-8")).raises("spark.range(1).count()");
    assert!(refused.contains("(request notebook-8)"), "{refused}");
    let mut ada = shell(&ns, "ada", &named("notebook-7"));
    assert_eq!(ada.run("spark.range(10).count()"), 10);
    let made = the(&ns, "sparkconnect.dev/ad-hoc", "Ready");
    let annotations = &made["metadata"]["annotations"];
    assert_eq!(annotations["sparkconnect.dev/request-id"], "notebook-7");
    let traceparent = annotations["sparkconnect.dev/traceparent"].as_str();
    let parts: Vec<&str> = traceparent.unwrap_or_default().split('-').collect();
    let [_, trace, create, "01"] = parts[..] else {
        panic!("{annotations}");
    };
    followed(&collector, trace, create, &made);
    told(&ns, trace);
    ada.run("spark.stop()");
}

/// The trace leads from the call to the session on its replica.
fn followed(collector: &Collector, trace: &str, create: &str, made: &Value) {
    let spans = collector.until("the call and the session on its replica", |spans| {
        let of_trace = spans.iter().filter(|span| span.trace == trace);
        let of_trace: Vec<Span> = of_trace.cloned().collect();
        let above = |of: &str| {
            let below = of_trace.iter().find(|span| span.name == of)?;
            of_trace.iter().find(|span| span.id == below.parent)
        };
        above("create SparkSession")?;
        above("create session")?;
        Some(of_trace)
    });
    let named = |name: &str| {
        spans
            .iter()
            .find(|span| span.name == name)
            .expect("it came")
    };
    let above = |span: &Span| {
        let above = spans.iter().find(|above| above.id == span.parent);
        above.unwrap_or_else(|| panic!("nothing above {span:?}"))
    };
    assert_eq!(named("create SparkSession").id, create);
    let call = above(named("create SparkSession"));
    assert!(
        call.name.starts_with("spark.connect.SparkConnectService/"),
        "{call:?}"
    );
    assert_eq!(call.attribute("rpc.response.status_code"), "OK");
    assert_eq!(call.attribute("sparkconnect.request_id"), "notebook-7");
    assert_eq!(call.service(), "sparkconnect-gateway");
    let on_replica = named("create session");
    assert_eq!(
        made["status"]["server"],
        on_replica.attribute("sparkconnect.replica")
    );
    let reconcile = above(on_replica);
    assert_eq!(reconcile.name, "reconcile SparkSession");
    assert_eq!(
        made["metadata"]["name"],
        reconcile.attribute("sparkconnect.session")
    );
    assert_eq!(reconcile.parent, create);
    for (span, program) in [(call, "gateway"), (reconcile, "operator")] {
        let of = |key: &str| span.resource.get(key).map_or("", String::as_str);
        assert_eq!(of("service.name"), format!("sparkconnect-{program}"));
        assert_eq!(of("k8s.namespace.name"), NAMESPACE);
        assert!(
            of("k8s.pod.name").starts_with(of("service.name")),
            "{span:?}"
        );
    }
}

/// The logs of both tell of the session by the call's id and by its trace.
fn told(ns: &Namespace, trace: &str) {
    let programs = "-l=app.kubernetes.io/name in (sparkconnect-gateway, sparkconnect-operator)";
    let logs = ["logs", "-n", NAMESPACE, programs, "--tail=-1"];
    let logs = ns.environment().kubectl.run(&logs);
    let logs = logs.unwrap_or_else(|error| panic!("{error}"));
    let lines = logs
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_call: Vec<_> = lines
        .filter(|line| line["request_id"] == "notebook-7")
        .collect();
    for message in ["session made", "session made on its replica"] {
        let line = of_call.iter().find(|line| line["message"] == message);
        let line = line.unwrap_or_else(|| panic!("no {message:?} in {of_call:#?}"));
        assert_eq!(line["trace_id"], *trace, "{line}");
        assert_eq!(line["namespace"], *ns.name, "{line}");
    }
}

/// Operator and gateway send traces while this lives.
struct Traced<'a>(&'a Namespace);

impl<'a> Traced<'a> {
    fn begin(ns: &'a Namespace, collector: &Collector) -> Self {
        let traced = Self(ns);
        let endpoint = format!("OTEL_EXPORTER_OTLP_ENDPOINT={}", collector.endpoint());
        let set = traced.set(&[&endpoint, "OTEL_BSP_SCHEDULE_DELAY=200"]);
        set.unwrap_or_else(|error| panic!("{error}"));
        traced
    }

    fn set(&self, variables: &[&str]) -> sparkconnect_testkit::Result<()> {
        let kubectl = &self.0.environment().kubectl;
        let set = [&["-n", NAMESPACE, "set", "env"], &PROGRAMS[..], variables].concat();
        kubectl.run(&set)?;
        install::rolled_out(kubectl, NAMESPACE)
    }
}

impl Drop for Traced<'_> {
    fn drop(&mut self) {
        let unset = self.set(&["OTEL_EXPORTER_OTLP_ENDPOINT-", "OTEL_BSP_SCHEDULE_DELAY-"]);
        if let Err(error) = unset {
            eprintln!("{error}");
        }
    }
}
