//! The ConfigMap: logging, and the executors' pod template. No I/O.

use k8s_openapi::api::core::v1::ConfigMap;

use super::{executor, logging, metadata};
use crate::server::validate::ValidatedServer;
use crate::server::validate::layout::{EXECUTOR_TEMPLATE_FILE, LOG4J2_FILE};

/// The files that are not secret.
pub(super) fn config_map(server: &ValidatedServer) -> ConfigMap {
    let template = executor::pod_template_file(server);
    let files = [
        (LOG4J2_FILE, Some(logging::LOG4J2.to_owned())),
        (EXECUTOR_TEMPLATE_FILE, template),
    ];
    let data = files
        .into_iter()
        .filter_map(|(key, content)| Some((key.to_owned(), content?)))
        .collect();
    ConfigMap {
        metadata: metadata::named(server, metadata::config_map_name(server)),
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// Names of the files.
pub(super) fn keys(server: &ValidatedServer) -> Vec<&'static str> {
    let template = server.executor.as_ref().map(|_| EXECUTOR_TEMPLATE_FILE);
    std::iter::once(LOG4J2_FILE).chain(template).collect()
}
