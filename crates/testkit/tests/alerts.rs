//! The chart's alerts: each is tested by promtool on series that are made up, fires there and is explained in the book.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_yaml::Value;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{command, prometheus};

const ALERTS: &str = "charts/sparkconnect/files/alerts.yaml";

#[test]
fn promtool_takes_the_rules_and_its_tests_pass() {
    let promtool = prometheus::promtool().unwrap();
    let run = |args: &[&str], files: &[PathBuf]| {
        let mut promtool = Command::new(&promtool);
        command::output(promtool.args(args).args(files)).unwrap_or_else(|error| panic!("{error}"));
    };
    run(&["check", "rules"], &[repository().join(ALERTS)]);
    run(&["test", "rules"], &tests());
}

/// In one and the same test, so that it is not its series that lack something.
#[test]
fn every_alert_fires_in_a_test_in_which_it_also_rests() {
    let mut tested = BTreeSet::new();
    for test in tests()
        .iter()
        .flat_map(|path| list(&read(path), "tests").to_vec())
    {
        let queries = list(&test, "promql_expr_test");
        let samples = |query| list(query, "exp_samples");
        if queries.iter().any(|query| samples(query).is_empty()) {
            let fires = queries.iter().flat_map(samples);
            tested.extend(fires.filter_map(|sample| alert_of(&sample["labels"])));
        }
    }
    assert_eq!(tested, names());
}

#[test]
fn every_alert_has_its_heading() {
    let page = fs::read_to_string(repository().join("docs/operations/alerts.md")).unwrap();
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(str::to_owned)
        .collect();
    assert_eq!(headings, names());
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str().unwrap();
        let told = format!("## {name}\n\n*{severity}.*");
        assert!(page.contains(&told), "{told} is not on the page");
    }
}

#[test]
fn every_metric_that_is_asked_for_is_in_the_reference() {
    let read = |path: &str| fs::read_to_string(repository().join(path)).unwrap();
    let known = ["operator", "gateway"].map(|it| read(&format!("docs/reference/{it}-metrics.md")));
    let known = known.concat();
    let dashboards = ["fleet", "server", "user"];
    let dashboards = dashboards.map(|it| format!("charts/sparkconnect/files/dashboards/{it}.json"));
    for path in dashboards.iter().map(String::as_str).chain([ALERTS]) {
        let text = read(path);
        let names = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        for name in names.filter(|it| it.starts_with("sparkconnect_") || it.starts_with("process_"))
        {
            let base = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(known.contains(&format!("| `{base}` |")), "{path}: {name}");
        }
    }
}

fn alert_of(labels: &Value) -> Option<String> {
    let (_, rest) = labels.as_str()?.split_once("alertname=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn tests() -> Vec<PathBuf> {
    let folder = repository().join("tests/prometheus");
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

fn rules() -> Vec<Value> {
    let file = read(&repository().join(ALERTS));
    let groups = list(&file, "groups").iter();
    groups
        .flat_map(|group| list(group, "rules").to_vec())
        .collect()
}

fn names() -> BTreeSet<String> {
    let name = |rule: &Value| rule["alert"].as_str().unwrap_or_default().to_owned();
    rules().iter().map(name).collect()
}

fn read(path: &std::path::Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_sequence().map_or(&[], Vec::as_slice)
}
