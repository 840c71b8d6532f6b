//! The API server that the tests of this program share, with both definitions installed as a user installs them.

use std::sync::LazyLock;
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::response::StatusCause;
use kube::{Client, Config};
use serde_json::{Map, Value};
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::{Result, command};

use crate::schema::Kind;

/// Far longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

// A static is not dropped; the server's guard ends it when this process ends.
static SERVER: LazyLock<ApiServer> = LazyLock::new(|| start().expect("the API server starts"));

fn start() -> Result<ApiServer> {
    let server = ApiServer::start()?;
    for kind in Kind::ALL {
        // Client-side apply: a definition that is too large for its annotation fails here.
        let path = kind.file().display().to_string();
        command::output(&mut server.kubectl(&["apply", "--filename", &path]))?;
    }
    for name in ["scs", "sps"] {
        wait_for(&format!("kubectl knows {name}"), PATIENCE, || {
            Ok(command::output(&mut server.kubectl(&["explain", name]))
                .map_or_else(|error| Seen::NotYet(error.to_string()), Seen::Done))
        })?;
    }
    Ok(server)
}

/// Standard output of kubectl, or the error with what it printed.
pub(crate) fn kubectl(args: &[&str]) -> Result<String> {
    command::output(&mut SERVER.kubectl(args))
}

/// Standard output of kubectl that is given `manifest` as a file with the option `--filename`.
pub(crate) fn kubectl_with(args: &[&str], manifest: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(&file, manifest).expect("a temporary file can be written");
    let path = file.path().display().to_string();
    kubectl(&[args, &["--filename", &path]].concat())
}

/// Resources of one kind in the namespace `default`, as plain values.
pub(crate) async fn api(resource: &ApiResource) -> Api<DynamicObject> {
    let kubeconfig = Kubeconfig::read_from(SERVER.kubeconfig()).expect("the file is there");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let client = Client::try_from(config.expect("the file is complete")).expect("it is usable");
    Api::namespaced_with(client, "default", resource)
}

/// What became of a request.
pub(crate) type Outcome = std::result::Result<DynamicObject, Vec<StatusCause>>;

/// Creates `manifest`, or only asks whether it could be.
pub(crate) async fn create(
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    manifest: &Value,
    dry_run: bool,
) -> Outcome {
    let params = PostParams {
        dry_run,
        ..PostParams::default()
    };
    let object = object(resource, manifest);
    outcome(api.create(&params, &object).await)
}

/// Asks whether `old`, which exists, could be replaced by `manifest`.
pub(crate) async fn replace(
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    old: &DynamicObject,
    manifest: &Value,
) -> Outcome {
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let mut object = object(resource, manifest);
    object.metadata = old.metadata.clone();
    let name = old
        .metadata
        .name
        .as_deref()
        .expect("what exists has a name");
    outcome(api.replace(name, &params, &object).await)
}

fn object(resource: &ApiResource, manifest: &Value) -> DynamicObject {
    let mut object = manifest.clone();
    object["apiVersion"] = resource.api_version.as_str().into();
    object["kind"] = resource.kind.as_str().into();
    serde_json::from_value(object).expect("a manifest has metadata")
}

fn outcome(answer: kube::Result<DynamicObject>) -> Outcome {
    match answer {
        Ok(object) => Ok(object),
        Err(kube::Error::Api(status)) if status.code == 422 => {
            let causes = status.details.map(|details| details.causes);
            Err(causes.unwrap_or_default())
        }
        Err(error) => panic!("the API server did not judge the object: {error}"),
    }
}

/// `base` with a JSON merge patch (RFC 7396) applied.
pub(crate) fn merged(base: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut result = base.as_object().cloned().unwrap_or_else(Map::new);
    for (key, value) in patch {
        if value.is_null() {
            result.remove(key);
        } else {
            let old = result.get(key).unwrap_or(&Value::Null);
            let new = merged(old, value);
            result.insert(key.clone(), new);
        }
    }
    Value::Object(result)
}
