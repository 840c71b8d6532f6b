//! Sessions, servers and facts for the tests of this module.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use sparkconnect_api::labels::SESSION_FINALIZER;
use sparkconnect_api::server::OnServerLoss;
use sparkconnect_api::{Reason, SparkConnectServer, SparkSession};
use sparkconnect_spark::{Existence, InstallationKey};
use std::time::Duration;

use super::connection::Connection;
use super::facts::{Binding, Candidate, Done, Facts, Replica, Server};
use super::limits::Limits;
use crate::gateway::Gateway;
use crate::live::SessionSeen;

/// The time of every test: well after everything that the objects tell of.
pub(crate) const NOW: i64 = 1_800_000_000;
/// UID of every session, and so its id.
pub(super) const UID: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
/// The installation key of every test.
pub(super) const KEY: InstallationKey = InstallationKey::from_bytes([7; InstallationKey::LENGTH]);

/// A gateway at `address` whose authority is not known.
pub(super) fn gateway(address: &str) -> Gateway {
    Gateway::new(address.parse().unwrap())
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A session of generation 1 with more in its spec and a status.
pub(crate) fn session(mut spec: Value, status: Value) -> SparkSession {
    spec["server"] = json!("demo");
    let mut session = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1",
        "kind": "SparkSession",
        "metadata": {
            "name": "nb", "namespace": "team-a", "uid": UID, "generation": 1,
            "finalizers": [SESSION_FINALIZER],
        },
        "spec": spec.take(),
    });
    session["status"] = status;
    serde_json::from_value(session).unwrap()
}

/// The status of a session that has a replica and is in `phase` since an hour.
pub(crate) fn placed(phase: &str) -> Value {
    json!({
        "phase": phase, "server": "demo-0", "replicaUid": "r0", "applicationId": "app-1",
        "serverSideSessionId": "made-1", "observedGeneration": 1,
        "startTime": at(NOW - 3600), "endTime": at(NOW - 10),
    })
}

pub(super) fn without_finalizer(mut session: SparkSession) -> SparkSession {
    session.metadata.finalizers = None;
    session
}

/// A session whose deletion was asked for so many seconds ago.
pub(super) fn deleted(mut session: SparkSession, seconds: i64) -> SparkSession {
    session.metadata.deletion_timestamp = Some(Time(at(NOW - seconds)));
    session
}

/// A server of version 4.1.4 with more in its spec and a status.
pub(crate) fn server(mut spec: Value, status: Value) -> SparkConnectServer {
    spec["version"] = json!("4.1.4");
    let mut server = json!({
        "apiVersion": "sparkconnect.dev/v1alpha1",
        "kind": "SparkConnectServer",
        "metadata": {"name": "demo", "namespace": "team-a", "uid": "server-uid"},
        "spec": spec.take(),
    });
    server["status"] = status;
    serde_json::from_value(server).unwrap()
}

/// What is known of `session` where all is well: a server that runs, its replica serving, an idle time-out of two hours.
pub(super) fn facts(session: &SparkSession) -> Facts<'_> {
    let status = session.status.clone().unwrap_or_default();
    let serving = Replica::Serving {
        application_id: Some("app-1".to_owned()),
    };
    Facts {
        session,
        server: Server::Running {
            why_not: (Reason::NoReplicaReady, "it starts".to_owned()),
        },
        limits: Limits {
            idle_timeout: Some(Duration::from_secs(7200)),
            ttl: None,
            on_server_loss: OnServerLoss::Fail,
        },
        replica: if status.replica_uid.is_some() {
            serving
        } else {
            Replica::Unassigned
        },
        seen: Some(seen(alive())),
        candidates: Vec::new(),
        orphaned: false,
        connection: Connection::of(session, Some(&server(json!({}), json!({}))), &KEY, None),
        secret: Binding::Right,
        done: Done::default(),
        now: at(NOW),
        status,
    }
}

pub(super) fn seen(existence: Existence) -> SessionSeen {
    SessionSeen {
        existence: Some(existence),
        observed: true,
        ..SessionSeen::default()
    }
}

pub(super) fn alive() -> Existence {
    Existence::Alive {
        server_side_session_id: "made-1".to_owned(),
    }
}

pub(super) fn candidate() -> Candidate {
    Candidate {
        uid: "r1".to_owned(),
        name: "demo-1".to_owned(),
        application_id: Some("app-2".to_owned()),
    }
}
