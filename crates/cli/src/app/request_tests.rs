use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    request: RequestArgs,
}

fn parsed(words: &[&str]) -> Result<RequestArgs, clap::Error> {
    let words = ["submit"].iter().chain(words);
    Alone::try_parse_from(words).map(|alone| alone.request)
}

fn made(words: &[&str]) -> ApplicationRequest {
    let args = parsed(words).unwrap_or_else(|error| panic!("{error}"));
    request(&args).unwrap_or_else(|error| panic!("{error}"))
}

/// A request with every field, by options and as a file.
const WHOLE: [&str; 66] = [
    "--name",
    "pi",
    "--class",
    "org.example.Pi",
    "--spark-version",
    "4.1.4",
    "--image",
    "registry.example/spark",
    "--image-pull-policy",
    "Always",
    "--image-pull-secret",
    "a",
    "--image-pull-secret",
    "b",
    "--conf",
    "spark.a=1",
    "-c",
    "spark.b=2=3",
    "--hadoop-conf",
    "fs.x=y",
    "--jars",
    "a.jar,b.jar",
    "--py-files",
    "a.zip",
    "--files",
    "a.csv",
    "--archives",
    "a.tgz#env",
    "--packages",
    "org:a:1,org:b:2",
    "--driver-cores",
    "1",
    "--driver-memory",
    "1g",
    "--driver-memory-overhead",
    "256m",
    "--service-account",
    "spark",
    "--driver-env",
    "A=1",
    "--min-executors",
    "1",
    "--max-executors",
    "3",
    "--executor-cores",
    "2",
    "--executor-memory",
    "2g",
    "--executor-memory-overhead",
    "512m",
    "--executor-env",
    "B=2",
    "--proxy-user",
    "ada",
    "--retries",
    "2",
    "--ttl",
    "1h",
    "--queue",
    "research",
    "--label",
    "team=data",
    "local:///pi.jar",
    "--",
    "10",
    "--deep",
];
const FILE: &str = "
name: pi
main_file: local:///pi.jar
main_class: org.example.Pi
arguments: ['10', --deep]
spark_version: 4.1.4
image: registry.example/spark
image_pull_policy: Always
image_pull_secrets: [a, b]
spark_conf: {spark.a: '1', spark.b: 2=3}
hadoop_conf: {fs.x: 'y'}
jars: [a.jar, b.jar]
py_files: [a.zip]
files: [a.csv]
archives: ['a.tgz#env']
packages: ['org:a:1', 'org:b:2']
driver: {cores: 1, memory: 1g, memory_overhead: 256m, service_account: spark, env: {A: '1'}}
executor: {bounds: [1, 3], cores: 2, memory: 2g, memory_overhead: 512m, env: {B: '2'}}
proxy_user: ada
retries: 2
ttl: 3600
queue: research
labels: {team: data}
";

#[test]
fn options_and_a_file_say_the_same() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, FILE).unwrap();
    let path = file.path().display().to_string();
    let by_file = made(&["-f", &path]);
    let by_options = made(&WHOLE);
    assert_eq!(by_options, by_file);
    assert_eq!(by_options.arguments, ["10", "--deep"]);
    assert_eq!(by_options.ttl, Some(Duration::from_secs(3600)));
    // A field that neither has would be equal too.
    let nothing = made(&["x"]);
    assert_eq!(nothing.spark_conf, BTreeMap::new());
    let written = format!("{by_options:?}");
    for unset in ["None", "[]", "{}", "\"\""] {
        assert_eq!(
            written.matches(unset).count(),
            usize::from(unset == "None"),
            "{written}"
        );
    }
}

#[test]
fn a_file_is_the_whole_request() {
    for words in [
        &["-f", "a", "pi.py"][..],
        &["-f", "a", "--name", "x"],
        &["-f", "a", "--", "1"],
    ] {
        assert!(parsed(words).is_err(), "{words:?}");
    }
    assert!(parsed(&[]).is_err());
}

#[test]
fn what_is_unknown_in_a_file_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "name: pi\ndriver: {memroy: 1g}\n").unwrap();
    let error = from_file(file.path()).unwrap_err();
    assert_eq!(error.category(), Category::InvalidInput);
    assert!(error.to_string().contains("memroy"), "{error}");
}

#[test]
fn refusals_name_the_option() {
    let args = parsed(&["pi.py"]).unwrap();
    let hint = |message: &str| {
        let error = told(&args, Error::new(Category::InvalidInput, message));
        error.hint_text().map(str::to_owned)
    };
    for (message, expected) in [
        (
            "`spark_version` is missing",
            "`spark_version` is --spark-version here",
        ),
        (
            "`driver.env` and a setting",
            "`driver.env` is --driver-env here",
        ),
        (
            "`executor.bounds` are 2 and 1",
            "`executor.bounds` is --min-executors and --max-executors here",
        ),
        ("a `b` in `ttl`", "`ttl` is --ttl here"),
    ] {
        assert_eq!(hint(message).as_deref(), Some(expected));
    }
    assert_eq!(hint("`nothing` is known"), None);
}

#[test]
fn the_documented_file_is_a_request() {
    let page = include_str!("../../../../docs/reference/cli.md");
    let (_, rest) = page.split_once("```yaml,").expect("it has one");
    let (_, rest) = rest.split_once('\n').expect("its info string ends");
    let (text, _) = rest.split_once("```").expect("it ends");
    let request: ApplicationRequest = serde_yaml::from_str(text).expect("it is a request");
    assert_eq!(request.executor.instances, Some(2));
    let fields = serde_yaml::from_str::<serde_yaml::Value>(text).expect("it is YAML");
    let named = fields.as_mapping().expect("of fields").keys();
    let named: Vec<_> = named.filter_map(|name| name.as_str()).collect();
    // All fields, as the type itself shows them.
    let shown = format!("{:#?}", ApplicationRequest::default());
    let all = shown
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(": "));
    let all: Vec<_> = all
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with(' '))
        .collect();
    assert_eq!(named, all);
}
