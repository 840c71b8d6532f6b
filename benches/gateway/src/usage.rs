//! What processes and cores use, from `/proc`. Reads files, ends processes.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::process::Identity;
use sparkconnect_testkit::{Error, Result};

/// A process and those that it started, itself first.
#[derive(Debug)]
pub struct Tree(Vec<Identity>);

/// CPU time of threads, each in ns, by process and thread.
pub type Threads = HashMap<(i32, String), u64>;

impl Tree {
    /// That of the process with this number.
    pub fn of(root: i32) -> Self {
        let parents = parents();
        let mut numbers = vec![root];
        let mut at = 0;
        while let Some(&parent) = numbers.get(at) {
            let children = parents.iter().filter(|(_, its)| **its == parent);
            numbers.extend(children.map(|(child, _)| *child));
            at += 1;
        }
        Self(numbers.into_iter().filter_map(Identity::of).collect())
    }

    /// The process with this number, without those that it started.
    pub fn of_one(number: i32) -> Self {
        Self(Identity::of(number).into_iter().collect())
    }

    /// Kills them all.
    ///
    /// # Errors
    /// When one does not end.
    pub fn kill(&self) -> Result<()> {
        self.0.iter().try_for_each(|one| one.end(Duration::ZERO))
    }

    /// CPU time of every thread so far.
    ///
    /// # Errors
    /// When the kernel does not tell it.
    pub fn threads(&self) -> Result<Threads> {
        let mut threads = Threads::new();
        for process in &self.0 {
            let folder = format!("/proc/{}/task", process.pid());
            let tasks = fs::read_dir(&folder).context(|| format!("reading {folder}"))?;
            for task in tasks.flatten() {
                // A thread may end while it is looked at.
                let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else {
                    continue;
                };
                let name = task.file_name().to_string_lossy().into_owned();
                threads.insert((process.pid(), name), on_cpu(&text)?);
            }
        }
        if threads.is_empty() {
            return Err(
                Error::new(format!("no thread of {:?} tells its CPU time", self.0))
                    .hint("the process has ended, or the kernel has no /proc/PID/schedstat"),
            );
        }
        Ok(threads)
    }

    /// Resident memory in bytes. What several of these processes share counts once.
    ///
    /// # Errors
    /// When one has ended, or is another user's.
    pub fn memory(&self) -> Result<u64> {
        let (mut own, mut shared) = (0, 0);
        for process in &self.0 {
            let path = format!("/proc/{}/smaps_rollup", process.pid());
            let text = fs::read_to_string(&path).context(|| format!("reading {path}"))?;
            own += kibibytes(&text, "Private_");
            shared = kibibytes(&text, "Shared_").max(shared);
        }
        Ok((own + shared) << 10)
    }
}

/// CPU time that `after` has beyond `before`. A thread that ended in between counts as idle.
pub fn spent(before: &Threads, after: &Threads) -> Duration {
    let spent = after.iter().map(|(thread, after)| {
        after.saturating_sub(before.get(thread).copied().unwrap_or_default())
    });
    Duration::from_nanos(spent.sum())
}

/// Clock ticks of a core so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    busy: u64,
    all: u64,
}

impl Ticks {
    /// Those of this core.
    ///
    /// # Errors
    /// When there is no such core.
    pub fn of(core: usize) -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context(|| "reading /proc/stat".to_owned())?;
        Self::read(&text, core).ok_or_else(|| Error::new(format!("/proc/stat has no core {core}")))
    }

    fn read(text: &str, core: usize) -> Option<Self> {
        let name = format!("cpu{core}");
        let mut lines = text.lines().map(str::split_whitespace);
        let fields = lines.find_map(|mut line| (line.next()? == name).then_some(line))?;
        // user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in the first two.
        let ticks: Vec<u64> = fields
            .take(8)
            .map_while(|field| field.parse().ok())
            .collect();
        let all = ticks.iter().sum();
        let idle: u64 = ticks.get(3..5)?.iter().sum();
        Some(Self {
            busy: all - idle,
            all,
        })
    }

    /// The share of the time since `before` in which the core was busy.
    pub fn share_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.busy.saturating_sub(before.busy) as f64 / all as f64
    }
}

/// Each process and its parent.
fn parents() -> HashMap<i32, i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parent = |number: i32| {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let fields = stat.rsplit_once(')')?.1;
        Some((number, fields.split_whitespace().nth(1)?.parse().ok()?))
    };
    numbers.filter_map(parent).collect()
}

fn on_cpu(schedstat: &str) -> Result<u64> {
    let first = schedstat.split_whitespace().next();
    first
        .and_then(|nanoseconds| nanoseconds.parse().ok())
        .ok_or_else(|| Error::new(format!("`{schedstat}` is no schedstat")))
}

fn kibibytes(rollup: &str, prefix: &str) -> u64 {
    let parts = ["Clean:", "Dirty:"].map(|part| format!("{prefix}{part}"));
    let lines = rollup
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace));
    let ours = lines.filter(|(name, _)| parts.iter().any(|part| part == name));
    ours.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_core_is_told_from_an_idle_one() {
        let before = "cpu 9 9 9 9\ncpu0 10 0 10 100 0 0 0 0 0 0\ncpu1 1 0 0 9 0 0 0 0 0 0\n";
        let after = "cpu 9 9 9 9\ncpu0 20 5 15 110 5 2 2 1 7 7\ncpu1 1 0 0 19 0 0 0 0 0 0\n";
        let share = |core| {
            let [before, after] = [before, after].map(|text| Ticks::read(text, core).unwrap());
            after.share_since(before)
        };
        assert!((share(0) - 25.0 / 40.0).abs() < 1e-9, "{}", share(0));
        assert!(share(1).abs() < 1e-9, "{}", share(1));
        assert_eq!(Ticks::read(before, 2), None);
    }

    #[test]
    fn threads_that_come_count_and_those_that_go_do_not() {
        let thread = |name: &str, time| ((1, name.to_owned()), time);
        let before = Threads::from([thread("1", 5), thread("2", 7)]);
        let after = Threads::from([thread("1", 8), thread("3", 4)]);
        assert_eq!(spent(&before, &after), Duration::from_nanos(7));
    }

    #[test]
    fn memory_is_what_the_kernel_calls_private_and_shared() {
        let rollup = "Rss: 30 kB\nPss: 20 kB\nShared_Clean:  8 kB\nShared_Dirty: 2 kB\n\
                      Private_Clean: 5 kB\nPrivate_Dirty: 15 kB\nPrivate_Hugetlb: 99 kB\n";
        assert_eq!(kibibytes(rollup, "Shared_"), 10);
        assert_eq!(kibibytes(rollup, "Private_"), 20);
    }

    #[test]
    fn a_process_is_found_with_its_child_and_what_both_use() {
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "sleep 60; true"])
            .spawn()
            .unwrap();
        let root = i32::try_from(shell.id()).unwrap();
        let patience = Duration::from_secs(10);
        let tree = sparkconnect_testkit::process::wait_for("its child", patience, || {
            let tree = Tree::of(root);
            Ok(if tree.0.len() == 2 {
                sparkconnect_testkit::process::Seen::Done(tree)
            } else {
                sparkconnect_testkit::process::Seen::NotYet(format!("{tree:?}"))
            })
        });
        let tree = tree.unwrap();
        assert_eq!(tree.threads().unwrap().len(), 2);
        assert!(tree.memory().unwrap() > 100 << 10);
        tree.kill().unwrap();
        shell.wait().unwrap();
        assert!(tree.threads().is_err());
    }
}
