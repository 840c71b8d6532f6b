//! API servers, the program, and a Python that says what a test has it say.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::command;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::toolchain::KUBERNETES_VERSION;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

// A static is not dropped; the server's guard ends it when this process ends.
static INSTALLED: LazyLock<ApiServer> = LazyLock::new(|| {
    let server = bare();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/cluster-wide");
    let folder = deploy.display().to_string();
    kubectl(&server, &["apply", "--server-side", "--kustomize", &folder]);
    let seen = wait_for("the kinds to be served", PATIENCE, || {
        let path = ["get", "--raw", "/apis/sparkconnect.dev/v1alpha1"];
        let list = command::output(&mut server.kubectl(&path));
        let list = list.unwrap_or_else(|error| error.to_string());
        let served = list.contains("\"sparkconnectservers\"") && list.contains("\"sparksessions\"");
        Ok(if served {
            Seen::Done(())
        } else {
            Seen::NotYet(list)
        })
    });
    seen.unwrap_or_else(|error| panic!("{error}"));
    server
});

/// An API server with nothing on it.
pub(crate) fn bare() -> ApiServer {
    ApiServer::start().unwrap_or_else(|error| panic!("{error}"))
}

/// The one with everything of `deploy/cluster-wide` on it, which nobody runs.
pub(crate) fn installed() -> &'static ApiServer {
    &INSTALLED
}

pub(crate) fn kubectl(server: &ApiServer, args: &[&str]) -> String {
    command::output(&mut server.kubectl(args)).unwrap_or_else(|error| panic!("{error}"))
}

/// Creates a namespace.
pub(crate) fn namespace(server: &ApiServer, name: &str) {
    kubectl(server, &["create", "namespace", name]);
}

/// Creates an object of a namespace, and has it tell this.
pub(crate) fn create(server: &ApiServer, namespace: &str, object: &Value, status: &Value) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(&file, object.to_string()).expect("it can be written");
    let path = file.path().display().to_string();
    kubectl(
        server,
        &["--namespace", namespace, "create", "--filename", &path],
    );
    if !status.is_null() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = format!(
            "{}/{}",
            text(&object["kind"]),
            text(&object["metadata"]["name"])
        );
        tell(server, namespace, &name, status);
    }
}

/// Has an object tell this, as its controller would.
pub(crate) fn tell(server: &ApiServer, namespace: &str, object: &str, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    let args = [
        "patch",
        object,
        "--subresource=status",
        "--type=merge",
        "--patch",
        &patch,
    ];
    kubectl(server, &[&["--namespace", namespace], &args[..]].concat());
}

/// A condition.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2020-01-01T00:00:00Z",
    })
}

/// A server of Spark `version`.
pub(crate) fn demo(version: &str) -> Value {
    json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer",
        "metadata": {"name": "demo"}, "spec": {"version": version},
    })
}

/// A kubeconfig of somebody whom nobody granted anything.
pub(crate) fn nobody(server: &ApiServer) -> PathBuf {
    let made = server.kubeconfig_for("nobody", &[]);
    made.unwrap_or_else(|error| panic!("{error}"))
}

/// The program as the user of a kubeconfig, in a namespace.
pub(crate) fn program(kubeconfig: &Path, namespace: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-sparkconnect"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KUBECONFIG", kubeconfig)
        .args(["--namespace", namespace])
        .args(args);
    command
}

/// What came of it, written down.
pub(crate) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(KUBERNETES_VERSION, "VERSION");
        let own = format!("version {}", env!("CARGO_PKG_VERSION"));
        text.replace(&own, "version VERSION")
    };
    let code = output.status.code();
    let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("exit code: {code}\n--- standard output\n{out}--- standard error\n{err}")
}

/// Something that passes for Python and says, whatever it is asked, that it has this PySpark.
pub(crate) fn python(folder: &Path, pyspark: Option<&str>) -> PathBuf {
    let says = json!({"python": "3.11.7", "pyspark": pyspark, "missing": []});
    let path = folder.join("python3");
    fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("and made a program");
    path
}
