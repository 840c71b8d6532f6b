//! The API server fixture, with the real thing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::command::output;
use sparkconnect_testkit::process::{Identity, Seen, wait_for};

/// Set in a process that is to be killed.
const VICTIM: &str = "SPARKCONNECT_TEST_VICTIM";

fn kubectl(server: &ApiServer, args: &[&str]) -> String {
    output(&mut server.kubectl(args)).unwrap()
}

#[test]
fn two_run_side_by_side() {
    let (first, second) = (ApiServer::start().unwrap(), ApiServer::start().unwrap());
    for server in [&first, &second] {
        assert_eq!(kubectl(server, &["get", "--raw", "/readyz"]), "ok");
    }
    kubectl(&first, &["create", "namespace", "only-here"]);
    let elsewhere = kubectl(&second, &["get", "namespaces", "--output=name"]);
    assert!(!elsewhere.contains("only-here"), "{elsewhere}");
    let folder = first.folder().to_owned();
    drop(first);
    assert!(!folder.exists(), "{} is left", folder.display());
    assert_eq!(kubectl(&second, &["get", "--raw", "/readyz"]), "ok");
}

#[test]
fn rbac_tells_users_apart() {
    let server = ApiServer::start().unwrap();
    let alice = server
        .kubeconfig_for("alice", &["team-a", "everyone"])
        .unwrap();
    let role = [
        "create",
        "clusterrole",
        "reader",
        "--verb=list",
        "--resource=configmaps",
    ];
    kubectl(&server, &role);
    kubectl(
        &server,
        &[
            "create",
            "clusterrolebinding",
            "a",
            "--clusterrole=reader",
            "--group=everyone",
        ],
    );
    let as_alice = |args: &[&str]| output(server.kubectl(args).env("KUBECONFIG", &alice));
    as_alice(&["get", "configmaps"]).unwrap();
    let refused = as_alice(&["get", "secrets"]).unwrap_err().to_string();
    assert!(
        refused.contains("Forbidden") && refused.contains("alice"),
        "{refused}"
    );
}

#[test]
fn pods_and_tokens_need_no_controller() {
    let server = ApiServer::start().unwrap();
    kubectl(&server, &["run", "pod", "--image=localhost/none:1"]);
    kubectl(&server, &["create", "serviceaccount", "robot"]);
    let token = kubectl(
        &server,
        &["create", "token", "robot", "--audience=sparkconnect"],
    );
    assert_eq!(token.split('.').count(), 3, "a token has three parts");
}

/// Runs only as the process that the next test kills.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let server = ApiServer::start().unwrap();
    let guard = server.guard().unwrap();
    println!("\nheld {} {}", guard.pid(), server.folder().display());
    std::thread::sleep(Duration::from_secs(600)); // Only the kill ends it.
}

#[test]
fn a_killed_test_leaves_nothing() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let held = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("held "))
        .unwrap();
    let mut words = held.split(' ').skip(1);
    let guard: i32 = words.next().unwrap().parse().unwrap();
    let folder = PathBuf::from(words.next().unwrap());
    let family: Vec<Identity> = children(guard)
        .into_iter()
        .chain([guard])
        .filter_map(Identity::of)
        .collect();
    assert_eq!(family.len(), 3, "a guard, an etcd and an API server");
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_for("everything to be gone", Duration::from_secs(30), || {
        let alive: Vec<i32> = family
            .iter()
            .filter(|one| one.alive())
            .map(Identity::pid)
            .collect();
        let left = folder.exists();
        let gone = alive.is_empty() && !left;
        Ok(if gone {
            Seen::Done(())
        } else {
            Seen::NotYet(format!("processes {alive:?}, folder {left}"))
        })
    })
    .unwrap();
}

fn children(pid: i32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<i32>>()
        })
        .collect()
}
