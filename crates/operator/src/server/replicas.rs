//! The replicas of a server as they are: their pods in the cache, and what the live watch saw of them. No I/O.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;
use sparkconnect_api::server::Mode;
use sparkconnect_api::{SparkConnectServer, SparkConnectServerSpec, labels};

use super::rollout::ReplicaFacts;
use crate::context::Context;
use crate::live::{Seen, State, Target};

/// Name of the container that runs Spark.
pub const SPARK_CONTAINER: &str = "spark";

/// One replica.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Name of its pod.
    pub name: String,
    /// UID of its pod.
    pub uid: String,
    /// Number at the end of the name.
    pub ordinal: i32,
    /// Hash of the inputs that it was started with.
    pub inputs_hash: Option<String>,
    /// Whether its pod is being deleted.
    pub deleting: bool,
    /// Whether its container runs.
    pub running: bool,
    /// Address of the pod.
    pub host: Option<String>,
    /// How often its container was restarted.
    pub restarts: i32,
    /// What keeps it from running: reason and message of its pod or container.
    pub trouble: Option<Trouble>,
    /// Sessions that live on it.
    pub sessions: usize,
    /// Since when it drains, as the status said.
    pub draining_since: Option<Timestamp>,
    /// What the live watch saw; absent while the pod has no address.
    pub seen: Option<Seen>,
}

/// Why a pod does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Kubernetes' word: `ImagePullBackOff`, `Unschedulable`, `CrashLoopBackOff`.
    pub reason: String,
    /// What Kubernetes or Spark said.
    pub message: String,
}

impl Replica {
    /// Whether it answered the last probe and is not going.
    pub fn serves(&self) -> bool {
        !self.deleting && self.seen.as_ref().is_some_and(Seen::serves)
    }

    /// Whether it runs and has not been asked yet: the operator has just started, or the replica has.
    pub fn is_unasked(&self) -> bool {
        let unknown = |seen: &Seen| seen.state == State::Unknown;
        self.running
            && !self.deleting
            && self.host.is_some()
            && self.seen.as_ref().is_none_or(unknown)
    }

    /// What a rollout decides on.
    pub fn facts(&self, desired_hash: &str) -> ReplicaFacts {
        ReplicaFacts {
            name: self.name.clone(),
            ordinal: self.ordinal,
            current: self.inputs_hash.as_deref() == Some(desired_hash),
            sessions: self.sessions,
            deleting: self.deleting,
            draining_since: self.draining_since,
        }
    }
}

/// The replicas of `server`, by ordinal.
pub fn observe(context: &Context, server: &SparkConnectServer) -> Vec<Replica> {
    let pods = driver_pods(context, server);
    let mut replicas: Vec<Replica> = pods
        .iter()
        .map(|pod| replica(pod, server, context))
        .collect();
    replicas.sort_by_key(|replica| replica.ordinal);
    replicas
}

/// The replicas that can be watched: those with an address.
pub fn targets(server: &SparkConnectServer, replicas: &[Replica]) -> Vec<Target> {
    let watchable = replicas
        .iter()
        .filter(|replica| replica.running && !replica.deleting);
    watchable
        .filter_map(|replica| {
            Some(Target {
                namespace: server.namespace().unwrap_or_default(),
                server: server.name_any(),
                pod: replica.name.clone(),
                uid: replica.uid.clone(),
                restarts: replica.restarts,
                host: replica.host.clone()?,
                ui: server.spec.ui.enabled,
                executors: server.spec.mode == Mode::Cluster,
                count_reads: counts_reads(&server.spec),
            })
        })
        .collect()
}

/// From 4.1 on Spark counts read bytes right only without vectored IO, which the operator switches off; a user may have
/// switched it on again.
fn counts_reads(spec: &SparkConnectServerSpec) -> bool {
    const SETTING: &str = "parquet.hadoop.vectored.io.enabled";
    let spark = format!("spark.hadoop.{SETTING}");
    let plain = [spec.spark_conf.get(&spark), spec.hadoop_conf.get(SETTING)];
    let off = plain
        .into_iter()
        .flatten()
        .all(|value| value.trim().eq_ignore_ascii_case("false"));
    let elsewhere = spec
        .spark_conf_from
        .iter()
        .any(|setting| setting.name == spark);
    spec.version.starts_with("4.0.") || (off && !elsewhere)
}

/// Driver pods of the server, from the cache.
fn driver_pods(context: &Context, server: &SparkConnectServer) -> Vec<std::sync::Arc<Pod>> {
    let (namespace, name) = (server.namespace(), server.name_any());
    let label = |pod: &Pod, key: &str, value: &str| {
        pod.labels().get(key).is_some_and(|found| found == value)
    };
    context.caches.pods.state_filter(|pod| {
        pod.namespace() == namespace
            && label(pod, labels::SERVER, &name)
            && label(pod, labels::COMPONENT, labels::DRIVER)
    })
}

