//! The hash of everything that a replica starts with. No I/O.

use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec};
use sha2::{Digest, Sha256};

use crate::server::validate::ValidatedServer;

/// Hexadecimal digits of the hash.
const DIGITS: usize = 16;

/// Hash of the pod template, the settings, the ConfigMap's files and the data of everything injected.
///
/// Of data, not of resource versions: tools that sync Secrets touch those hourly. The settings hold the server's token,
/// which nobody can guess, so the hash tells nothing about the secret values that went into it.
pub(super) fn inputs_hash(
    server: &ValidatedServer,
    pod: &PodTemplateSpec,
    config_map: &ConfigMap,
) -> String {
    let mut hash = Sha256::new();
    add(
        &mut hash,
        &serde_json::to_vec(pod).expect("a pod template is made of maps with text keys"),
    );
    for (key, value) in server.properties.iter() {
        add(&mut hash, key.as_bytes());
        add(&mut hash, value.as_bytes());
    }
    for (file, content) in config_map.data.iter().flatten() {
        add(&mut hash, file.as_bytes());
        add(&mut hash, content.as_bytes());
    }
    for (reference, source) in &server.injections.content {
        add(&mut hash, reference.to_string().as_bytes());
        for (key, value) in &source.data {
            add(&mut hash, key.as_bytes());
            add(&mut hash, value);
        }
    }
    let digits = hash.finalize();
    digits
        .iter()
        .take(DIGITS / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Each part with its length before it, so that two different lists of parts never hash alike.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}
