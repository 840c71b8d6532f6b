//! The way to the gateway, as a client goes it: its address, its name, its port, its certificate, and what it says to a stranger. Does I/O.

mod address;
mod answer;
mod way;

use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::{Api, Client};
use sparkconnect_api::SparkSession;
use sparkconnect_client::kubernetes::{Cluster, told};
use sparkconnect_spark::Tls;

use super::programs::Operator;
use super::report::Finding;

/// Entry of the gateway's Secret and of connection Secrets: the authority's certificate, PEM.
const AUTHORITY: &str = "ca.crt";

/// Goes it as far as it leads.
pub(super) async fn look(cluster: &Cluster, operator: Option<&Operator>) -> Vec<Finding> {
    let sessions: Api<SparkSession> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let sessions = match sessions.list(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(error) => {
            let error = told(error, "listing sessions");
            return vec![Finding::unseen(
                address::CHECK,
                "sessions, which have it",
                &error,
            )];
        }
    };
    let (finding, address) = address::judge(operator, &sessions);
    let mut findings = vec![finding];
    let Some(address) = address else {
        return findings;
    };
    let (steps, way) = way::find(&cluster.client, &address).await;
    findings.extend(steps);
    if let Some(way) = way {
        let tls = trust(cluster, operator, &sessions).await;
        findings.push(answer::ask(&address, &way, tls).await);
    }
    findings
}

/// Whom clients are told to trust: by a session's connection Secret, else by the gateway's own. `None` where neither can be read.
async fn trust(
    cluster: &Cluster,
    operator: Option<&Operator>,
    sessions: &[SparkSession],
) -> Option<Tls> {
    let bindings = sessions.iter().filter_map(|session| {
        let status = session.status.as_ref()?;
        status.binding.as_ref().map(|binding| binding.name.as_str())
    });
    let of_session = bindings
        .map(|name| (cluster.namespace.as_str(), name))
        .next();
    let of_gateway = operator.map(|operator| {
        let Operator {
            namespace,
            certificate,
            ..
        } = operator;
        (namespace.as_str(), certificate.as_str())
    });
    for (namespace, name) in [of_session, of_gateway].into_iter().flatten() {
        if let Some(secret) = secret(&cluster.client, namespace, name).await {
            let authority = secret.data.unwrap_or_default().remove(AUTHORITY);
            // Without an authority of its own clients trust the system's.
            let ca = authority.map(|pem| String::from_utf8_lossy(&pem.0).into_owned());
            return Some(Tls {
                ca,
                server_name: None,
            });
        }
    }
    None
}

/// A Secret, where this user may read it: the rights are told elsewhere.
async fn secret(client: &Client, namespace: &str, name: &str) -> Option<Secret> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    secrets.get(name).await.ok()
}
