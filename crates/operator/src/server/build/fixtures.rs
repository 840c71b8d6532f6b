//! Servers and their inputs, read from the YAML files beside this module, for the tests of `validate` and `build`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::{ByteString, DeepMerge};
use serde::Deserialize;
use serde_json::{Value, json};
use sparkconnect_api::{SparkConnectServer, labels};

use crate::server::inputs::{Inputs, Labelled, Source, SourceRef};
use crate::server::validate::{Defaults, Problem, Token, ValidatedServer, validate};

/// The token of every server in these tests.
pub(crate) const TOKEN: &str = "hidden-token";

/// One server of the fixtures, as YAML.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fixture {
    Minimal,
    Everything,
    Local,
}

impl Fixture {
    /// Every fixture, with its name in snapshots.
    pub(crate) const ALL: [(&str, Self); 3] = [
        ("minimal", Self::Minimal),
        ("everything", Self::Everything),
        ("local", Self::Local),
    ];

    /// The resource, as JSON, to be changed.
    pub(crate) fn json(self) -> Value {
        let text = match self {
            Self::Minimal => include_str!("fixtures/minimal.yaml"),
            Self::Everything => include_str!("fixtures/everything.yaml"),
            Self::Local => include_str!("fixtures/local.yaml"),
        };
        serde_yaml::from_str(text).expect("a fixture is YAML")
    }

    /// What it names and what is labelled for it.
    pub(crate) fn inputs(self) -> Inputs {
        match self {
            Self::Minimal | Self::Local => Inputs::default(),
            Self::Everything => inputs(include_str!("fixtures/everything-inputs.yaml")),
        }
    }

    /// The fixture, validated.
    pub(crate) fn validated(self) -> ValidatedServer {
        check(&self.json(), &self.inputs()).expect("a fixture is valid")
    }

    /// The fixture where clients come through the gateway, validated.
    pub(crate) fn behind_gateway(self) -> ValidatedServer {
        let defaults = Defaults {
            gateway: true,
            ..defaults()
        };
        check_with(&self.json(), &self.inputs(), &defaults).expect("a fixture is valid")
    }
}

/// Validates a resource given as JSON.
pub(crate) fn check(server: &Value, inputs: &Inputs) -> Result<ValidatedServer, Vec<Problem>> {
    check_with(server, inputs, &defaults())
}

fn check_with(
    server: &Value,
    inputs: &Inputs,
    defaults: &Defaults,
) -> Result<ValidatedServer, Vec<Problem>> {
    let server: SparkConnectServer =
        serde_json::from_value(server.clone()).expect("a fixture is a SparkConnectServer");
    validate(&server, inputs, &Token::new(TOKEN), defaults)
}

fn defaults() -> Defaults {
    Defaults {
        image: "apache/spark:{version}".to_owned(),
        operator_namespace: Some("sparkconnect-system".to_owned()),
        gateway: false,
    }
}

/// Puts `change` over `value`, as a JSON merge patch.
pub(crate) fn patch(value: &mut Value, change: Value) {
    value.merge_from(change);
}

/// Reads Secrets and ConfigMaps, one YAML document each.
pub(crate) fn inputs(documents: &str) -> Inputs {
    let objects = serde_yaml::Deserializer::from_str(documents)
        .map(|document| Value::deserialize(document).expect("a document is YAML"));
    let mut inputs = Inputs::default();
    for object in objects.filter(|object| !object.is_null()) {
        let (reference, source) = read(&object);
        if object["metadata"]["labels"]
            .get(labels::INJECT_INTO)
            .is_none()
        {
            inputs.named.insert(reference, Some(source));
            continue;
        }
        let annotation = |name: &str| {
            let value = &object["metadata"]["annotations"][name];
            value.as_str().map(str::to_owned)
        };
        inputs.labelled.push(Labelled {
            reference,
            inject_as: annotation(labels::INJECT_AS),
            mount_path: annotation(labels::INJECT_MOUNT_PATH),
            source,
        });
    }
    inputs
}

fn read(object: &Value) -> (SourceRef, Source) {
    let name = object["metadata"]["name"]
        .as_str()
        .expect("an object has a name");
    if object["kind"] == json!("ConfigMap") {
        let map: ConfigMap = serde_json::from_value(object.clone()).expect("a ConfigMap");
        return (SourceRef::config_map(name), map.into());
    }
    let mut secret: Secret = serde_json::from_value(object.clone()).expect("a Secret");
    // What the API server does.
    let text = secret.string_data.take().unwrap_or_default().into_iter();
    let text: BTreeMap<_, _> = text
        .map(|(key, value)| (key, ByteString(value.into_bytes())))
        .collect();
    secret.data.get_or_insert_default().extend(text);
    (SourceRef::secret(name), secret.into())
}
