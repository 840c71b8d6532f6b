//! The resources, from JSON to what is made for them. No I/O.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::{Value, json};
use sparkconnect_api::inputs::InjectAs;
use sparkconnect_api::{Memory, SparkConnectServer, SparkSession, labels};
use sparkconnect_operator::gateway::Gateway;
use sparkconnect_operator::server::build::{Children, build};
use sparkconnect_operator::server::inputs::{
    Inputs, Labelled, Source, SourceKind, SourceRef, references,
};
use sparkconnect_operator::server::validate::{Defaults, ValidatedServer, validate};
use sparkconnect_operator::session::connection::Connection;
use sparkconnect_operator::session::{identity, secret};
use sparkconnect_spark::{InstallationKey, Token};

use crate::address;

/// What every secret value here begins with.
const HIDDEN: &str = "hidden-value";
/// The value of every key of every Secret.
const SECRET: &str = "hidden-value-of-a-secret";
/// The server's token.
const TOKEN: &str = "hidden-value-of-the-token";
/// Objects whose names end so do not exist.
const MISSING: &str = "-missing";
/// Most memory that the schema lets through, in MiB: nine digits of TiB.
const MOST_MEMORY: u64 = 999_999_999 << 20;

/// JSON of a SparkConnectServer or a SparkSession. Whatever can be decoded is encoded as it was, and refused with problems or
/// built; a secret value is in the Secrets that are made, and in nothing else that is made or said. The objects that a server
/// names exist, with every key that is asked for; a labelled one is as the server's own annotations say.
pub fn resources(data: &[u8]) {
    if let Ok(server) = serde_json::from_slice::<SparkConnectServer>(data) {
        of_server(&server);
    }
    if let Ok(session) = serde_json::from_slice::<SparkSession>(data) {
        of_session(&session);
    }
}

fn of_server(server: &SparkConnectServer) {
    let told = json!(server.spec);
    let again = serde_json::from_value(told.clone()).expect("what was encoded can be decoded");
    assert_eq!(server.spec, again);
    if !is_open(server) || !has_known_memory(server) {
        return;
    }
    let defaults = Defaults {
        image: "apache/spark:{version}".to_owned(),
        operator_namespace: Some("sparkconnect-system".to_owned()),
        gateway: server.spec.suspend, // as good as any other field to have it both ways
    };
    let inputs = inputs(server);
    match validate(server, &inputs, &Token::new(TOKEN), &defaults) {
        Err(problems) => {
            assert!(!problems.is_empty(), "it is refused without a reason");
            assert!(is_open(&format!("{problems:?}")), "{problems:?}");
        }
        Ok(valid) => {
            assert!(is_open(&format!("{valid:?}")), "its Debug has a secret");
            let children = build(&valid, server.spec.replicas);
            assert!(
                children == build(&valid, server.spec.replicas),
                "another one each time"
            );
            check_children(&valid, &children);
        }
    }
}

fn check_children(valid: &ValidatedServer, children: &Children) {
    let open = [
        json!(children.service_account),
        json!(children.role),
        json!(children.role_binding),
        json!(children.service),
        json!(children.config_map),
        json!(children.network_policy),
        json!(children.executor_network_policy),
        json!(children.disruption_budget),
        json!(children.stateful_set),
        json!(children.inputs_hash),
        json!(children.secret.metadata),
    ];
    for object in open {
        assert!(is_open(&object), "{object}");
    }
    let file = text_of(&children.secret);
    for value in valid.properties.iter().map(|(_, value)| value) {
        for secret in [SECRET, TOKEN] {
            assert!(
                !value.contains(secret) || file.contains(secret),
                "{secret} is nowhere"
            );
        }
    }
    assert!(file.contains(TOKEN), "the driver has no token");
}

/// Everything that the server names, and one labelled object if its annotations tell of one.
fn inputs(server: &SparkConnectServer) -> Inputs {
    let named = references(&server.spec).into_iter().map(|reference| {
        let missing = reference.name.ends_with(MISSING);
        let source = (!missing).then(|| source(&reference, keys(server, &reference)));
        (reference, source)
    });
    let annotation = |name: &str| server.annotations().get(name).cloned();
    let inject_as = annotation(labels::INJECT_AS);
    let mount_path = annotation(labels::INJECT_MOUNT_PATH);
    let labelled = (inject_as.is_some() || mount_path.is_some()).then(|| {
        let reference = SourceRef::secret("labelled");
        let how = inject_as.as_deref().and_then(InjectAs::parse);
        Labelled {
            source: source(&reference, [key(how.unwrap_or_default(), "labelled")]),
            reference,
            inject_as,
            mount_path,
        }
    });
    Inputs {
        named: named.collect(),
        labelled: labelled.into_iter().collect(),
    }
}

