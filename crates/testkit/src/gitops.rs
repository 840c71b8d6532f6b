//! What GitOps tools make of objects, asked of their own code: Argo CD's health, by its Lua engine, and kstatus, which Flux waits by. Runs a
//! program, built at the first call.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{Context, Error, Result};
use crate::go_tools;
use crate::install::repository;

/// What each tool says of one object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Verdict {
    /// The object's name.
    pub name: String,
    /// Argo CD's, by the scripts of `deploy/argocd`; absent for a kind that it has no health of.
    pub argo: Option<Said>,
    /// That of kstatus.
    pub kstatus: Said,
}

/// A word and a sentence.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Said {
    /// The word.
    #[serde(default)]
    pub status: String,
    /// The sentence.
    #[serde(default)]
    pub message: String,
}

/// Whether Argo CD sees a difference between a manifest and the live object.
#[derive(Clone, Debug, Deserialize)]
pub struct Difference {
    /// Kind and name.
    pub name: String,
    /// Whether the object is out of sync.
    pub modified: bool,
    /// The live object as it is compared.
    pub live: Value,
    /// What a sync would make of it.
    pub predicted: Value,
}

/// Judges objects as they are in the cluster.
///
/// # Errors
/// When the program cannot be built, or a script fails.
pub fn judge(objects: &[Value]) -> Result<Vec<Verdict>> {
    let settings = repository().join("deploy/argocd/argocd-cm.yaml");
    let settings = settings.display().to_string();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    ask(&["judge", &settings], &list)
}

/// Compares manifests with the live objects, in pairs.
///
/// # Errors
/// When the program cannot be built, or an object is none.
pub fn drift(pairs: &[(Value, Value)]) -> Result<Vec<Difference>> {
    let pair = |(desired, live): &(Value, Value)| json!({"desired": desired, "live": live});
    let pairs: Vec<Value> = pairs.iter().map(pair).collect();
    ask(&["drift"], &json!(pairs))
}

fn ask<T: DeserializeOwned>(args: &[&str], question: &Value) -> Result<T> {
    let program = go_tools::program("gitops", "./health", "gitops-health")?;
    let asking = || format!("asking {}", program.display());
    let mut child = Command::new(&program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(asking)?;
    let mut input = child
        .stdin
        .take()
        .expect("its input was asked for as a pipe");
    // It reads everything before it answers.
    let written = input.write_all(question.to_string().as_bytes());
    drop(input);
    let output = child.wait_with_output().context(asking)?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!("{}: {}", asking(), error.trim())));
    }
    written.context(asking)?;
    serde_json::from_slice(&output.stdout).context(asking)
}
