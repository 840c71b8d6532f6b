//! The executors' pod template: a file that Spark reads for each executor it makes. No I/O.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sparkconnect_api::labels;

use super::pod;
use crate::server::template;
use crate::server::validate::{PodPlan, ValidatedServer};

/// The template as YAML; `None` in mode Local.
///
/// Spark adds name, image, arguments, ports, memory, CPU, and the volume of its local folder.
pub(super) fn pod_template_file(server: &ValidatedServer) -> Option<String> {
    let plan = server.executor.as_ref()?;
    let merged = template::merge(pod_template(server, plan), &plan.template);
    let pod = Pod {
        metadata: merged.metadata.unwrap_or_default(),
        spec: merged.spec,
        status: None,
    };
    Some(serde_yaml::to_string(&pod).expect("a pod is made of maps with text keys"))
}

fn pod_template(server: &ValidatedServer, plan: &PodPlan) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(server.labels(Some(labels::EXECUTOR))),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(server, plan)),
    }
}

fn pod_spec(server: &ValidatedServer, plan: &PodPlan) -> PodSpec {
    let (volumes, mounts) = std::iter::once(pod::tmp())
        .chain(server.injections.files.iter().map(pod::files))
        .unzip();
    let container = Container {
        env: Some(pod::added(plan).collect()),
        resources: (plan.resources != Default::default()).then(|| plan.resources.clone()),
        volume_mounts: Some(mounts),
        ..pod::container(server)
    };
    PodSpec {
        containers: vec![container],
        volumes: Some(volumes),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(pod::pod_security()),
        ..PodSpec::default()
    }
}
