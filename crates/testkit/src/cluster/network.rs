//! The cluster's part of the machine's network: two bridges, two routes, kube-proxy's tables, and the kernel settings that are
//! changed and put back. Runs `ip` and `nft`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::layout::{Layout, NODE_ADDRESS, NODE_BRIDGE, POD_BRIDGE, SERVICE_RANGE, TEST_RANGE};
use crate::error::{Context, Error, Result};
use crate::{command, pki};

/// Settings that `make` needs at this value. The second is only there when the kernel can filter on bridges.
const NEEDED: [(&str, &str); 2] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/bridge/bridge-nf-call-iptables", "1"),
];

/// Settings that the kubelet changes by itself.
const KUBELETS: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// Makes bridges and routes, and changes the kernel's settings after noting what they were.
pub(super) fn make(layout: &Layout) -> Result<()> {
    // Loads the module where there is one; what is built in needs none, and the setting below tells.
    command::succeeds(Command::new("modprobe").arg("br_netfilter"));
    note_settings(layout)?;
    NEEDED
        .iter()
        .try_for_each(|(name, value)| set(name, value))?;
    ip(&["link", "add", NODE_BRIDGE, "type", "bridge"])?;
    ip(&[
        "address",
        "add",
        &format!("{NODE_ADDRESS}/32"),
        "dev",
        NODE_BRIDGE,
    ])?;
    ip(&["link", "set", NODE_BRIDGE, "up"])?;
    // Nothing of the test range ever leaves the machine.
    ip(&["route", "add", "blackhole", TEST_RANGE])?;
    // A service's address needs a route, or a connection from the machine fails before kube-proxy's rules can rewrite it.
    ip(&["route", "add", SERVICE_RANGE, "dev", NODE_BRIDGE])
}

/// Removes all of it, whatever part of it is there, and puts the kernel's settings back.
pub(super) fn remove(layout: &Layout) -> Result<()> {
    for link in [POD_BRIDGE, NODE_BRIDGE]
        .into_iter()
        .filter(|link| link_exists(link))
    {
        ip(&["link", "delete", link])?;
    }
    if has_blackhole()? {
        ip(&["route", "delete", "blackhole", TEST_RANGE])?;
    }
    for family in ["ip", "ip6"] {
        if command::succeeds(nft().args(["list", "table", family, "kube-proxy"])) {
            command::output(nft().args(["delete", "table", family, "kube-proxy"]))?;
        }
    }
    restore_settings(layout)
}

/// Whether a bridge of the cluster is there.
pub(super) fn exists() -> bool {
    [POD_BRIDGE, NODE_BRIDGE].into_iter().any(link_exists)
}

fn link_exists(link: &str) -> bool {
    Path::new("/sys/class/net").join(link).exists()
}

fn has_blackhole() -> Result<bool> {
    let found = command::output(Command::new("ip").args([
        "route",
        "show",
        "type",
        "blackhole",
        "exact",
        TEST_RANGE,
    ]))?;
    Ok(!found.is_empty())
}

fn ip(args: &[&str]) -> Result<()> {
    command::output(Command::new("ip").args(args)).map(drop)
}

fn nft() -> Command {
    Command::new("nft")
}

fn setting(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

fn set(name: &str, value: &str) -> Result<()> {
    fs::write(setting(name), value).map_err(|error| {
        Error::new(format!("setting {name} to {value}: {error}"))
            .hint("the kernel must allow bridge filtering (br_netfilter) and forwarding here")
    })
}

fn notes(layout: &Layout) -> PathBuf {
    layout.run.join("settings")
}

/// An interrupted start's notes are never written over: its settings are put back before the next start.
fn note_settings(layout: &Layout) -> Result<()> {
    let text: String = NEEDED
        .iter()
        .map(|(name, _)| *name)
        .chain(KUBELETS)
        .filter_map(|name| {
            fs::read_to_string(setting(name))
                .ok()
                .map(|value| format!("{name} {}\n", value.trim()))
        })
        .collect();
    let (place, partial) = (notes(layout), layout.run.join("settings.new"));
    pki::write_private(&partial, &text)?;
    fs::rename(&partial, &place).context(|| format!("writing {}", place.display()))
}

fn restore_settings(layout: &Layout) -> Result<()> {
    let Ok(text) = fs::read_to_string(notes(layout)) else {
        return Ok(()); // Nothing was changed yet.
    };
    for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        // The bridge's settings go with its module.
        if setting(name).exists()
            && fs::read_to_string(setting(name)).is_ok_and(|now| now.trim() != value)
        {
            set(name, value)?;
        }
    }
    Ok(())
}
