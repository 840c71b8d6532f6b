//! The load, the backend and the proxies that need no installation, together: a few calls of each shape, nothing timed. The
//! gateway is its real program on a real API server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sparkconnect_gateway_bench::backend::Backend;
use sparkconnect_gateway_bench::client::{Connection, Target};
use sparkconnect_gateway_bench::frames::{CHUNK, CHUNKS, Method, RESULT, RESULTS};
use sparkconnect_gateway_bench::gateway::{self, Resources};
use sparkconnect_gateway_bench::load::Load;
use sparkconnect_gateway_bench::measure::Subject;
use sparkconnect_gateway_bench::peers;
use sparkconnect_gateway_bench::place::Place;
use sparkconnect_gateway_bench::run::target;
use sparkconnect_gateway_bench::shape::Shape;
use sparkconnect_gateway_bench::usage::Tree;

/// Every method through the proxy, as often as `count`.
async fn calls(target: &Target, backend: &Backend, count: usize) {
    let connection = Connection::open(target).await.expect("a connection");
    let (asked, answered) = (backend.received(), &target.received);
    for method in [Method::Config, Method::ExecutePlan, Method::AddArtifacts] {
        for _ in 0..count {
            connection.call(method).await.expect("status 0");
        }
    }
    assert!(asked.load(Ordering::Relaxed) >= (count * CHUNK * CHUNKS) as u64);
    assert!(answered.load(Ordering::Relaxed) >= (count * RESULT * RESULTS) as u64);
}

fn own() -> Tree {
    Tree::of_one(i32::try_from(std::process::id()).unwrap())
}

#[tokio::test]
async fn the_gateway_passes_on_what_is_the_sessions_and_nothing_else() {
    let place = Place::new().expect("a place");
    let program = gateway::build("dev").expect("the program");
    let resources = Resources::start(&place).expect("an API server");
    let backend = Backend::start(place.backend()).await.expect("a backend");
    let proxy = resources.gateway(&place, &program).expect("its files");
    let mut running = proxy.start().expect("the gateway");
    let ours = target(&place, true, resources.token()).unwrap();
    running.ready(&ours).await.expect("it serves");
    calls(&ours, &backend, 3).await;
    let before = backend.received().load(Ordering::Relaxed);
    let another = target(&place, true, "of-nobody").unwrap();
    let connection = Connection::open(&another).await.expect("a connection");
    let refused = connection
        .answered(Method::Config)
        .await
        .expect("an answer");
    assert_eq!(refused.status.as_deref(), Some("16"), "{refused:?}");
    assert_eq!(backend.received().load(Ordering::Relaxed), before);
    assert!(connection.call(Method::Config).await.is_err());
}

#[tokio::test]
async fn the_floor_is_measured_in_every_way() {
    let place = Place::new().expect("a place");
    let backend = Backend::start(place.backend()).await.expect("a backend");
    let program = env!("CARGO_BIN_EXE_sparkconnect-gateway-bench").into();
    let proxy = peers::floor(&place, program).expect("its arguments");
    let mut running = proxy.start().expect("the floor");
    for tls in [true, false] {
        let target = target(&place, tls, "of-nobody").unwrap();
        running.ready(&target).await.expect("it serves");
        calls(&target, &backend, 2).await;
        let subject = Subject {
            target,
            proxy: running.tree(),
            load: own(),
            asked: backend.received(),
        };
        assert!(subject.memory().await.unwrap() > 1e6);
        let traffic = Shape::Unary.traffic().expect("it calls");
        let reading = subject.busy(traffic, Duration::from_millis(100)).await;
        let figures = Shape::Unary.figures(&reading.expect("calls"));
        assert!(figures[0].1 > 0.0, "{figures:?}");
    }
}

#[tokio::test]
async fn a_call_that_fails_ends_the_load_and_says_why() {
    let place = Place::new().expect("a place");
    let backend = Backend::start(place.backend()).await.expect("a backend");
    let program = env!("CARGO_BIN_EXE_sparkconnect-gateway-bench").into();
    let proxy = peers::floor(&place, program).expect("its arguments");
    let mut running = proxy.start().expect("the floor");
    let target = target(&place, true, "of-nobody").unwrap();
    running.ready(&target).await.expect("it serves");
    let traffic = Shape::Latency.traffic().expect("it calls");
    let mut load = Load::start(&target, traffic).await.expect("a connection");
    drop(running);
    let ended = load.go_on(Duration::from_secs(60)).await;
    let error = ended.expect_err("the proxy is gone").to_string();
    assert!(error.contains("Config broke off"), "{error}");
    drop(backend);
}
