//! Ends the cluster and removes every trace that it leaves on the machine: processes, mounts, network, control groups, files.
//! Works from any state, also after everything was killed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::layout::Layout;
use super::{cgroup, firewall, images, mounts, network, parts};
use crate::error::{Context, Error, Result};
use crate::process::Identity;
use crate::progress;

/// containerd shuts its database in this time; the others keep nothing, and are killed at once.
const CONTAINERD_PATIENCE: Duration = Duration::from_secs(10);

/// Whether there is anything to remove.
pub(super) fn anything_left(layout: &Layout) -> bool {
    layout.run.exists() || cgroup::exists() || network::exists()
}

/// Ends what runs and removes what is left. Logs and containerd's images stay.
pub(super) fn clear(layout: &Layout) -> Result<()> {
    let containerd = parts::CONTAINERD;
    for name in parts::NAMES.into_iter().filter(|name| *name != containerd) {
        end(layout, name, Duration::ZERO)?;
    }
    cgroup::kill_pods()?;
    remove_containers(layout);
    end(layout, containerd, CONTAINERD_PATIENCE)?;
    cgroup::kill_all()?;
    let sockets = shim_sockets(layout);
    mounts::remove(layout)?;
    firewall::close()?;
    network::remove(layout)?;
    cgroup::remove()?;
    remove_files(layout, sockets)
}

/// Removes images and logs as well.
pub(super) fn purge(layout: &Layout) -> Result<()> {
    delete(&layout.state)
}

fn end(layout: &Layout, name: &str, patience: Duration) -> Result<()> {
    Identity::recorded(&layout.record(name)).map_or(Ok(()), |part| part.end(patience))
}

/// Takes the containers out of containerd's database while it still answers, so that the next start finds none. If it does
/// not, the next start's kubelet removes them: it knows none of their pods.
fn remove_containers(layout: &Layout) {
    if !Identity::recorded(&layout.record(parts::CONTAINERD)).is_some_and(|part| part.alive()) {
        return;
    }
    if let Err(error) = images::remove_containers(layout) {
        progress::note(&format!(
            "containers stay in containerd's database until the next start: {error}"
        ));
    }
}

/// containerd's shims listen in a folder that they share with any other containerd's; each container's folder says where.
fn shim_sockets(layout: &Layout) -> Vec<PathBuf> {
    let tasks = layout
        .run
        .join("containerd/io.containerd.runtime.v2.task/k8s.io");
    let entries = fs::read_dir(tasks).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_to_string(entry.path().join("address")).ok())
        .filter_map(|address| address.trim().strip_prefix("unix://").map(PathBuf::from))
        .filter(|path| path.starts_with("/run/containerd/s"))
        .collect()
}

fn remove_files(layout: &Layout, sockets: Vec<PathBuf>) -> Result<()> {
    let foreign = sockets
        .into_iter()
        .chain(log_links(layout))
        .chain(network_results());
    // The run folder is the sign that there is something to remove, so it goes last.
    foreign
        .chain(layout.transient())
        .chain([layout.run.clone()])
        .try_for_each(|path| delete(&path))
}

/// The kubelet links every container's log from a folder that it does not let anyone choose.
fn log_links(layout: &Layout) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| fs::read_link(path).is_ok_and(|target| layout.owns(&target));
    list(Path::new("/var/log/containers"))
        .into_iter()
        .filter(ours)
        .collect()
}

/// The results that CNI keeps of our network, by its name, and of the loopback devices of the same pods.
fn network_results() -> Vec<PathBuf> {
    let folder = Path::new("/var/lib/cni/results");
    let names = list(folder)
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let pods = names.filter_map(|name| {
        Some(
            name.strip_prefix("sparkconnect-")?
                .strip_suffix("-eth0")?
                .to_owned(),
        )
    });
    pods.flat_map(|pod| {
        [
            format!("sparkconnect-{pod}-eth0"),
            format!("cni-loopback-{pod}-lo"),
        ]
    })
    .map(|name| folder.join(name))
    .collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn delete(path: &Path) -> Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The state folder of the cluster that is there, if it is another than this one's.
pub(super) fn foreign_owner(layout: &Layout) -> Option<PathBuf> {
    let owner = PathBuf::from(fs::read_to_string(layout.owner()).ok()?);
    (owner != layout.state).then_some(owner)
}

/// The refusal to touch the cluster of another cache.
pub(super) fn refuse_foreign(owner: &Path) -> Error {
    let cache = owner.parent().unwrap_or(owner).display();
    Error::new(format!(
        "a cluster that keeps its state in {} is on this machine",
        owner.display()
    ))
    .hint(format!(
        "end it with `SPARKCONNECT_CACHE={cache} cargo xtask cluster down`"
    ))
}
