//! What driver and executor pods have in common: paths, ports, restricted security, volumes. No I/O.

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapEnvSource, ConfigMapVolumeSource, Container, EmptyDirVolumeSource,
    EnvFromSource, EnvVar, PodSecurityContext, SeccompProfile, SecretEnvSource, SecretVolumeSource,
    SecurityContext, Volume, VolumeMount,
};

use crate::server::inputs::{SourceKind, SourceRef};
use crate::server::validate::layout::{
    CONTAINER, JAVA_TOOL_OPTIONS, LOCAL_DIR, LOCAL_VOLUME, PYTHONPATH, TMP_DIR, TMP_VOLUME,
};
use crate::server::validate::{FileVolume, PodPlan, ValidatedServer};

/// Uid and gid of the user `spark` in Spark's images.
const SPARK_ID: i64 = 185;
/// Mode of mounted files, octal 0440: read by owner and group.
const FILE_MODE: i32 = 0o440;

/// The container `spark` as both roles have it: image, security, working folder, injected environment.
pub(super) fn container(server: &ValidatedServer) -> Container {
    Container {
        name: CONTAINER.to_owned(),
        image: Some(server.image.name.clone()),
        image_pull_policy: server
            .image
            .pull_policy
            .map(|policy| policy.as_str().to_owned()),
        // Spark writes artifacts, fetched files, the warehouse and Derby's log under it.
        working_dir: Some(LOCAL_DIR.to_owned()),
        env_from: list(server.injections.environment.iter().map(env_from)),
        security_context: Some(container_security()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// A plain environment variable.
pub(super) fn env(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}

/// The variables that are added up from the operator's values and the user's.
pub(super) fn added(plan: &PodPlan) -> impl Iterator<Item = EnvVar> {
    let python = plan.python_path.iter().map(|path| env(PYTHONPATH, path));
    std::iter::once(env(JAVA_TOOL_OPTIONS, &plan.java_tool_options)).chain(python)
}

/// Security of the whole pod, as the restricted Pod Security Standard asks.
pub(super) fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(SPARK_ID),
        run_as_group: Some(SPARK_ID),
        fs_group: Some(SPARK_ID),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..PodSecurityContext::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: None,
        }),
        ..SecurityContext::default()
    }
}

/// The writable folder at [`TMP_DIR`].
pub(super) fn tmp() -> (Volume, VolumeMount) {
    empty_dir(TMP_VOLUME, TMP_DIR)
}

/// The writable folder at [`LOCAL_DIR`].
pub(super) fn local() -> (Volume, VolumeMount) {
    empty_dir(LOCAL_VOLUME, LOCAL_DIR)
}

fn empty_dir(name: &str, path: &str) -> (Volume, VolumeMount) {
    let volume = Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    };
    (volume, mount(name, path))
}

/// A folder of files from a Secret or ConfigMap, kept up to date by the kubelet.
pub(super) fn files(file: &FileVolume) -> (Volume, VolumeMount) {
    let volume = source_volume(&file.volume, &file.reference);
    let mount = VolumeMount {
        read_only: Some(true),
        ..mount(&file.volume, &file.path)
    };
    (volume, mount)
}

/// A volume of all keys of a Secret or ConfigMap.
pub(super) fn source_volume(volume: &str, source: &SourceRef) -> Volume {
    let mut made = Volume {
        name: volume.to_owned(),
        ..Volume::default()
    };
    match source.kind {
        SourceKind::Secret => {
            made.secret = Some(SecretVolumeSource {
                secret_name: Some(source.name.clone()),
                default_mode: Some(FILE_MODE),
                ..SecretVolumeSource::default()
            });
        }
        SourceKind::ConfigMap => {
            made.config_map = Some(ConfigMapVolumeSource {
                name: source.name.clone(),
                default_mode: Some(FILE_MODE),
                ..ConfigMapVolumeSource::default()
            });
        }
    }
    made
}

/// Mounts one file of a volume. By subPath, so that a running replica keeps the content that it started with.
pub(super) fn pinned(volume: &str, path: &str, key: &str) -> VolumeMount {
    VolumeMount {
        sub_path: Some(key.to_owned()),
        read_only: Some(true),
        ..mount(volume, &format!("{path}/{key}"))
    }
}

fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}

fn env_from(source: &SourceRef) -> EnvFromSource {
    match source.kind {
        SourceKind::Secret => EnvFromSource {
            secret_ref: Some(SecretEnvSource {
                name: source.name.clone(),
                optional: None,
            }),
            ..EnvFromSource::default()
        },
        SourceKind::ConfigMap => EnvFromSource {
            config_map_ref: Some(ConfigMapEnvSource {
                name: source.name.clone(),
                optional: None,
            }),
            ..EnvFromSource::default()
        },
    }
}

/// `None` in place of an empty list, which the API server would drop.
pub(super) fn list<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}
