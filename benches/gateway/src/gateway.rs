//! This project's gateway as it runs in a cluster: its real program, beside a real API server that holds one server and one
//! session, whose replica's name leads to the backend. Builds the program, starts processes, writes files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use sparkconnect_api::address;
use sparkconnect_spark::InstallationKey;
use sparkconnect_spark::key::token_hash;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Error, Result, command};

use crate::place::{LOAD_CORE, Place, stay_on};
use crate::proxy::{Name, Proxy};
use crate::tls;

/// Id of the session that is called.
pub const SESSION: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";

const PROGRAM: &str = "sparkconnect-gateway";
const KEY: [u8; 32] = [7; 32];
const NAMESPACE: &str = "default";
const SERVER: &str = "demo";
const REPLICA: &str = "demo-0";

/// Gives the replica's name its address, for the program alone, and becomes it.
const WITH_HOSTS: &str = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;

/// The program, built with this profile of cargo.
///
/// # Errors
/// When it cannot be built.
pub fn build(profile: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args([
            "build",
            "--quiet",
            "--profile",
            profile,
            "--package",
            PROGRAM,
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(repository());
    let messages = command::output(&mut build)?;
    let messages = messages.lines().map(serde_json::from_str::<Value>);
    let mut artifacts =
        messages.filter_map(|message| Some(message.ok()?["executable"].as_str()?.into()));
    let program = artifacts.next_back();
    program.ok_or_else(|| Error::new(format!("cargo built no {PROGRAM}")))
}

/// The API server, and the token of the session.
#[derive(Debug)]
pub struct Resources {
    api: ApiServer,
    token: String,
}

impl Resources {
    /// Starts the API server and tells it of the server and the session.
    ///
    /// # Errors
    /// When that fails.
    pub fn start(place: &Place) -> Result<Self> {
        let api = ApiServer::start()?;
        let definitions = repository().join("deploy/crds");
        let definitions = definitions.display().to_string();
        kubectl(
            &api,
            &["apply", "--server-side", "--kustomize", &definitions],
        )?;
        let established = [
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=60s",
        ];
        kubectl(&api, &[&["wait"][..], &established].concat())?;
        apply(
            &api,
            place,
            "SparkConnectServer",
            SERVER,
            &json!({"version": "4.3.0"}),
        )?;
        apply(
            &api,
            place,
            "SparkSession",
            "ada",
            &json!({"server": SERVER, "user": "ada@example.com", "sessionId": SESSION}),
        )?;
        let token = make_ready(&api)?;
        Ok(Self { api, token })
    }

    /// As [`Self::start`], on the core of the load and behind it: what the API server does by itself is not to be measured.
    ///
    /// # Errors
    /// When that fails.
    pub fn start_aside(place: &Place) -> Result<Self> {
        // Both are this thread's alone, and inherited by what it starts.
        let start = || {
            stay_on(LOAD_CORE)?;
            rustix::process::nice(19).context(|| "stepping aside".to_owned())?;
            Self::start(place)
        };
        let started = thread::scope(|scope| scope.spawn(start).join());
        started.unwrap_or_else(|_| Err(Error::new("starting the API server panicked")))
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The gateway with everything on: authentication, session check, rewriting, counts; one worker.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn gateway(&self, place: &Place, program: &Path) -> Result<Proxy> {
        let folder = place.folder();
        let (key, hosts) = (folder.join("key"), folder.join("hosts"));
        let write = |path: &Path, content: &[u8]| {
            std::fs::write(path, content).context(|| format!("writing {}", path.display()))
        };
        write(&key, &KEY)?;
        let host = address::service_host(NAMESPACE, SERVER);
        let line = format!("{} {REPLICA}.{host}\n", place.backend().ip());
        write(&hosts, line.as_bytes())?;
        let mut args = own_mounts();
        args.extend(["sh", "-c", WITH_HOSTS, "sh"].map(str::to_owned));
        args.extend([hosts.display().to_string(), program.display().to_string()]);
        args.extend([
            format!("--listen-address={}", place.tls()),
            format!("--health-address={}", place.health()),
            format!("--tls-folder={}", folder.display()),
            format!("--key-file={}", key.display()),
            "--control-address=127.0.0.1:0".to_owned(),
            format!(
                "--control-tls-folder={}",
                folder.join(tls::CONTROL).display()
            ),
            "--log-format=text".to_owned(),
            "--log-filter=warn".to_owned(),
            "--threads=1".to_owned(),
            // All clients of the benchmark have one address, and are one user.
            "--max-connections-per-address=10000".to_owned(),
        ]);
        let kubeconfig = self.api.kubeconfig().display().to_string();
        Ok(Proxy {
            name: Name::Ours,
            label: label(program)?,
            program: "unshare".into(),
            args,
            env: vec![
                ("KUBECONFIG", kubeconfig),
                ("TOKIO_WORKER_THREADS", "1".to_owned()),
            ],
            plain: false,
            log: folder.join("gateway.log"),
        })
    }
}

/// What has `unshare` give a process mounts of its own, as root or as anybody.
fn own_mounts() -> Vec<String> {
    let mut args = vec!["--mount".to_owned()];
    if !rustix::process::geteuid().is_root() {
        args.push("--map-root-user".to_owned());
    }
    args
}

/// Name and version, as `sparkconnect-gateway 0.1.0`.
fn label(program: &Path) -> Result<String> {
    command::output(Command::new(program).arg("--version"))
}

fn kubectl(api: &ApiServer, args: &[&str]) -> Result<String> {
    command::output(&mut api.kubectl(args))
}

fn apply(api: &ApiServer, place: &Place, kind: &str, name: &str, spec: &Value) -> Result<()> {
    let object = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
    });
    let file = place.folder().join(format!("{kind}.json"));
    std::fs::write(&file, object.to_string()).context(|| format!("writing {}", file.display()))?;
    kubectl(api, &["apply", "--filename", &file.display().to_string()]).map(drop)
}

/// Has the session say that it is ready, as the operator would; returns its token.
fn make_ready(api: &ApiServer) -> Result<String> {
    let uid = [
        "get",
        "sparksession/ada",
        "-n",
        NAMESPACE,
        "-o=jsonpath={.metadata.uid}",
    ];
    let token = InstallationKey::from_bytes(KEY).session_token(&kubectl(api, &uid)?);
    let patch = json!({"status": {
        "phase": "Ready", "server": REPLICA,
        "replicaUid": "replica", "serverSideSessionId": "0".repeat(36), "tokenHash": token_hash(&token),
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Made", "message": "serves",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }],
    }});
    let patch = patch.to_string();
    let change = ["--subresource=status", "--type=merge", "-p", &patch];
    kubectl(
        api,
        &[&["patch", "sparksession/ada", "-n", NAMESPACE][..], &change].concat(),
    )?;
    Ok(token.expose().to_owned())
}
