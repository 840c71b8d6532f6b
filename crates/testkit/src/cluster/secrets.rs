//! The cluster's certificates, keys and kubeconfigs, made anew for each start. Writes files.

use std::fs;

use super::layout::{Layout, NODE, NODE_ADDRESS};
use super::parts::{API_PORT, API_SERVER_NAMES};
use crate::error::{Context, Result};
use crate::pki::{self, Authority};

/// File name of a kubeconfig, user and groups.
const USERS: [(&str, &str, &[&str]); 5] = [
    (
        "kube-controller-manager",
        "system:kube-controller-manager",
        &[],
    ),
    ("kube-scheduler", "system:kube-scheduler", &[]),
    ("kube-proxy", "system:kube-proxy", &[]),
    ("coredns", "sparkconnect:coredns", &[]),
    ("kubelet", NODE_USER, &["system:nodes"]),
];

/// The node authorizer takes the name from the user's.
const NODE_USER: &str = "system:node:sparkconnect";

/// Writes them all; the administrator's kubeconfig is last, as the sign that all are there.
pub(super) fn write(layout: &Layout) -> Result<()> {
    let folder = layout.state.join("pki");
    fs::create_dir_all(&folder).context(|| format!("making {}", folder.display()))?;
    let authority = Authority::new("sparkconnect local cluster")?;
    authority.credentials().write(&folder, "ca")?;
    authority
        .server("kube-apiserver", &[], &API_SERVER_NAMES)?
        .write(&folder, "apiserver")?;
    authority
        .server(NODE_USER, &["system:nodes"], &[NODE, NODE_ADDRESS])?
        .write(&folder, "kubelet-server")?;
    authority
        .client("sparkconnect:kubelet-client", &[])?
        .write(&folder, "kubelet-client")?;
    let (public, private) = pki::signing_key()?;
    pki::write_private(&layout.pki("service-accounts.pub"), &public)?;
    pki::write_private(&layout.pki("service-accounts.key"), &private)?;
    let server = format!("https://{NODE_ADDRESS}:{API_PORT}");
    for (name, user, groups) in USERS {
        let text = pki::kubeconfig(
            &server,
            authority.certificate(),
            &authority.client(user, groups)?,
        );
        pki::write_private(&layout.pki(&format!("{name}.kubeconfig")), &text)?;
    }
    let admin = authority.client("admin", &["system:masters"])?;
    pki::write_private(
        &layout.kubeconfig(),
        &pki::kubeconfig(&server, authority.certificate(), &admin),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelets_user_is_the_nodes() {
        assert_eq!(NODE_USER, format!("system:node:{NODE}"));
    }
}
