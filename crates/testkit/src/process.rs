//! Long-running processes that outlive the program that started them: started in a session of their own, recorded in a file by
//! themselves, and ended by that record alone. A process is a number and a start time: numbers are used again.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::error::{Context, Error, Result};

/// How often a wait looks again.
const PACE: Duration = Duration::from_millis(10);

/// One process, told apart from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pid: i32,
    /// Clock ticks after boot.
    started: u64,
}

impl Identity {
    /// The process that has the number `pid` now, unless it has ended.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (identity, state) = parse_stat(&stat)?;
        // A zombie has ended; only its parent has not asked how.
        (!matches!(state, 'Z' | 'X')).then_some(identity)
    }

    /// The process that recorded itself in `path`, running or not.
    pub fn recorded(path: &Path) -> Option<Self> {
        parse_stat(&fs::read_to_string(path).ok()?).map(|(identity, _)| identity)
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn alive(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// Sends `signal` if it still runs. The descriptor is taken before the identity is looked at, so that the number
    /// cannot pass to another process in between.
    ///
    /// # Errors
    /// When this user may not signal it.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let Some(descriptor) =
            Pid::from_raw(self.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
        else {
            return Ok(());
        };
        if !self.alive() {
            return Ok(());
        }
        match pidfd_send_signal(&descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context(|| format!("ending process {}", self.pid)),
        }
    }

    /// Ends it and waits until it is gone: asks, for as long as `patience`, then kills.
    ///
    /// # Errors
    /// When it may not be signalled, or outlives a kill by 10 s.
    pub fn end(&self, patience: Duration) -> Result<()> {
        if !patience.is_zero() {
            self.signal(Signal::TERM)?;
            if self.gone_within(patience) {
                return Ok(());
            }
        }
        self.signal(Signal::KILL)?;
        if self.gone_within(Duration::from_secs(10)) {
            return Ok(());
        }
        Err(Error::new(format!(
            "process {} does not end, even when killed",
            self.pid
        ))
        .hint(format!(
            "`cat /proc/{}/stack` shows what it waits for in the kernel",
            self.pid
        )))
    }

    fn gone_within(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while self.alive() {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(PACE);
        }
        true
    }
}

/// What to start, and where it leaves its traces.
#[derive(Debug)]
pub struct Detached<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub args: &'a [String],
    /// Environment that is added.
    pub env: &'a [(&'a str, String)],
    /// File that gets its output; emptied first.
    pub log: PathBuf,
    /// File that it records itself in.
    pub record: PathBuf,
    /// `cgroup.procs` files of the groups that it joins, before it runs; what it starts is in them too.
    pub join: Vec<PathBuf>,
}

/// The shell raises the limit of open files, as a service manager would, joins the groups and writes the record before it becomes the program: there is no moment in which the program
/// runs and could be lost, even if the starter is killed.
const STARTER: &str = r#"
record=$1; shift
ulimit -n "$(ulimit -Hn)"
while [ "$1" != -- ]; do echo $$ >"$1" || exit 126; shift; done; shift
cat /proc/$$/stat >"$record.new" && mv "$record.new" "$record" && exec setsid "$@"
"#;

impl Detached<'_> {
    /// Starts it.
    ///
    /// # Errors
    /// When a file cannot be made, or the shell cannot be started.
    pub fn start(&self) -> Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        let log = options
            .open(&self.log)
            .context(|| format!("making {}", self.log.display()))?;
        let copy = log
            .try_clone()
            .context(|| format!("making {}", self.log.display()))?;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", STARTER, "starter"])
            .arg(&self.record)
            .args(&self.join);
        shell.arg("--").arg(self.program).args(self.args);
        shell.envs(self.env.iter().map(|(name, value)| (name, value)));
        shell
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy);
        let program = self.program.display();
        let mut child = shell.spawn().context(|| format!("starting {program}"))?;
        // Reaps it, for as long as this program runs: otherwise it would stay as a zombie. Later its parent is process 1.
        std::thread::spawn(move || child.wait());
        Ok(())
    }
}

/// Looks until `look` gives something: at most `patience`, then the error says what was seen last.
///
/// # Errors
/// `what` did not come about; or what `look` returns as final.
pub fn wait_for<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<Seen<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        let last = match look()? {
            Seen::Done(value) => return Ok(value),
            Seen::NotYet(last) => last,
        };
        if began.elapsed() >= patience {
            let waited = patience.as_secs();
            return Err(Error::new(format!(
                "waited {waited} s for {what}; last seen: {last}"
            )));
        }
        std::thread::sleep(PACE);
    }
}

/// What one look of [`wait_for`] saw.
#[derive(Debug)]
pub enum Seen<T> {
    /// What was waited for.
    Done(T),
    /// Not it yet; the text says what there is instead.
    NotYet(String),
}

/// The second field, the name, is in parentheses and may hold anything, so what follows is counted from its end.
fn parse_stat(stat: &str) -> Option<(Identity, char)> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((Identity { pid, started }, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Identity {
        let record = folder.join("record");
        let detached = Detached {
            program: Path::new("sleep"),
            args: &["60".to_owned()],
            env: &[],
            log: folder.join("log"),
            record: record.clone(),
            join: Vec::new(),
        };
        detached.start().unwrap();
        wait_for("the record", Duration::from_secs(10), || {
            Ok(
                Identity::recorded(&record)
                    .map_or(Seen::NotYet("no record".to_owned()), Seen::Done),
            )
        })
        .unwrap()
    }

    #[test]
    fn a_name_may_hold_anything() {
        let fields = "S 1 9 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 1";
        let (identity, state) = parse_stat(&format!("42 (a) b (c)) {fields}")).unwrap();
        assert_eq!(
            (identity, state),
            (
                Identity {
                    pid: 42,
                    started: 4711
                },
                'S'
            )
        );
    }

    #[test]
    fn a_detached_process_records_itself_and_is_ended_by_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let identity = sleeper(folder.path());
        assert!(identity.alive());
        identity.end(Duration::from_secs(10)).unwrap();
        assert!(!identity.alive());
    }

    #[test]
    fn a_process_that_only_has_the_number_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let real = sleeper(folder.path());
        let earlier = Identity {
            started: real.started - 1,
            ..real
        };
        assert!(!earlier.alive());
        earlier.end(Duration::ZERO).unwrap();
        assert!(real.alive(), "another process was ended");
        real.end(Duration::ZERO).unwrap();
    }

    #[test]
    fn a_wait_that_ends_says_what_it_saw() {
        let look = || Ok(Seen::<()>::NotYet("rain".to_owned()));
        let error = wait_for("sunshine", Duration::ZERO, look)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "waited 0 s for sunshine; last seen: rain");
    }
}
