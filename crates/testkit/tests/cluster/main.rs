//! The local cluster, with the real thing; needs root. **Ends the cluster that runs on this machine**; the images stay.

mod traces;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use sparkconnect_testkit::cluster::{self, Cluster};
use sparkconnect_testkit::command::output;
use sparkconnect_testkit::process::{Identity, Seen, wait_for};
use sparkconnect_testkit::toolchain;
use traces::Traces;

const PODS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/pods.yaml");

/// One test, because there is one cluster a machine, and its life has an order.
#[test]
fn a_life_of_the_cluster() {
    cluster::down(false).unwrap();
    // What is installed for good is no trace.
    cluster::install_tools().unwrap();
    let before = Traces::take();
    let first = Cluster::up().unwrap();
    a_second_up_changes_nothing();
    pods_work(&first);
    everything_killed_is_repaired(&first);
    let again = Cluster::up().unwrap();
    pods_work(&again);
    images_are_loaded(&again);
    let processes = again.processes().unwrap();
    cluster::down(false).unwrap();
    assert_eq!(
        alive(&processes),
        Vec::<i32>::new(),
        "processes outlive the cluster"
    );
    before.assert_same(&Traces::take());
    assert!(
        Cluster::running()
            .unwrap_err()
            .to_string()
            .contains("cluster up")
    );
    cluster::down(false).unwrap();
}

fn a_second_up_changes_nothing() {
    let pids = || {
        cluster::status()
            .unwrap()
            .parts
            .iter()
            .map(|part| part.pid)
            .collect::<Vec<_>>()
    };
    let before = pids();
    Cluster::up().unwrap();
    assert_eq!(before, pids());
    assert!(
        cluster::status().unwrap().node.contains(" Ready "),
        "{}",
        cluster::status().unwrap()
    );
}

fn pods_work(cluster: &Cluster) {
    let kubectl = |args: &[&str]| output(&mut cluster.kubectl(args)).unwrap();
    kubectl(&["apply", "-f", PODS]);
    kubectl(&["rollout", "status", "statefulset/web", "--timeout=120s"]);
    kubectl(&[
        "wait",
        "--for=condition=Ready",
        "pod/client",
        "--timeout=120s",
    ]);
    let resolved = in_pod(cluster, &["resolve", "web.default.svc"]);
    let service = kubectl(&[
        "get",
        "service",
        "web",
        "--output=jsonpath={.spec.clusterIP}",
    ]);
    assert_eq!(resolved, service, "cluster DNS");
    let member = in_pod(cluster, &["resolve", "web-1.web-pods.default.svc"]);
    let pod = kubectl(&["get", "pod", "web-1", "--output=jsonpath={.status.podIP}"]);
    assert_eq!(member, pod, "DNS of a pod of a StatefulSet");
    for url in ["http://web", "http://web-1.web-pods:8080"] {
        assert_eq!(in_pod(cluster, &["get", url]), "hello from a pod");
    }
    let unknown = output(&mut cluster.kubectl(&[
        "exec",
        "client",
        "--",
        "/pod",
        "resolve",
        "www.example.org",
    ]));
    assert!(
        unknown.unwrap_err().to_string().contains("no such host"),
        "the world outside does not exist"
    );
    assert_eq!(
        get(&format!("{service}:80")),
        "hello from a pod",
        "a service, from the machine"
    );
    assert_eq!(
        get(&format!("{pod}:8080")),
        "hello from a pod",
        "a pod, from the machine"
    );
    assert!(kubectl(&["logs", "web-1"]).contains("GET /"), "logs");
    port_forward_works(cluster);
}

/// What a pod's program says, once it succeeds: names and services that are new are known a moment later.
fn in_pod(cluster: &Cluster, args: &[&str]) -> String {
    let exec = [&["exec", "client", "--", "/pod"], args].concat();
    wait_for(&exec.join(" "), Duration::from_secs(60), || {
        Ok(match output(&mut cluster.kubectl(&exec)) {
            Ok(text) => Seen::Done(text),
            Err(error) => Seen::NotYet(error.to_string()),
        })
    })
    .unwrap()
}

fn port_forward_works(cluster: &Cluster) {
    let mut forward = cluster.kubectl(&["port-forward", "pod/web-0", ":8080"]);
    let mut forward = forward.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(forward.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let place = line
        .split_whitespace()
        .nth(2)
        .unwrap_or_default()
        .to_owned();
    let answer = get(&place);
    forward.kill().unwrap();
    forward.wait().unwrap();
    assert_eq!(answer, "hello from a pod", "port-forward: {line}");
}

fn everything_killed_is_repaired(cluster: &Cluster) {
    let processes = cluster.processes().unwrap();
    assert!(
        processes.len() > 15,
        "eight parts, three pods and their shims: {processes:?}"
    );
    for process in &processes {
        process.signal(Signal::KILL).unwrap();
    }
    wait_for("all to be dead", Duration::from_secs(30), || {
        let alive = alive(&processes);
        Ok(if alive.is_empty() {
            Seen::Done(())
        } else {
            Seen::NotYet(format!("{alive:?} live"))
        })
    })
    .unwrap();
    assert!(!cluster::status().unwrap().running());
}

fn images_are_loaded(cluster: &Cluster) {
    assert_eq!(answer_of_image(cluster, "the first"), "the first");
    assert_eq!(
        answer_of_image(cluster, "the second"),
        "the second",
        "another image of the same name"
    );
    let refused = cluster
        .load_image(Path::new("/etc/passwd"))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("/etc/passwd"), "{refused}");
}

/// What a pod answers whose image says that it is to answer `text`.
fn answer_of_image(cluster: &Cluster, text: &str) -> String {
    let image = "localhost/sparkconnect/test:1";
    let folder = tempfile::tempdir().unwrap();
    let program = toolchain::kubernetes().unwrap().pod();
    let archive =
        cluster::pack_image(folder.path(), &program, image, &["serve", ":8080", text]).unwrap();
    cluster.load_image(&archive).unwrap();
    cluster.load_image(&archive).unwrap();
    let kubectl = |args: &[&str]| output(&mut cluster.kubectl(args)).unwrap();
    let image = format!("--image={image}");
    kubectl(&["run", "tagged", &image, "--image-pull-policy=Never"]);
    kubectl(&[
        "wait",
        "--for=condition=Ready",
        "pod/tagged",
        "--timeout=120s",
    ]);
    let address = kubectl(&["get", "pod", "tagged", "--output=jsonpath={.status.podIP}"]);
    let answer = wait_for("the pod to answer", Duration::from_secs(30), || {
        let connected = TcpStream::connect((address.as_str(), 8080));
        Ok(connected.map_or_else(
            |error| Seen::NotYet(error.to_string()),
            |_| Seen::Done(get(&format!("{address}:8080"))),
        ))
    });
    kubectl(&["delete", "pod", "tagged", "--now"]);
    answer.unwrap()
}

fn alive(processes: &[Identity]) -> Vec<i32> {
    processes
        .iter()
        .filter(|process| process.alive())
        .map(Identity::pid)
        .collect()
}

fn get(place: &str) -> String {
    let mut stream = TcpStream::connect(place).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(stream, "GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
        .rsplit("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}
