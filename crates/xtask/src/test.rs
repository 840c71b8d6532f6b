//! `cargo xtask test`: every layer of tests, least power first, as one list.

use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, cache, cargo_tools};

/// What to test.
#[derive(Args)]
pub(crate) struct Cli {
    /// Leave out what needs a cluster, and so root.
    #[arg(long)]
    fast: bool,
}

/// One step: what it proves, and the cargo command that does it.
struct Step {
    what: &'static str,
    cargo: &'static [&'static str],
    cluster: bool,
}

const STEPS: &[Step] = &[
    step("formatting", &["fmt", "--all", "--check"]),
    step(
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    step("generated files", &["xtask", "gen", "--check"]),
    step(
        "rules, builders and decisions: no part needed",
        &["test", "--workspace", "--lib", "--bins"],
    ),
    step("documentation examples", &["test", "--workspace", "--doc"]),
    step(
        "inputs that fuzzing found",
        &tests("sparkconnect-fuzz", "corpus"),
    ),
    step(
        "the API server of a test's own",
        &tests("sparkconnect-testkit", "apiserver"),
    ),
    step(
        "the book: links, blocks of code and manifests",
        &tests("sparkconnect-testkit", "docs"),
    ),
    step(
        "the chart, its manifests and what Kubernetes says of them",
        &tests("sparkconnect-testkit", "chart"),
    ),
    step(
        "alerts on made-up series",
        &tests("sparkconnect-testkit", "alerts"),
    ),
    step(
        "what Argo CD and Flux make of each state",
        &tests("sparkconnect-testkit", "gitops"),
    ),
    step(
        "resources on a real API server",
        &tests("sparkconnect-api", "*"),
    ),
    step(
        "operator on a real API server",
        &tests("sparkconnect-operator", "*"),
    ),
    step(
        "protocol against PySpark's",
        &tests("sparkconnect-proto", "*"),
    ),
    step(
        "client against real Spark",
        &tests("sparkconnect-spark", "*"),
    ),
    step(
        "sessions of any Spark Connect URL, with real Spark",
        &tests("sparkconnect-client", "connect"),
    ),
    step(
        "batch jobs on a real API server",
        &tests("sparkconnect-client", "operators"),
    ),
    step(
        "batch jobs by a real Livy",
        &tests("sparkconnect-client", "livy"),
    ),
    step(
        "the Python package with real Spark",
        &tests("sparkconnect-python", "*"),
    ),
    step(
        "the command line on a real API server, with real Livy and Spark",
        &tests("sparkconnect-cli", "*"),
    ),
    step(
        "gateway before real Spark",
        &tests("sparkconnect-gateway", "*"),
    ),
    step(
        "the gateway's benchmark: a few calls, untimed",
        &tests("sparkconnect-gateway-bench", "*"),
    ),
    step(
        "what gateways tell the operator",
        &tests("sparkconnect-e2e", "counts"),
    ),
    on_cluster("images", &tests("sparkconnect-testkit", "images")),
    on_cluster("local cluster", &tests("sparkconnect-testkit", "cluster")),
    on_cluster("the demo", &["xtask", "demo"]),
    on_cluster("the whole on the cluster", &waiting("whole")),
    on_cluster("the book's commands", &waiting("docs")),
    on_cluster("the examples, by their pages", &waiting("examples")),
    on_cluster(
        "batch jobs by kubeflow's operator",
        &tests("sparkconnect-e2e", "peers"),
    ),
    on_cluster(
        "upgrade, rollback and uninstalling",
        &tests("sparkconnect-e2e", "upgrade"),
    ),
    on_cluster(
        "a release, but for publishing it",
        &[
            "xtask",
            "release",
            "--allow-dirty",
            "--profile=image",
            "--url=https://releases.example.org",
        ],
    ),
];

/// The integration tests of one crate that match.
const fn tests(package: &'static str, name: &'static str) -> [&'static str; 5] {
    ["test", "-p", package, "--test", name]
}

/// Tests of the whole, which wait for pods more than they work: more at a time than there are cores.
const fn waiting(name: &'static str) -> [&'static str; 7] {
    [
        "test",
        "-p",
        "sparkconnect-e2e",
        "--test",
        name,
        "--",
        "--test-threads=4",
    ]
}

const fn step(what: &'static str, cargo: &'static [&'static str]) -> Step {
    Step {
        what,
        cargo,
        cluster: false,
    }
}

const fn on_cluster(what: &'static str, cargo: &'static [&'static str]) -> Step {
    Step {
        what,
        cargo,
        cluster: true,
    }
}

/// What a run takes beside what the cache has already: a test that finds the disk full fails in ways that do not say so.
const ROOM: u64 = 8 << 30;

/// Runs every step to its end, then says which failed.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let free = cache::free_bytes()?;
    if !cli.fast && free < ROOM {
        let [free, room] = [free, ROOM].map(|bytes| bytes >> 30);
        return Err(Error::new(format!(
            "{free} GiB are free for {}, and the tests take up to {room}",
            cache::root().display()
        ))
        .hint("make room; what is in that folder is made again when it is needed"));
    }
    let mut results = vec![("bans, licences, sources", deny())];
    for step in STEPS.iter().filter(|step| !(cli.fast && step.cluster)) {
        results.push((step.what, cargo(step)));
    }
    let failed = results.iter().filter(|(_, result)| result.is_err()).count();
    eprintln!();
    for (what, result) in &results {
        match result {
            Ok(seconds) => eprintln!("  passed  {what} ({seconds:.0} s)"),
            Err(error) => eprintln!("  FAILED  {what}: {error}"),
        }
    }
    println!("{} passed, {failed} failed", results.len() - failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn cargo(step: &Step) -> Result<f64> {
    let mut command = Command::new(env!("CARGO"));
    command.args(step.cargo);
    checked(step.what, &mut command)
}

fn deny() -> Result<f64> {
    // Every crate for every platform, which no build needs: on a new machine they are not there, and the check is offline.
    let mut fetch = Command::new(env!("CARGO"));
    fetch.args(["fetch", "--locked"]);
    checked("crates of every platform", &mut fetch)?;
    let mut command = Command::new(cargo_tools::deny()?);
    command.args(["--offline", "check", "bans", "licenses", "sources"]);
    checked("bans, licences, sources", &mut command)
}

fn checked(what: &str, command: &mut Command) -> Result<f64> {
    eprintln!("==> {what}");
    let began = Instant::now();
    let status = command
        .current_dir(repository())
        .status()
        .map_err(|error| Error::new(format!("{command:?} could not be started: {error}")))?;
    if status.success() {
        return Ok(began.elapsed().as_secs_f64());
    }
    Err(Error::new(format!(
        "ended with {status}; its output is above"
    )))
}
