//! The operator and the gateway: their Deployments, whether they are available, and of which version. Does I/O in [`look`].

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use sparkconnect_api::labels::{GATEWAY_APP, NAME, OPERATOR_APP};
use sparkconnect_client::kubernetes::{Cluster, told};
use sparkconnect_client::{Category, Error};

use super::report::Finding;

/// Where `deploy/cluster-wide` installs.
const SYSTEM: &str = "sparkconnect-system";
/// The operator's setting: the namespaces that it serves, by commas.
const WATCHED: &str = "SPARKCONNECT_WATCH_NAMESPACE";
/// The operator's setting: the Secret with the gateway's certificate, where somebody else makes it.
const CERTIFICATE: &str = "SPARKCONNECT_GATEWAY_CERTIFICATE_SECRET";
/// Where the operator keeps the one that it makes.
const OWN_CERTIFICATE: &str = "sparkconnect-gateway-tls";
/// The operator's setting: where clients reach the gateway.
const ADDRESS: &str = "SPARKCONNECT_GATEWAY_ADDRESS";
/// Kubernetes' recommended label: the version of what is deployed.
const VERSION: &str = "app.kubernetes.io/version";

/// What was found of the operator.
pub(super) struct Programs {
    /// What is told of both.
    pub(super) findings: Vec<Finding>,
    /// The operator that serves the namespace, where it is seen.
    pub(super) operator: Option<Operator>,
}

/// What the operator that serves a namespace tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    /// Its own namespace, and the gateway's.
    pub(super) namespace: String,
    /// `host:port` of the gateway; `None` where it works without one.
    pub(super) gateway: Option<String>,
    /// Secret with the gateway's certificate, and that of its authority.
    pub(super) certificate: String,
}

/// Looks for both.
pub(super) async fn look(cluster: &Cluster) -> Programs {
    let found = deployments(cluster, OPERATOR_APP).await;
    let (finding, operator) = judge_operator(&found, &cluster.namespace);
    let mut findings = vec![finding];
    if let Some(operator) = &operator {
        let found = listed(&cluster.client, Some(&operator.namespace), GATEWAY_APP).await;
        findings.push(judge_gateway(&found, operator));
    }
    Programs { findings, operator }
}

