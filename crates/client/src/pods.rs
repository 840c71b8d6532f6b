//! Pods of drivers and executors, and their logs, through the API server. Does I/O.

use futures::io::{AsyncBufRead, AsyncBufReadExt};
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, LogParams};

use crate::kubernetes::told;
use crate::{Category, Error, LogRequest, LogStream, Role};

/// Where a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By its name.
    Name(String),
    /// By its labels. Of several, which an application has that was started again, the newest is meant.
    Labels(String),
}

/// The pod, if there is one.
///
/// # Errors
/// When the API server does not answer, or refuses.
pub async fn find(pods: &Api<Pod>, place: &Place) -> Result<Option<Pod>, Error> {
    match place {
        Place::Name(name) => {
            let found = pods.get_opt(name).await;
            found.map_err(|error| told(error, &format!("reading the pod {name}")))
        }
        Place::Labels(labels) => {
            let found = pods.list(&ListParams::default().labels(labels)).await;
            let found = found.map_err(|error| told(error, "listing pods"))?;
            let created = |pod: &Pod| pod.metadata.creation_timestamp.clone();
            Ok(found.items.into_iter().max_by_key(created))
        }
    }
}

/// The lines of its log: of Spark's own container, beside which there may be others.
///
/// # Errors
/// [`Category::NotFound`] when there is no such log, or not yet; whatever else the API server refuses.
pub async fn open(pods: &Api<Pod>, pod: &Pod, request: &LogRequest) -> Result<LogStream, Error> {
    let name = pod.metadata.name.clone().unwrap_or_default();
    // The API server would answer with an empty log.
    if pod
        .spec
        .as_ref()
        .is_none_or(|spec| spec.node_name.is_none())
    {
        return Err(Error::new(
            Category::NotFound,
            format!("pod {name} has no log: it has no node yet"),
        )
        .hint("ask again when it has started; `kubectl describe pod` says what it waits for"));
    }
    let parameters = LogParams {
        container: container(pod, &request.role),
        follow: request.follow,
        previous: request.previous,
        tail_lines: request.tail.map(i64::from),
        ..LogParams::default()
    };
    let opened = pods.log_stream(&name, &parameters).await;
    let log = opened.map_err(|error| no_log(error, &name))?;
    Ok(lines(log, name))
}

/// Spark's own container: by the name that Spark gives it, or by that of a SparkConnectServer's pods.
fn container(pod: &Pod, role: &Role) -> Option<String> {
    let sparks = match role {
        Role::Driver => "spark-kubernetes-driver",
        Role::Executor(_) => "spark-kubernetes-executor",
    };
    let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .find(|container| [sparks, "spark"].contains(&container.name.as_str()))
        .or_else(|| pod.spec.as_ref()?.containers.first())
        .map(|container| container.name.clone())
}

/// The API server refuses the log of a container that has not begun, or not begun again, as a bad request.
fn no_log(error: kube::Error, pod: &str) -> Error {
    match &error {
        kube::Error::Api(status) if status.code == 400 => Error::new(
            Category::NotFound,
            format!("pod {pod} has no such log: {}", status.message),
        )
        .hint("ask again when it has started; a previous log is there only after a restart"),
        _ => told(error, &format!("reading the log of pod {pod}")),
    }
}

/// That `subject`, which is in a state, has no pod of that role whose log it could be.
pub(crate) fn none(subject: &str, state: Option<&str>, ended: bool, role: &Role) -> Error {
    let whose = match role {
        Role::Driver => "driver".to_owned(),
        Role::Executor(number) => format!("executor {number}"),
    };
    let state = state.unwrap_or("not told yet");
    let error = Error::new(
        Category::NotFound,
        format!("the {subject} has no pod of its {whose}; its state is {state}"),
    );
    if ended {
        error.hint("it has ended, and its pods are deleted")
    } else {
        error.hint("ask again when it runs")
    }
}

/// The lines of a log. Programs may write what is no text: such bytes are replaced.
fn lines(log: impl AsyncBufRead + Send + 'static, pod: String) -> LogStream {
    stream::try_unfold((Box::pin(log), pod), |(mut log, pod)| async move {
        let mut line = Vec::new();
        match log.read_until(b'\n', &mut line).await {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some((text(&line), (log, pod)))),
            Err(error) => Err(Error::new(
                Category::Unavailable,
                format!("the log of pod {pod} broke off"),
            )
            .caused_by(error)),
        }
    })
    .boxed()
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use serde_json::json;

    use super::*;

    fn pod(containers: &[&str]) -> Pod {
        let containers: Vec<_> = containers
            .iter()
            .map(|name| json!({"name": name}))
            .collect();
        serde_json::from_value(json!({"spec": {"containers": containers}})).unwrap()
    }

    #[test]
    fn sparks_container_is_chosen_among_others() {
        let container = |containers: &[&str], role: Role| container(&pod(containers), &role);
        let executor = || Role::Executor("1".to_owned());
        for (containers, role, chosen) in [
            (
                ["sidecar", "spark-kubernetes-driver"],
                Role::Driver,
                "spark-kubernetes-driver",
            ),
            (
                ["sidecar", "spark-kubernetes-executor"],
                executor(),
                "spark-kubernetes-executor",
            ),
            (["sidecar", "spark"], executor(), "spark"),
            (["main", "sidecar"], Role::Driver, "main"),
        ] {
            assert_eq!(container(&containers, role).as_deref(), Some(chosen));
        }
    }

    #[tokio::test]
    async fn lines_come_without_their_ends_and_whatever_they_hold() {
        let log = futures::io::Cursor::new(b"Pi is 3.1\r\n\n\xff\nlast".to_vec());
        let lines: Vec<String> = lines(log, "pi-driver".to_owned())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(lines, ["Pi is 3.1", "", "\u{fffd}", "last"]);
    }
}
