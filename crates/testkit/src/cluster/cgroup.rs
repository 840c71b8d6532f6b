//! The cluster's control group: everything that the cluster starts is in it, containers and their shims included, so that what
//! is left after a crash is known without guessing by name. Reads and writes `/sys/fs/cgroup`, version 1 or 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::layout::CGROUP;
use crate::error::{Context, Error, Result};
use crate::process::{Identity, Seen, wait_for};

const MOUNT: &str = "/sys/fs/cgroup";
/// The group of the parts, containerd's shims among them; the kubelet makes the pods' beside it.
const PARTS: &str = "parts";
/// The group that the kubelet makes below the cluster's.
const PODS: &str = "kubepods";

/// Makes the group in every hierarchy, as the kubelet wants to find it; the returned file takes the parts' process numbers.
pub(super) fn make() -> Result<PathBuf> {
    if unified() {
        enable_controllers();
    }
    for root in roots() {
        let group = ours(&root);
        fs::create_dir_all(&group)
            .context(|| format!("making the control group {}", group.display()))?;
        inherit_cpuset(&root, &group)?;
    }
    let parts = ours(&tracking()?).join(PARTS);
    fs::create_dir_all(&parts)
        .context(|| format!("making the control group {}", parts.display()))?;
    Ok(parts.join("cgroup.procs"))
}

/// Kills all that runs in the pods' groups, and waits until it is gone.
pub(super) fn kill_pods() -> Result<()> {
    kill(&ours(&tracking()?).join(PODS), "the pods")
}

/// Kills all that is left in the cluster's group, and waits until it is gone.
pub(super) fn kill_all() -> Result<()> {
    kill(&ours(&tracking()?), "the cluster")
}

/// All that runs in the cluster's group, containers included.
pub(super) fn processes() -> Result<Vec<Identity>> {
    Ok(members(&ours(&tracking()?)))
}

/// Removes the groups, which must be empty.
pub(super) fn remove() -> Result<()> {
    roots().iter().try_for_each(|root| remove_tree(&ours(root)))
}

/// Whether the group is there, in any hierarchy.
pub(super) fn exists() -> bool {
    roots().iter().any(|root| ours(root).exists())
}

fn ours(root: &Path) -> PathBuf {
    root.join(CGROUP.trim_start_matches('/'))
}

fn unified() -> bool {
    Path::new(MOUNT).join("cgroup.controllers").exists()
}

/// The root of each hierarchy: the only one of version 2, or one for each controller of version 1.
fn roots() -> Vec<PathBuf> {
    if unified() {
        return vec![PathBuf::from(MOUNT)];
    }
    let entries = fs::read_dir(MOUNT).into_iter().flatten().flatten();
    let mut roots: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| !path.is_symlink() && path.join("cgroup.procs").exists())
        .collect();
    roots.sort();
    roots
}

/// The hierarchy that tells which processes are ours. The freezer's is not systemd's, so nobody moves processes in it.
fn tracking() -> Result<PathBuf> {
    if unified() {
        return Ok(PathBuf::from(MOUNT));
    }
    let place = |name: &str| Path::new(MOUNT).join(name);
    ["freezer", "pids"]
        .map(place)
        .into_iter()
        .find(|path| path.join("cgroup.procs").exists())
        .ok_or_else(|| {
            Error::new(format!("{MOUNT} has no control groups"))
                .hint("mount them: cgroup2 on /sys/fs/cgroup, as systemd does")
        })
}

/// Version 2 gives a group only the controllers that its parent passes on. One that the kernel lacks is the kubelet's to
/// complain about, so refusals are left to it.
fn enable_controllers() {
    for controller in ["cpuset", "cpu", "io", "memory", "pids", "hugetlb"] {
        let _ = fs::write(
            Path::new(MOUNT).join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
}

/// In version 1 a new group has no processors and no memory, and so accepts no process.
fn inherit_cpuset(root: &Path, group: &Path) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        if let (false, Ok(value)) = (unified(), fs::read_to_string(root.join(name))) {
            let file = group.join(name);
            fs::write(&file, value).context(|| format!("writing {}", file.display()))?;
        }
    }
    Ok(())
}

fn kill(group: &Path, what: &str) -> Result<()> {
    wait_for(
        &format!("the processes of {what} to end"),
        Duration::from_secs(20),
        || {
            let members = members(group);
            for member in &members {
                member.signal(Signal::KILL)?;
            }
            let left: Vec<String> = members
                .iter()
                .map(|member| member.pid().to_string())
                .collect();
            Ok(if left.is_empty() {
                Seen::Done(())
            } else {
                Seen::NotYet(format!("processes {}", left.join(" ")))
            })
        },
    )
}

fn members(group: &Path) -> Vec<Identity> {
    let own = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut members: Vec<Identity> = own
        .lines()
        .filter_map(|pid| pid.parse().ok())
        .filter_map(Identity::of)
        .collect();
    members.extend(
        children(group)
            .iter()
            .flat_map(|child| self::members(child)),
    );
    members
}

fn children(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn remove_tree(group: &Path) -> Result<()> {
    if !group.exists() {
        return Ok(());
    }
    children(group)
        .iter()
        .try_for_each(|child| remove_tree(child))?;
    // The kernel forgets a process a moment after it is gone from the list.
    wait_for(
        &format!("{} to be empty", group.display()),
        Duration::from_secs(10),
        || {
            Ok(match fs::remove_dir(group) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Seen::NotYet(error.to_string())
                }
                _ => Seen::Done(()),
            })
        },
    )
}
