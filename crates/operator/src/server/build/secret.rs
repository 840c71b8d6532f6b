//! The Secret: the driver's whole properties file. No I/O.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use super::{metadata, properties};
use crate::server::validate::ValidatedServer;
use crate::server::validate::layout::PROPERTIES_FILE;

/// The properties file, plain and secret settings and the server's token in it.
pub(super) fn driver_secret(server: &ValidatedServer) -> Secret {
    let file = properties::render(server.properties.iter());
    Secret {
        metadata: metadata::named(server, metadata::secret_name(server)),
        data: Some([(PROPERTIES_FILE.to_owned(), ByteString(file.into_bytes()))].into()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}
