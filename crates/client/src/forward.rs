//! A port of this host that leads to a pod, through the API server as `kubectl port-forward` does, but within this process. Each
//! connection looks for its pod anew, so that the port outlives a pod. Does I/O.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::{Category, Error, kubernetes};

/// Where a port leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Namespace.
    pub namespace: String,
    /// Pod or Service.
    pub to: To,
    /// Port of it.
    pub port: u16,
}

/// Who takes a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The pod of this name.
    Pod(String),
    /// A ready pod of the Service of this name.
    Service(String),
}

impl Target {
    /// What a host name of the cluster stands for: `service.namespace.svc`, `pod.service.namespace.svc`, either with the cluster's
    /// domain behind it. `None` for any other name.
    pub fn of(host: &str, port: u16) -> Option<Self> {
        let labels: Vec<_> = host.split('.').collect();
        let (to, namespace) = match labels[..] {
            [service, namespace, "svc", ..] => (To::Service(service.to_owned()), namespace),
            [pod, _, namespace, "svc", ..] => (To::Pod(pod.to_owned()), namespace),
            _ => return None,
        };
        Some(Self {
            namespace: namespace.to_owned(),
            to,
            port,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match &self.to {
            To::Pod(name) => ("pod", name),
            To::Service(name) => ("service", name),
        };
        write!(f, "{kind} {}/{name} port {}", self.namespace, self.port)
    }
}

/// A port of this host, for as long as this value lives.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Forward {
    /// Opens a port of the loopback address, of the system's choice, once a first connection to `target` was tried.
    ///
    /// # Errors
    /// [`Category::PermissionDenied`] when the user may not forward ports there; [`Category::NotFound`] when there is no such pod.
    pub async fn open(client: Client, target: Target) -> Result<Self, Error> {
        drop(connect(&client, &target).await?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| {
            Error::new(Category::Failed, "no port of this host can be opened").caused_by(error)
        })?;
        Ok(Self {
            address,
            _task: AbortOnDropHandle::new(tokio::spawn(serve(listener, client, target))),
        })
    }

    /// The port's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, client: Client, target: Target) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (client, target) = (client.clone(), target.clone());
                connections.spawn(async move { pass(stream, &client, &target).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of the forwarded port cannot be taken");
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(mut near: TcpStream, client: &Client, target: &Target) {
    let passed = async {
        let (mut forwarder, port) = connect(client, target).await?;
        let mut far = forwarder.take_stream(port).ok_or_else(|| {
            Error::new(Category::Protocol, "the API server forwards no such port")
        })?;
        // How it ends is seen on either side.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        drop(far);
        let _ = forwarder.join().await;
        Ok::<_, Error>(())
    };
    if let Err(error) = passed.await {
        tracing::warn!(%error, %target, "a connection is not forwarded");
    }
}

async fn connect(
    client: &Client,
    target: &Target,
) -> Result<(kube::api::Portforwarder, u16), Error> {
    let (pod, port) = match &target.to {
        To::Pod(pod) => (pod.clone(), target.port),
        To::Service(service) => behind(client, target, service).await?,
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &target.namespace);
    let forwarder = pods.portforward(&pod, &[port]).await;
    let doing = format!("forwarding a port to pod {}/{pod}", target.namespace);
    let forwarder = forwarder.map_err(|error| kubernetes::told(error, &doing))?;
    Ok((forwarder, port))
}

/// A ready pod behind a Service, and the port that it listens on there.
async fn behind(client: &Client, target: &Target, service: &str) -> Result<(String, u16), Error> {
    let services: Api<k8s_openapi::api::core::v1::Service> =
        Api::namespaced(client.clone(), &target.namespace);
    let doing = format!("reading service {}/{service}", target.namespace);
    let found = services.get(service).await;
    let found = found.map_err(|error| kubernetes::told(error, &doing))?;
    let ports = found.spec.and_then(|spec| spec.ports).unwrap_or_default();
    let wanted = ports
        .into_iter()
        .find(|port| port.port == i32::from(target.port));
    let name = wanted.and_then(|port| port.name).unwrap_or_default();
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), &target.namespace);
    let of = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let slices = slices.list(&of).await;
    let slices = slices.map_err(|error| kubernetes::told(error, &doing))?;
    let mut candidates = slices.items.iter().filter_map(|slice| ready(slice, &name));
    candidates.next().ok_or_else(|| {
        Error::new(
            Category::Unavailable,
            format!("no pod of {target} is ready"),
        )
    })
}

/// A ready pod of the slice, and its number of the port of that name.
fn ready(slice: &EndpointSlice, name: &str) -> Option<(String, u16)> {
    let ports = slice.ports.iter().flatten();
    let port = ports
        .filter(|port| port.name.as_deref().unwrap_or_default() == name)
        .find_map(|port| u16::try_from(port.port?).ok())?;
    let mut endpoints = slice.endpoints.iter();
    let pod = endpoints.find_map(|endpoint| {
        let ready = endpoint.conditions.as_ref()?.ready?;
        let pod = endpoint.target_ref.as_ref().filter(|_| ready)?;
        pod.name.clone()
    })?;
    Some((pod, port))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_the_cluster_are_told_from_others() {
        let target = |to, port| {
            Some(Target {
                namespace: "team".to_owned(),
                to,
                port,
            })
        };
        let service = To::Service("gateway".to_owned());
        let pod = To::Pod("demo-0".to_owned());
        assert_eq!(
            Target::of("gateway.team.svc", 443),
            target(service.clone(), 443)
        );
        assert_eq!(
            Target::of("gateway.team.svc.cluster.local", 443),
            target(service, 443)
        );
        assert_eq!(
            Target::of("demo-0.demo.team.svc", 15002),
            target(pod, 15002)
        );
        for host in ["gateway.example.com", "localhost", "127.0.0.1", "svc"] {
            assert_eq!(Target::of(host, 443), None, "{host}");
        }
    }

    #[test]
    fn only_a_ready_pod_takes_a_connection() {
        let slice = |ready: bool| {
            serde_json::from_value::<EndpointSlice>(json!({
                "addressType": "IPv4",
                "metadata": {"name": "a"},
                "ports": [{"name": "other", "port": 1}, {"name": "grpc", "port": 8443}],
                "endpoints": [{
                    "addresses": ["198.18.0.9"],
                    "conditions": {"ready": ready},
                    "targetRef": {"kind": "Pod", "name": "gateway-1"},
                }],
            }))
            .unwrap()
        };
        let found = Some(("gateway-1".to_owned(), 8443));
        assert_eq!(ready(&slice(true), "grpc"), found);
        assert_eq!(ready(&slice(false), "grpc"), None);
        assert_eq!(ready(&slice(true), "none"), None);
    }
}