fn source(reference: &SourceRef, keys: impl IntoIterator<Item = String>) -> Source {
    let value = match reference.kind {
        SourceKind::Secret => SECRET,
        SourceKind::ConfigMap => "plain",
    };
    let data = keys.into_iter().map(|key| (key, value.as_bytes().to_vec()));
    Source {
        data: data.collect(),
    }
}

/// The keys that the server asks an object for.
fn keys(server: &SparkConnectServer, reference: &SourceRef) -> Vec<String> {
    let is_secret = reference.kind == SourceKind::Secret;
    let settings = server.spec.spark_conf_from.iter().filter_map(|conf| {
        let from = &conf.value_from;
        let key = if is_secret {
            &from.secret_key_ref
        } else {
            &from.config_map_key_ref
        };
        key.as_ref().filter(|key| key.name == reference.name)
    });
    let inject = server.spec.inject.iter();
    let injected = inject.flat_map(|inject| {
        if is_secret {
            &inject.secrets
        } else {
            &inject.config_maps
        }
    });
    let injected = injected.filter(|injection| injection.name == reference.name);
    settings
        .map(|key| key.key.clone())
        .chain(injected.map(|injection| key(injection.inject_as, &injection.name)))
        .collect()
}

/// A key that an object can have where it is injected so.
fn key(how: InjectAs, name: &str) -> String {
    let word: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match how {
        InjectAs::Files => "file".to_owned(),
        InjectAs::Env => format!("E_{word}"),
        InjectAs::SparkConf => format!("spark.injected.{word}"),
        InjectAs::HadoopConf => format!("fs.{word}"),
    }
}

/// Whether the schema lets its amounts of memory through: they are added up, and the sum of any two must be a number.
fn has_known_memory(server: &SparkConnectServer) -> bool {
    let driver = &server.spec.driver;
    let executor = server.spec.executor.as_ref();
    let heaps = [
        Some(driver.memory),
        executor.map(|executor| executor.memory),
    ];
    let overheads = [
        driver.memory_overhead,
        executor.and_then(|executor| executor.memory_overhead),
    ];
    let mut all = heaps.into_iter().chain(overheads).flatten();
    all.all(|memory: Memory| memory.mebibytes() <= MOST_MEMORY)
}

fn of_session(session: &SparkSession) {
    let again =
        serde_json::from_value(json!(session.spec)).expect("what was encoded can be decoded");
    assert_eq!(session.spec, again);
    let key = InstallationKey::from_bytes([7; InstallationKey::LENGTH]);
    let gateway = Gateway::new("gateway.example.com:443".parse().expect("an address"));
    let server: Value = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer",
        "metadata": {"name": "demo", "namespace": "team", "uid": "server-uid"}, "spec": {"version": "4.3.0"},
    });
    let server = serde_json::from_value(server).expect("a server");
    let ways = [(Some(&server), None), (None, Some(&gateway))];
    let connections = ways.map(|(server, gateway)| Connection::of(session, server, &key, gateway));
    for connection in connections.iter().flatten() {
        // A replica's name is the operator's own writing, and always part of a host.
        if connection.address.to_string().parse() == Ok(connection.address.clone()) {
            address::check(connection);
        }
        let reference =
            identity::session_ref(session).expect("a session with a connection has an id");
        assert_eq!(
            (&connection.user, connection.session_id),
            (&reference.user, reference.session_id)
        );
        let secret = secret::connection_secret(session, connection);
        let token = connection.token.expose();
        assert!(text_of(&secret).contains(token), "the Secret has no token");
        assert!(
            !json!(secret.metadata).to_string().contains(token),
            "its name or labels have it"
        );
    }
    if let [Some(direct), Some(gateway)] = &connections {
        assert_ne!(
            direct.token, gateway.token,
            "the server's token is never a session's"
        );
    }
}

/// Whether nothing secret is in it.
fn is_open(object: &impl serde::Serialize) -> bool {
    !json!(object).to_string().contains(HIDDEN)
}

/// Everything in a Secret's data.
fn text_of(secret: &Secret) -> String {
    let values = secret.data.iter().flatten();
    values
        .map(|(_, value)| String::from_utf8_lossy(&value.0).into_owned())
        .collect()
}
