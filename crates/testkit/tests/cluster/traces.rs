//! What a cluster could leave behind on a machine, read from the machine and not from the code under test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sparkconnect_testkit::command::output;
use sparkconnect_testkit::process::{Seen, wait_for};

/// Far longer than the kernel takes to remove an interface.
const PATIENCE: Duration = Duration::from_secs(20);

/// Each kind of trace with what there is of it. Mounts, files and processes are those that containers make: others on the
/// machine come and go meanwhile.
#[derive(Debug)]
pub(crate) struct Traces(Vec<(&'static str, BTreeSet<String>)>);

impl Traces {
    /// Taken when the interfaces of pods that ended are gone, or have had the time: the kernel removes them a while after their namespace.
    pub(crate) fn take() -> Self {
        let _ = wait_for("the pods' interfaces to go", PATIENCE, || {
            let links = run("ip", &["-brief", "link"], 1);
            let pods = links.iter().find(|link| link.starts_with("veth"));
            Ok(pods.map_or(Seen::Done(()), |link| Seen::NotYet(link.clone())))
        });
        Self(vec![
            ("links", run("ip", &["-brief", "link"], 1)),
            ("addresses", run("ip", &["-brief", "address"], 9)),
            ("routes", run("ip", &["route", "show", "table", "all"], 9)),
            ("nft tables", run("nft", &["list", "tables"], 9)),
            ("mounts", mounts()),
            ("processes", processes()),
            ("control groups", control_groups()),
            ("files", files()),
            ("settings", settings()),
        ])
    }

    pub(crate) fn assert_same(&self, after: &Self) {
        for ((what, before), (_, after)) in self.0.iter().zip(&after.0) {
            assert_eq!(before, after, "{what} before and after");
        }
    }
}

fn run(program: &str, args: &[&str], columns: usize) -> BTreeSet<String> {
    let text = output(Command::new(program).args(args)).unwrap();
    let first = |line: &str| {
        line.split_whitespace()
            .take(columns)
            .collect::<Vec<_>>()
            .join(" ")
    };
    text.lines().map(first).collect()
}

fn mounts() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let place = |line: &str| line.split(' ').nth(4).unwrap_or_default().to_owned();
    let marks = ["sparkconnect", "netns", "kubelet", "containerd"];
    text.lines()
        .map(place)
        .filter(|place| marks.iter().any(|mark| place.contains(mark)))
        .collect()
}

/// containerd and its shims; the other parts' binary also runs in other tests' API servers.
fn processes() -> BTreeSet<String> {
    let links = list("/proc")
        .into_iter()
        .filter_map(|path| fs::read_link(Path::new(&path).join("exe")).ok());
    links
        .map(|path| path.display().to_string())
        .filter(|path| path.contains("containerd"))
        .collect()
}

fn control_groups() -> BTreeSet<String> {
    let controllers = list("/sys/fs/cgroup")
        .into_iter()
        .filter(|path| Path::new(path).is_dir());
    controllers
        .flat_map(|controller| list(&controller))
        .filter(|path| path.contains("sparkconnect"))
        .collect()
}

/// Without the folder that every containerd of a machine shares, which its shims make at their first use: what is in it counts.
fn files() -> BTreeSet<String> {
    let folders = [
        "/run",
        "/run/netns",
        "/run/containerd/s",
        "/var/log/containers",
        "/var/lib/cni/results",
    ];
    folders
        .iter()
        .flat_map(|folder| list(folder))
        .filter(|path| !path.ends_with(".lock") && path != "/run/containerd")
        .collect()
}

fn settings() -> BTreeSet<String> {
    let names = [
        "net/ipv4/ip_forward",
        "vm/overcommit_memory",
        "kernel/panic",
        "kernel/panic_on_oops",
    ];
    names
        .iter()
        .map(|name| {
            format!(
                "{name} {}",
                fs::read_to_string(format!("/proc/sys/{name}")).unwrap()
            )
        })
        .collect()
}

fn list(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}
