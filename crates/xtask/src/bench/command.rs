//! `cargo xtask bench cli`: how fast the command line client is, beside kubectl and beside the API server's own answer.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::Value;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, command, pki};

const SESSIONS: &str = "/apis/sparkconnect.dev/v1alpha1/namespaces/default/sparksessions";

/// How much is measured.
#[derive(Args)]
pub(crate) struct Cli {
    /// Runs of each command, in turns.
    #[arg(long, default_value_t = 50)]
    rounds: usize,
}

/// Measures and prints one line a command.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let program = release()?;
    let api = ApiServer::start()?;
    let definitions = repository().join("deploy/crds").display().to_string();
    command::output(&mut api.kubectl(&["apply", "--server-side", "-k", &definitions]))?;
    let kinds = [
        "crd",
        "--all",
        "--for=condition=Established",
        "--timeout=60s",
    ];
    command::output(&mut api.kubectl(&[&["wait"], &kinds[..]].concat()))?;
    let ours = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).env("KUBECONFIG", api.kubeconfig());
        command
    };
    let folder = api.folder().join("bench");
    let mut ways = [
        ("kubectl sparkconnect --help", ours(&["--help"])),
        ("kubectl sparkconnect session ls", ours(&["session", "ls"])),
        (
            "kubectl get sparksessions",
            api.kubectl(&["get", "sparksessions"]),
        ),
        (
            "curl, the same list: TLS and one answer",
            curl(&api, &folder)?,
        ),
    ];
    let mut took = ways.each_ref().map(|_| Vec::new());
    for _ in 0..cli.rounds {
        for ((_, command), took) in ways.iter_mut().zip(&mut took) {
            took.push(timed(command)?);
        }
    }
    for ((name, _), took) in ways.iter().zip(&mut took) {
        took.sort();
        let at = |part: usize| took[took.len() * part / 10].as_secs_f64() * 1e3;
        println!(
            "{name:<42} p10 {:6.1}   median {:6.1}   p90 {:6.1} ms",
            at(1),
            at(5),
            at(9)
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn timed(command: &mut Command) -> Result<Duration> {
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(began.elapsed()),
        other => Err(Error::new(format!("{command:?} ended with {other:?}"))),
    }
}

fn release() -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    let package = [
        "--package",
        "sparkconnect-cli",
        "--bin",
        "kubectl-sparkconnect",
    ];
    cargo.args([
        "build",
        "--release",
        "--message-format=json-render-diagnostics",
    ]);
    let messages = command::output(cargo.args(package).current_dir(repository()))?;
    let mut messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = messages.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    built.ok_or_else(|| Error::new("cargo built no program"))
}

/// curl with the kubeconfig's certificates, which `folder` gets.
fn curl(api: &ApiServer, folder: &Path) -> Result<Command> {
    let mut view = api.kubectl(&["config", "view", "--raw", "--minify", "-o=json"]);
    let config: Value = serde_json::from_str(&command::output(&mut view)?)
        .map_err(|error| Error::new(format!("the kubeconfig cannot be read: {error}")))?;
    let (cluster, user) = (
        &config["clusters"][0]["cluster"],
        &config["users"][0]["user"],
    );
    let made = std::fs::create_dir_all(folder);
    made.map_err(|error| Error::new(format!("no folder can be made: {error}")))?;
    let mut curl = Command::new("curl");
    curl.arg("--fail")
        .arg("--silent")
        .arg(format!("{}{SESSIONS}", api.url()));
    for (option, data) in [
        ("--cacert", &cluster["certificate-authority-data"]),
        ("--cert", &user["client-certificate-data"]),
        ("--key", &user["client-key-data"]),
    ] {
        let file = folder.join(option.trim_start_matches('-'));
        let decoded = STANDARD.decode(data.as_str().unwrap_or_default());
        let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| Error::new("the kubeconfig has no certificates in it"))?;
        pki::write_private(&file, &text)?;
        curl.arg(option).arg(file);
    }
    Ok(curl)
}