fn replica(pod: &Pod, server: &SparkConnectServer, context: &Context) -> Replica {
    let (name, uid) = (pod.name_any(), pod.uid().unwrap_or_default());
    let container = spark_container(pod);
    Replica {
        ordinal: ordinal(&name),
        inputs_hash: pod.annotations().get(labels::INPUTS_HASH).cloned(),
        deleting: pod.metadata.deletion_timestamp.is_some(),
        running: container.is_some_and(is_running),
        host: pod.status.as_ref().and_then(|status| status.pod_ip.clone()),
        restarts: container.map_or(0, |container| container.restart_count),
        trouble: trouble(pod, container),
        sessions: context.placement.count(&uid),
        draining_since: draining_since(server, &name),
        seen: context.live.seen(&uid),
        name,
        uid,
    }
}

fn spark_container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses
        .iter()
        .find(|status| status.name == SPARK_CONTAINER)
}

fn is_running(container: &ContainerStatus) -> bool {
    container
        .state
        .as_ref()
        .is_some_and(|state| state.running.is_some())
}

/// A pod of a StatefulSet is named `<set>-<ordinal>`.
fn ordinal(name: &str) -> i32 {
    name.rsplit_once('-')
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(i32::MAX)
}

fn draining_since(server: &SparkConnectServer, replica: &str) -> Option<Timestamp> {
    let servers = &server.status.as_ref()?.servers;
    let status = servers.iter().find(|status| status.name == replica)?;
    status.draining_since.as_ref().map(|time| time.0)
}

/// What keeps a pod from running. A container that ended keeps why Spark did not start as its message (see the logging
/// configuration), or else the end of its log.
fn trouble(pod: &Pod, container: Option<&ContainerStatus>) -> Option<Trouble> {
    container
        .and_then(container_trouble)
        .or_else(|| unscheduled(pod))
}

fn container_trouble(container: &ContainerStatus) -> Option<Trouble> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone()?;
        if matches!(reason.as_str(), "ContainerCreating" | "PodInitializing") {
            return None;
        }
        let last = container
            .last_state
            .as_ref()
            .and_then(|last| last.terminated.as_ref());
        let message = last
            .and_then(last_words)
            .or_else(|| waiting.message.clone())
            .unwrap_or_default();
        return Some(Trouble { reason, message });
    }
    let ended = state.terminated.as_ref()?;
    let message = last_words(ended)
        .unwrap_or_else(|| format!("Spark ended with exit code {}", ended.exit_code));
    Some(Trouble {
        reason: ended.reason.clone().unwrap_or_else(|| "Error".to_owned()),
        message,
    })
}

/// What Spark logged about its end, or the end of its log.
fn last_words(ended: &ContainerStateTerminated) -> Option<String> {
    let message = ended.message.as_ref()?.trim();
    (!message.is_empty()).then(|| message.to_owned())
}

fn unscheduled(pod: &Pod) -> Option<Trouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions
        .iter()
        .find(|condition| condition.type_ == "PodScheduled")?;
    (scheduled.status == "False").then(|| Trouble {
        reason: scheduled
            .reason
            .clone()
            .unwrap_or_else(|| "Unschedulable".to_owned()),
        message: scheduled.message.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "demo-0"}, "status": status})).unwrap()
    }

    fn trouble_of(state: &Value, last: &Value) -> Option<Trouble> {
        let pod = pod(&json!({"containerStatuses": [{
            "name": "spark", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
            "state": state, "lastState": last,
        }]}));
        trouble(&pod, spark_container(&pod))
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_trouble_and_a_pod_being_made_is_not() {
        let waiting =
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let trouble = trouble_of(&waiting, &json!({})).unwrap();
        assert_eq!(
            (trouble.reason.as_str(), trouble.message.as_str()),
            ("ImagePullBackOff", "no such image")
        );
        assert_eq!(
            trouble_of(
                &json!({"waiting": {"reason": "ContainerCreating"}}),
                &json!({})
            ),
            None
        );
        assert_eq!(trouble_of(&json!({"running": {}}), &json!({})), None);
    }

    #[test]
    fn a_crash_loop_tells_the_end_of_sparks_log() {
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}});
        let last = json!({"terminated": {"exitCode": 1, "reason": "Error", "message": "spark.x should be int\n\n"}});
        assert_eq!(
            trouble_of(&waiting, &last).unwrap().message,
            "spark.x should be int"
        );
        let ended = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let trouble = trouble_of(&ended, &json!({})).unwrap();
        assert_eq!(trouble.reason, "OOMKilled");
        assert!(trouble.message.contains("137"));
    }

    #[test]
    fn a_pod_that_fits_nowhere_is_trouble() {
        let pod = pod(&json!({"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: insufficient cpu",
        }]}));
        assert!(
            trouble(&pod, None)
                .unwrap()
                .message
                .contains("insufficient cpu")
        );
    }

    #[test]
    fn the_ordinal_is_the_number_at_the_end() {
        assert_eq!(ordinal("my-server-12"), 12);
        assert_eq!(ordinal("odd"), i32::MAX);
    }
}
