//! The cluster's processes: program, arguments and ports of each, and how to tell that it answers. Pure.

use std::path::PathBuf;

use super::layout::{
    API_SERVICE_ADDRESS, CONTROL_ADDRESS, Layout, NODE, NODE_ADDRESS, SERVICE_RANGE,
};
use crate::toolchain::Kubernetes;

pub(super) const ETCD: &str = "etcd";
pub(super) const API_SERVER: &str = "kube-apiserver";
pub(super) const CONTAINERD: &str = "containerd";
pub(super) const KUBELET: &str = "kubelet";

/// Every part's name, in the order in which they are ended: first those that would start or change something.
pub(super) const NAMES: [&str; 8] = [
    KUBELET,
    "kube-proxy",
    "kube-controller-manager",
    "kube-scheduler",
    "coredns",
    API_SERVER,
    ETCD,
    CONTAINERD,
];

/// Port of the API server on the node's address.
pub(super) const API_PORT: u16 = 6443;

/// One process.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    /// Address and port of each TCP socket it listens on.
    pub(super) ports: Vec<(&'static str, u16)>,
    /// Address, port and path that answer 200 over plain HTTP once the part does its work.
    pub(super) health: Option<(&'static str, u16, &'static str)>,
}

/// The parts that need nothing but themselves: the API server waits for etcd on its own.
pub(super) fn first(layout: &Layout, programs: &Kubernetes, containerd: PathBuf) -> [Part; 3] {
    [
        containerd_part(layout, containerd),
        etcd(layout, programs),
        api_server(layout, programs),
    ]
}

/// The parts that need the API server.
pub(super) fn second(layout: &Layout, programs: &Kubernetes) -> [Part; 5] {
    [
        kubelet(layout, programs),
        controller_manager(layout, programs),
        scheduler(layout, programs),
        proxy(layout, programs),
        coredns(layout, programs),
    ]
}

/// The names that the API server's certificate is for.
pub(super) const API_SERVER_NAMES: [&str; 8] = [
    NODE_ADDRESS,
    API_SERVICE_ADDRESS,
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

fn containerd_part(layout: &Layout, program: PathBuf) -> Part {
    let config = layout.config("containerd.toml");
    Part {
        name: CONTAINERD,
        program,
        args: vec![format!("--config={}", config.display())],
        ports: Vec::new(),
        health: None,
    }
}

fn etcd(layout: &Layout, programs: &Kubernetes) -> Part {
    let client = format!("http://{CONTROL_ADDRESS}:2379");
    let peer = format!("http://{CONTROL_ADDRESS}:2380");
    let args = [
        format!("--data-dir={}", layout.state.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // Nothing in it outlives the cluster, so nothing is lost without fsync but time.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    kube(
        programs,
        ETCD,
        args,
        &[(CONTROL_ADDRESS, 2379), (CONTROL_ADDRESS, 2380)],
    )
}

fn api_server(layout: &Layout, programs: &Kubernetes) -> Part {
    let pki = |name: &str| layout.pki(name).display().to_string();
    let args = [
        format!("--advertise-address={NODE_ADDRESS}"),
        format!("--bind-address={NODE_ADDRESS}"),
        format!("--secure-port={API_PORT}"),
        format!("--etcd-servers=http://{CONTROL_ADDRESS}:2379"),
        format!("--service-cluster-ip-range={SERVICE_RANGE}"),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--service-account-key-file={}", pki("service-accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            pki("service-accounts.key")
        ),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        format!("--kubelet-certificate-authority={}", pki("ca.crt")),
        format!("--kubelet-client-certificate={}", pki("kubelet-client.crt")),
        format!("--kubelet-client-key={}", pki("kubelet-client.key")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--profiling=false".to_owned(),
    ];
    kube(programs, API_SERVER, args, &[(NODE_ADDRESS, API_PORT)])
}

fn controller_manager(layout: &Layout, programs: &Kubernetes) -> Part {
    let pki = |name: &str| layout.pki(name).display().to_string();
    let args = [
        format!("--kubeconfig={}", pki("kube-controller-manager.kubeconfig")),
        format!("--bind-address={CONTROL_ADDRESS}"),
        "--leader-elect=false".to_owned(),
        "--use-service-account-credentials=true".to_owned(),
        format!(
            "--service-account-private-key-file={}",
            pki("service-accounts.key")
        ),
        format!("--root-ca-file={}", pki("ca.crt")),
        format!("--cluster-signing-cert-file={}", pki("ca.crt")),
        format!("--cluster-signing-key-file={}", pki("ca.key")),
        "--kube-api-qps=200".to_owned(),
        "--kube-api-burst=400".to_owned(),
        "--profiling=false".to_owned(),
    ];
    kube(
        programs,
        "kube-controller-manager",
        args,
        &[(CONTROL_ADDRESS, 10257)],
    )
}

fn scheduler(layout: &Layout, programs: &Kubernetes) -> Part {
    let kubeconfig = layout.pki("kube-scheduler.kubeconfig");
    let args = [
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--bind-address={CONTROL_ADDRESS}"),
        "--leader-elect=false".to_owned(),
        "--profiling=false".to_owned(),
    ];
    kube(
        programs,
        "kube-scheduler",
        args,
        &[(CONTROL_ADDRESS, 10259)],
    )
}

fn kubelet(layout: &Layout, programs: &Kubernetes) -> Part {
    let args = [
        format!("--config={}", layout.config("kubelet.yaml").display()),
        format!(
            "--kubeconfig={}",
            layout.pki("kubelet.kubeconfig").display()
        ),
        format!("--root-dir={}", layout.state.join("kubelet").display()),
        format!("--hostname-override={NODE}"),
        format!("--node-ip={NODE_ADDRESS}"),
    ];
    let mut part = kube(
        programs,
        KUBELET,
        args,
        &[(NODE_ADDRESS, 10250), (CONTROL_ADDRESS, 10248)],
    );
    part.health = Some((CONTROL_ADDRESS, 10248, "/healthz"));
    part
}

fn proxy(layout: &Layout, programs: &Kubernetes) -> Part {
    let args = [format!(
        "--config={}",
        layout.config("kube-proxy.yaml").display()
    )];
    let ports = [(CONTROL_ADDRESS, 10249), (CONTROL_ADDRESS, 10256)];
    let mut part = kube(programs, "kube-proxy", args, &ports);
    part.health = Some((CONTROL_ADDRESS, 10256, "/healthz"));
    part
}

fn coredns(layout: &Layout, programs: &Kubernetes) -> Part {
    Part {
        name: "coredns",
        program: programs.coredns(),
        args: vec![
            "-conf".to_owned(),
            layout.config("Corefile").display().to_string(),
        ],
        ports: vec![
            (NODE_ADDRESS, 53),
            (CONTROL_ADDRESS, 8080),
            (CONTROL_ADDRESS, 8181),
        ],
        health: Some((CONTROL_ADDRESS, 8181, "/ready")),
    }
}

fn kube<const N: usize>(
    programs: &Kubernetes,
    name: &'static str,
    args: [String; N],
    ports: &[(&'static str, u16)],
) -> Part {
    let args = std::iter::once(name.to_owned()).chain(args).collect();
    Part {
        name,
        program: programs.kube(),
        args,
        ports: ports.to_vec(),
        health: None,
    }
}
