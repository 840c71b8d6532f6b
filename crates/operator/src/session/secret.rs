//! The connection Secret of a session: everything that a client needs, the token included, under the names that the Service
//! Binding specification gives. Pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use sparkconnect_api::{SparkSession, labels};

use super::connection::{Connection, Way};

/// The entry `type`; the Secret's own type is `servicebinding.io/` and this.
const TYPE: &str = "spark-connect";
/// The entry `provider`.
const PROVIDER: &str = "sparkconnect";
/// The entry with the certificate of the authority that vouches for the gateway's.
const AUTHORITY: &str = "ca.crt";

/// Name of the connection Secret of the session `session`.
pub fn name(session: &str) -> String {
    format!("{session}-connection")
}

/// The Secret.
pub fn connection_secret(session: &SparkSession, connection: &Connection) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name(&session.name_any())),
            namespace: session.namespace(),
            labels: Some(labels(session)),
            owner_references: session.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        type_: Some(format!("servicebinding.io/{TYPE}")),
        data: Some(data(connection)),
        ..Secret::default()
    }
}

/// Whether `secret` belongs to `session`, and not to a former one of the same name.
pub fn belongs_to(secret: &Secret, session: &SparkSession) -> bool {
    let uid = session.uid();
    secret
        .owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == uid.as_ref())
}

fn data(connection: &Connection) -> BTreeMap<String, ByteString> {
    let entries = [
        ("type", TYPE.to_owned()),
        ("provider", PROVIDER.to_owned()),
        ("host", connection.address.host.clone()),
        ("port", connection.address.port.to_string()),
        ("uri", connection.uri()),
        ("token", connection.token.expose().to_owned()),
        ("sessionId", connection.session_id.to_string()),
        ("userId", connection.user.clone()),
    ];
    let authority = match &connection.way {
        Way::Direct => None,
        Way::Gateway { authority } => authority.clone(),
    };
    let authority = authority.map(|certificate| (AUTHORITY, certificate));
    let entries = entries.into_iter().chain(authority);
    entries
        .map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())))
        .collect()
}

fn labels(session: &SparkSession) -> BTreeMap<String, String> {
    let name = session.name_any();
    let all = [
        (labels::NAME, labels::APP.to_owned()),
        (labels::INSTANCE, session.spec.server.clone()),
        (labels::COMPONENT, labels::CONNECTION.to_owned()),
        (labels::MANAGED_BY, labels::MANAGER.to_owned()),
        (labels::SERVER, session.spec.server.clone()),
        (labels::SESSION, name),
    ];
    all.map(|(key, value)| (key.to_owned(), value)).into()
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
