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
    let settings = server.properties.iter();
    section(
        &mut hash,
        settings.map(|(key, value)| (key, value.as_bytes())),
    );
    let files = config_map.data.iter().flatten();
    section(
        &mut hash,
        files.map(|(file, content)| (file.as_str(), content.as_bytes())),
    );
    for (reference, source) in &server.injections.content {
        add(&mut hash, reference.to_string().as_bytes());
        let data = source.data.iter();
        section(
            &mut hash,
            data.map(|(key, value)| (key.as_str(), value.as_slice())),
        );
    }
    let digits = hash.finalize();
    digits
        .iter()
        .take(DIGITS / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Names and contents, with their number before them.
fn section<'a>(hash: &mut Sha256, pairs: impl Iterator<Item = (&'a str, &'a [u8])>) {
    let pairs: Vec<_> = pairs.collect();
    hash.update((pairs.len() as u64).to_be_bytes());
    for (name, content) in pairs {
        add(hash, name.as_bytes());
        add(hash, content);
    }
}

/// Each part with its length before it, so that two different lists of parts never hash alike.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}
