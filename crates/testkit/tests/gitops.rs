//! The health scripts of `deploy/argocd`, by Argo CD's own Lua engine, and what kstatus says of the same objects: for every state of both kinds, as
//! the operator wrote it once. `tests/e2e` holds the objects against what the operator writes now.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::gitops::{Said, judge};
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::{command, go_tools};

/// Far longer than the API server takes to know a kind.
const PATIENCE: Duration = Duration::from_secs(60);

/// The cases of one script, in the form of Argo CD's repository.
#[derive(Deserialize)]
struct Cases {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    health_status: Said,
    input_path: PathBuf,
}

fn folder(kind: &str) -> PathBuf {
    let group = "deploy/argocd/resource_customizations/sparkconnect.dev";
    repository().join(group).join(kind)
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The word of kstatus for a health of Argo CD.
fn in_kstatus(health: &str) -> &'static str {
    match health {
        "Healthy" => "Current",
        "Progressing" => "InProgress",
        "Degraded" => "Failed",
        other => panic!("no resource of this project is to be {other}"),
    }
}

fn every_state_is_judged(kind: &str) {
    let folder = folder(kind);
    let Cases { tests } = read(&folder.join("health_test.yaml"));
    let objects: Vec<Value> = tests
        .iter()
        .map(|case| read(&folder.join(&case.input_path)))
        .collect();
    let verdicts = judge(&objects).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(verdicts.len(), tests.len());
    for (case, verdict) in tests.iter().zip(verdicts) {
        let input = &case.input_path;
        assert_eq!(
            verdict.argo.as_ref(),
            Some(&case.health_status),
            "{input:?}"
        );
        let expected = in_kstatus(&case.health_status.status);
        assert_eq!(verdict.kstatus.status, expected, "{input:?}: {verdict:?}");
    }
    let judged: BTreeSet<PathBuf> = tests.into_iter().map(|case| case.input_path).collect();
    let files = fs::read_dir(folder.join("testdata")).expect("the folder is there");
    let there = files.map(|file| Path::new("testdata").join(file.expect("a file").file_name()));
    assert_eq!(judged, there.collect(), "every file has its case");
}

#[test]
fn every_state_of_a_server_is_judged() {
    every_state_is_judged("SparkConnectServer");
}

#[test]
fn every_state_of_a_session_is_judged() {
    every_state_is_judged("SparkSession");
}

/// Neither tool may take a change for done before the operator has seen it, nor an object that goes for one that is there.
#[test]
fn a_change_that_nobody_has_seen_and_an_object_that_goes_are_not_well() {
    for kind in ["SparkConnectServer", "SparkSession"] {
        let ready: Value = read(&folder(kind).join("testdata/ready.yaml"));
        let mut changed = ready.clone();
        changed["metadata"]["generation"] = json!(99);
        let mut going = ready.clone();
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let verdicts = judge(&[ready, changed, going]).unwrap_or_else(|error| panic!("{error}"));
        let words: Vec<(&str, &str)> = verdicts
            .iter()
            .map(|it| {
                let argo = it.argo.as_ref().map_or("", |said| said.status.as_str());
                (argo, it.kstatus.status.as_str())
            })
            .collect();
        let expected = [
            ("Healthy", "Current"),
            ("Progressing", "InProgress"),
            ("Progressing", "Terminating"),
        ];
        assert_eq!(words, expected, "{kind}");
    }
}

/// Flux's controllers, whose modules have the definitions of their kinds.
const FLUX: [&str; 2] = [
    "github.com/fluxcd/kustomize-controller@v1.9.6",
    "github.com/fluxcd/source-controller@v1.9.6",
];

/// Where the definitions of Argo CD's and Flux's kinds are.
fn definitions() -> Vec<PathBuf> {
    let source =
        |module| go_tools::source("gitops", module).unwrap_or_else(|error| panic!("{error}"));
    let flux = FLUX.map(|module| source(module).join("config/crd/bases"));
    let argo = source("github.com/argoproj/argo-cd/v3").join("manifests/crds");
    let folders = flux.into_iter().chain([argo]);
    let files = folders.flat_map(|folder| fs::read_dir(folder).expect("it has definitions"));
    let files = files.map(|file| file.expect("a file").path());
    files
        .filter(|file| !file.ends_with("kustomization.yaml"))
        .collect()
}

/// The API server takes the examples as the tools' own definitions have them, and the folders that they name are there.
#[test]
fn the_examples_are_what_the_tools_take() {
    let server = ApiServer::start().unwrap_or_else(|error| panic!("{error}"));
    let kubectl = |args: &[&str]| {
        let ran = command::output(&mut server.kubectl(args));
        ran.unwrap_or_else(|error| panic!("{error}"))
    };
    for file in definitions() {
        let file = file.display().to_string();
        kubectl(&["apply", "--server-side", "--filename", &file]);
    }
    let kinds = [
        "applications",
        "applicationsets",
        "kustomizations",
        "gitrepositories",
    ];
    for kind in kinds {
        let known = || {
            let explained = command::output(&mut server.kubectl(&["explain", kind]));
            Ok(explained.map_or_else(|error| Seen::NotYet(error.to_string()), Seen::Done))
        };
        let known = wait_for(&format!("kubectl knows {kind}"), PATIENCE, known);
        known.unwrap_or_else(|error| panic!("{error}"));
    }
    for namespace in ["argocd", "flux-system"] {
        kubectl(&["create", "namespace", namespace]);
    }
    let examples = repository().join("examples/gitops");
    for tool in ["argocd", "flux"] {
        let folder = examples.join(tool).display().to_string();
        let strict = ["--validate=strict", "--server-side", "--filename", &folder];
        kubectl(&[&["apply"], &strict[..]].concat());
        for file in fs::read_dir(folder).expect("it has manifests") {
            let text = fs::read_to_string(file.expect("a file").path()).expect("it is text");
            let paths = text
                .lines()
                .filter_map(|line| line.trim().split_once("path: "));
            for (_, path) in paths.filter(|(_, path)| !path.contains("{{")) {
                let there = repository().join(path.trim_end_matches('*'));
                assert!(there.is_dir(), "{path}");
            }
        }
    }
}
