//! What a user's pod template must leave alone, because a field of the spec decides it or the server would not work. No I/O.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sparkconnect_api::labels;

use super::spark_container;
use crate::server::validate::layout::{
    self, BLOCK_MANAGER_PORT, CONNECT_PORT, DRIVER_PORT, FIXED_VARIABLES, FIXED_VOLUMES, UI_PORT,
};

/// Which pods a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Driver pods, which the operator makes.
    Driver,
    /// Executor pods, which Spark makes.
    Executor,
}

/// Every reason to refuse the template, each with what to do; paths are relative to the template.
///
/// `volumes` are the names of the volumes that injections make, `mounts` their paths.
pub(crate) fn refusals(
    role: Role,
    template: &PodTemplateSpec,
    volumes: &[&str],
    mounts: &[&str],
) -> Vec<String> {
    let metadata = template.metadata.iter().flat_map(metadata_refusals);
    let spec = template
        .spec
        .iter()
        .flat_map(|spec| spec_refusals(role, spec, volumes));
    let container = spark_container(template);
    let container = container.into_iter().flat_map(|container| {
        let fields = container_refusals(role, container);
        fields
            .into_iter()
            .chain(entry_refusals(role, container, mounts))
    });
    metadata.chain(spec).chain(container).collect()
}

fn metadata_refusals(metadata: &ObjectMeta) -> Vec<String> {
    let plain = ObjectMeta {
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        ..ObjectMeta::default()
    };
    let others = (plain != *metadata)
        .then(|| "metadata has more than labels and annotations: remove the rest".to_owned());
    let own = [
        labels::NAME,
        labels::INSTANCE,
        labels::MANAGED_BY,
        labels::COMPONENT,
        labels::SERVER,
    ];
    let labels = metadata
        .labels
        .iter()
        .flatten()
        .filter(move |(key, _)| own.contains(&key.as_str()));
    let labels =
        labels.map(|(key, _)| format!("metadata.labels: {key} is the operator's: remove it"));
    let own = [labels::INPUTS_HASH, labels::RESTARTED_AT];
    let annotations = metadata.annotations.iter().flatten();
    let annotations = annotations
        .filter(move |(key, _)| own.contains(&key.as_str()))
        .map(|(key, _)| format!("metadata.annotations: {key} is the operator's: remove it"));
    others
        .into_iter()
        .chain(labels)
        .chain(annotations)
        .collect()
}

fn spec_refusals(role: Role, spec: &PodSpec, injected: &[&str]) -> Vec<String> {
    let driver = role == Role::Driver;
    let account = spec.service_account_name.is_some() || spec.service_account.is_some();
    let fields = [
        (
            spec.hostname.is_some(),
            "hostname",
            "the pod's name is its address: remove it",
        ),
        (
            spec.subdomain.is_some(),
            "subdomain",
            "the server's Service is its domain: remove it",
        ),
        (
            spec.restart_policy.is_some(),
            "restartPolicy",
            "a StatefulSet and Spark each have their own: remove it",
        ),
        (
            driver && account,
            "serviceAccountName",
            "give spec.serviceAccountName instead",
        ),
        (
            driver && spec.automount_service_account_token.is_some(),
            "automountServiceAccountToken",
            "spec.mode decides whether the driver needs it: remove it",
        ),
    ];
    let fixed = |name: &str| FIXED_VOLUMES.contains(&name) || injected.contains(&name);
    let volumes = spec.volumes.iter().flatten();
    let volumes = volumes.filter(|volume| fixed(&volume.name)).map(|volume| {
        format!(
            "spec.volumes: {} is the operator's: choose another name",
            volume.name
        )
    });
    refused("spec", &fields).chain(volumes).collect()
}

fn container_refusals(role: Role, container: &Container) -> Vec<String> {
    let (role, driver) = match role {
        Role::Driver => ("driver", true),
        Role::Executor => ("executor", false),
    };
    let resources = format!("give spec.{role}.cores, memory and resources instead");
    let fields = [
        (
            container.command.is_some(),
            "command",
            "it starts Spark: remove it",
        ),
        (
            container.args.is_some(),
            "args",
            "give settings in spec.sparkConf instead",
        ),
        (
            container.image.is_some(),
            "image",
            "give spec.image instead",
        ),
        (
            container.image_pull_policy.is_some(),
            "imagePullPolicy",
            "give spec.imagePullPolicy instead",
        ),
        (
            container.resources.is_some(),
            "resources",
            resources.as_str(),
        ),
        (
            container.working_dir.is_some(),
            "workingDir",
            "Spark writes there: remove it",
        ),
        (
            !driver && container.ports.is_some(),
            "ports",
            "Spark replaces them: remove them",
        ),
    ];
    refused("containers[spark]", &fields).collect()
}

fn entry_refusals(role: Role, container: &Container, mounts: &[&str]) -> Vec<String> {
    let variables = container.env.iter().flatten();
    let variables = variables
        .filter(|variable| FIXED_VARIABLES.contains(&variable.name.as_str()))
        .map(|variable| {
            format!(
                "containers[spark].env: {} is the operator's: remove it",
                variable.name
            )
        });
    let own_ports = [CONNECT_PORT, DRIVER_PORT, BLOCK_MANAGER_PORT, UI_PORT];
    let ports = container.ports.iter().flatten();
    let ports = ports
        .filter(move |port| role == Role::Driver && own_ports.contains(&port.container_port))
        .map(|port| {
            format!(
                "containers[spark].ports: {} is the operator's: remove it",
                port.container_port
            )
        });
    let paths = container.volume_mounts.iter().flatten();
    let paths =
        paths.filter_map(|mount| mount_refusal(role, &mount.mount_path, &mount.name, mounts));
    variables.chain(ports).chain(paths).collect()
}

fn mount_refusal(role: Role, path: &str, volume: &str, mounts: &[&str]) -> Option<String> {
    // Spark takes a mount of this volume for its local folder.
    if role == Role::Executor && volume == layout::LOCAL_VOLUME && path == layout::LOCAL_DIR {
        return None;
    }
    let taken = layout::clash(path).or_else(|| {
        mounts
            .iter()
            .copied()
            .find(|taken| layout::overlap(taken, path))
    })?;
    Some(match taken {
        layout::TMP_DIR => {
            format!(
                "containers[spark].volumeMounts: {path} is writable already: name your volume {}",
                layout::TMP_VOLUME
            )
        }
        taken => format!(
            "containers[spark].volumeMounts: {path} clashes with {taken}: choose another path"
        ),
    })
}

fn refused<'a>(
    within: &'a str,
    fields: &'a [(bool, &'a str, &'a str)],
) -> impl Iterator<Item = String> + 'a {
    fields
        .iter()
        .filter(|(given, ..)| *given)
        .map(move |(_, field, hint)| {
            format!("{within}.{field} cannot be given in a template: {hint}")
        })
}
