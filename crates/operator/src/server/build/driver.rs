//! The driver's pod: spark-submit as the container's own process. No I/O.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EnvVarSource, LocalObjectReference, ObjectFieldSelector,
    PodSpec, PodTemplateSpec, Probe, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sparkconnect_api::labels;
use sparkconnect_api::server::Mode;

use super::{config_map, metadata, pod, service};
use crate::server::inputs::SourceRef;
use crate::server::template;
use crate::server::validate::ValidatedServer;
use crate::server::validate::layout::{
    CONFIG_DIR, CONFIG_VOLUME, CONNECT_PORT, DRIVER_DIR, NO_CONF_DIR, PROPERTIES_FILE,
    PROPERTIES_VOLUME,
};

/// Seconds that Spark has to stop its executors.
const GRACE_SECONDS: i64 = 30;
/// Seconds between readiness probes.
const PROBE_SECONDS: i32 = 2;

/// The driver's pod template, the user's merged in, without the annotation of the inputs' hash.
pub(super) fn pod_template(server: &ValidatedServer) -> PodTemplateSpec {
    let restarted = server.restarted_at.clone();
    let ours = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(server.labels(Some(labels::DRIVER))),
            annotations: restarted.map(|at| [(labels::RESTARTED_AT.to_owned(), at)].into()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(server)),
    };
    template::merge(ours, &server.driver.template)
}

fn pod_spec(server: &ValidatedServer) -> PodSpec {
    let secrets = server.image.pull_secrets.iter();
    PodSpec {
        containers: vec![container(server)],
        volumes: Some(volumes(server)),
        service_account_name: Some(server.account_name().to_owned()),
        automount_service_account_token: Some(server.mode == Mode::Cluster),
        image_pull_secrets: pod::list(
            secrets.map(|name| LocalObjectReference { name: name.clone() }),
        ),
        enable_service_links: Some(false),
        security_context: Some(pod::pod_security()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        ..PodSpec::default()
    }
}

fn container(server: &ValidatedServer) -> Container {
    Container {
        command: Some(command(server)),
        env: Some(environment(server)),
        ports: Some(container_ports(server)),
        readiness_probe: Some(readiness()),
        resources: Some(server.driver.resources.clone()),
        volume_mounts: Some(mounts(server)),
        ..pod::container(server)
    }
}

fn volumes(server: &ValidatedServer) -> Vec<Volume> {
    let properties = SourceRef::secret(metadata::secret_name(server));
    let config = SourceRef::config_map(metadata::config_map_name(server));
    let files = server.injections.files.iter();
    [
        pod::source_volume(PROPERTIES_VOLUME, &properties),
        pod::source_volume(CONFIG_VOLUME, &config),
        pod::tmp().0,
        pod::local().0,
    ]
    .into_iter()
    .chain(files.map(|file| pod::files(file).0))
    .collect()
}

fn mounts(server: &ValidatedServer) -> Vec<VolumeMount> {
    let config = config_map::keys(server);
    let files = server.injections.files.iter();
    std::iter::once(pod::pinned(PROPERTIES_VOLUME, DRIVER_DIR, PROPERTIES_FILE))
        .chain(
            config
                .into_iter()
                .map(|key| pod::pinned(CONFIG_VOLUME, CONFIG_DIR, key)),
        )
        .chain([pod::tmp().1, pod::local().1])
        .chain(files.map(|file| pod::files(file).1))
        .collect()
}

/// No wrapper shell: spark-submit replaces itself with Java, which is then the process that signals reach. What differs from
/// replica to replica is given here, everything else in the properties file, which arguments win over.
fn command(server: &ValidatedServer) -> Vec<String> {
    let properties = format!("{DRIVER_DIR}/{PROPERTIES_FILE}");
    let host = format!("spark.driver.host=$(POD_NAME).{}", service::domain(server));
    let fixed = [
        "/opt/spark/bin/spark-submit",
        "--class",
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "--name",
        "$(POD_NAME)",
        "--properties-file",
        &properties,
        "--conf",
        &host,
    ];
    let cluster = ["--conf", "spark.kubernetes.driver.pod.name=$(POD_NAME)"];
    let cluster = cluster.iter().filter(|_| server.mode == Mode::Cluster);
    fixed
        .iter()
        .chain(cluster)
        .map(|part| (*part).to_owned())
        .collect()
}

fn environment(server: &ValidatedServer) -> Vec<EnvVar> {
    let name = EnvVar {
        name: "POD_NAME".to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: "metadata.name".to_owned(),
            }),
            ..EnvVarSource::default()
        }),
    };
    [name, pod::env("SPARK_CONF_DIR", NO_CONF_DIR)]
        .into_iter()
        .chain(pod::added(&server.driver))
        .collect()
}

fn container_ports(server: &ValidatedServer) -> Vec<ContainerPort> {
    service::ports(server)
        .into_iter()
        .map(|(name, port)| ContainerPort {
            name: Some(name.to_owned()),
            container_port: port,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        })
        .collect()
}

/// That the port is open. Whether Spark serves is the operator's own probe's to say: the port opens before Spark answers,
/// and stays open when it no longer does.
fn readiness() -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(CONNECT_PORT),
            host: None,
        }),
        period_seconds: Some(PROBE_SECONDS),
        ..Probe::default()
    }
}