/// Those that this user may see: of the whole cluster, or else of the two namespaces where they may be.
async fn deployments(cluster: &Cluster, app: &str) -> Result<Vec<Deployment>, Error> {
    match listed(&cluster.client, None, app).await {
        Err(error) if error.category() == Category::PermissionDenied => {
            let own = listed(&cluster.client, Some(&cluster.namespace), app).await;
            match (listed(&cluster.client, Some(SYSTEM), app).await, own) {
                (Ok(system), Ok(own)) => Ok([system, own].concat()),
                (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => Ok(some),
                _ => Err(error),
            }
        }
        other => other,
    }
}

async fn listed(
    client: &Client,
    namespace: Option<&str>,
    app: &str,
) -> Result<Vec<Deployment>, Error> {
    let api: Api<Deployment> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let labelled = ListParams::default().labels(&format!("{NAME}={app}"));
    let list = api.list(&labelled).await;
    Ok(list
        .map_err(|error| told(error, "looking for deployments"))?
        .items)
}

fn judge_operator(
    found: &Result<Vec<Deployment>, Error>,
    namespace: &str,
) -> (Finding, Option<Operator>) {
    let check = "operator";
    let found = match found {
        Ok(found) => found,
        Err(error) => return (Finding::unseen(check, "its deployment", error), None),
    };
    let mut serving = found.iter().filter(|it| serves(it, namespace));
    let Some(first) = serving.next() else {
        let elsewhere: Vec<_> = found.iter().filter_map(ResourceExt::namespace).collect();
        let text = if elsewhere.is_empty() {
            "it is not installed".to_owned()
        } else {
            let elsewhere = elsewhere.join(", ");
            format!("none serves namespace {namespace}; those in {elsewhere} serve others")
        };
        let finding = Finding::wrong(check, text).cure(
            "`kubectl apply --server-side -k deploy/cluster-wide` installs it for every namespace",
        );
        return (finding, None);
    };
    let operator = Operator {
        namespace: first.namespace().unwrap_or_default(),
        gateway: address(first),
        certificate: value(first, CERTIFICATE)
            .unwrap_or(OWN_CERTIFICATE)
            .to_owned(),
    };
    let finding = match serving.next() {
        Some(second) => {
            let other = second.namespace().unwrap_or_default();
            let text = format!(
                "namespace {namespace} is served twice, from {} and {other}",
                operator.namespace
            );
            Finding::wrong(check, text).cure("remove one: they undo each other's work")
        }
        None => judge(check, first),
    };
    (finding, Some(operator))
}

fn judge_gateway(found: &Result<Vec<Deployment>, Error>, operator: &Operator) -> Finding {
    let check = "gateway";
    match (found, &operator.gateway) {
        (Err(error), _) => Finding::unseen(check, "its deployment", error),
        (Ok(_), None) => Finding::doubtful(
            check,
            "the operator works without one: sessions' URLs lead to the servers themselves, in plain text",
        )
        .cure("`deploy/README.md` says when that is enough"),
        (Ok(found), Some(address)) => match found.first() {
            Some(deployment) => judge(check, deployment),
            None => {
                let text = format!("sessions' URLs lead to {address}, but no gateway is in namespace {}", operator.namespace);
                Finding::wrong(check, text).cure("install it: `deploy/README.md` says how")
            }
        },
    }
}

fn judge(check: &str, deployment: &Deployment) -> Finding {
    let place = format!(
        "{}/{}",
        deployment.namespace().unwrap_or_default(),
        deployment.name_any()
    );
    let status = deployment.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut available = conditions.into_iter().flatten();
    let available = available.find(|condition| condition.type_ == "Available");
    let ready = status
        .and_then(|status| status.available_replicas)
        .unwrap_or(0);
    let version = version(deployment);
    match available {
        Some(available) if available.status == "True" => {
            let text = format!("{place} has {ready} available, {version}");
            if other_version(&version) {
                let text = format!("{text}; this client is {}", env!("CARGO_PKG_VERSION"));
                return Finding::doubtful(check, text)
                    .cure("use the client of the installed version");
            }
            Finding::well(check, text)
        }
        other => {
            let why = other
                .and_then(|it| it.message.clone())
                .unwrap_or_else(|| "its status tells nothing of that".to_owned());
            let namespace = deployment.namespace().unwrap_or_default();
            Finding::wrong(
                check,
                format!("{place} ({version}) is not available: {why}"),
            )
            .cure(format!(
                "`kubectl -n {namespace} describe pods -l {NAME}={}` tells why",
                deployment.labels().get(NAME).map_or(check, String::as_str)
            ))
        }
    }
}

/// By its label, else by its image.
fn version(deployment: &Deployment) -> String {
    if let Some(version) = deployment.labels().get(VERSION) {
        return format!("version {version}");
    }
    let image = container(deployment).and_then(|container| container.image.clone());
    format!("image {}", image.unwrap_or_default())
}

/// Whether a version is told that is not this client's; an image may be called anything.
fn other_version(told: &str) -> bool {
    let minor = |version: &str| {
        let version = version.trim_start_matches('v');
        let mut parts = version.splitn(3, '.');
        let both = (
            parts.next()?.parse::<u32>().ok()?,
            parts.next()?.parse::<u32>().ok()?,
        );
        parts.next().map(|_| both)
    };
    let last = told.rsplit([':', ' ']).next().unwrap_or_default();
    minor(last).is_some_and(|version| Some(version) != minor(env!("CARGO_PKG_VERSION")))
}

fn container(deployment: &Deployment) -> Option<&Container> {
    deployment
        .spec
        .as_ref()?
        .template
        .spec
        .as_ref()?
        .containers
        .first()
}

/// A setting of the container that is not empty.
fn value<'a>(deployment: &'a Deployment, name: &str) -> Option<&'a str> {
    let mut variables = container(deployment)?.env.iter().flatten();
    let found = variables.find(|variable| variable.name == name)?;
    found.value.as_deref().filter(|value| !value.is_empty())
}

/// Whether it looks after the namespace.
fn serves(operator: &Deployment, namespace: &str) -> bool {
    value(operator, WATCHED).is_none_or(|watched| watched.split(',').any(|it| it == namespace))
}

/// The gateway's address, with the operator's own namespace put in where `deploy/` leaves it to Kubernetes.
fn address(operator: &Deployment) -> Option<String> {
    let namespace = operator.namespace().unwrap_or_default();
    value(operator, ADDRESS).map(|address| address.replace("$(POD_NAMESPACE)", &namespace))
}

#[cfg(test)]
#[path = "programs_tests.rs"]
mod tests;
