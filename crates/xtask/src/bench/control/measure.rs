//! When something was first seen to be so: a watch whose lines are stamped as they arrive. Does I/O through kubectl.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sparkconnect_testkit::install::Kubectl;
use sparkconnect_testkit::{Error, Result};

/// Longest wait for anything to be seen.
const PATIENCE: Duration = Duration::from_secs(180);

/// One line of a watch: when it came, whom it is about, what it says.
type Line = (Instant, String, String);

#[derive(Default)]
struct Lines {
    lines: Mutex<Vec<Line>>,
    more: Condvar,
}

/// A watch of one kind of object, stamped on this machine's clock.
pub(super) struct Watch {
    kubectl: Child,
    lines: Arc<Lines>,
}

impl Watch {
    /// Watches `kind` in `namespace`, of each object the value at `path`.
    pub(super) fn start(
        kubectl: &Kubectl,
        namespace: &str,
        kind: &str,
        path: &str,
    ) -> Result<Self> {
        let output = format!("-o=jsonpath={{.metadata.name}} {{{path}}}{{\"\\n\"}}");
        let mut kubectl = kubectl
            .command(&["-n", namespace, "get", kind, "--watch", &output])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| Error::new(format!("kubectl could not be started: {error}")))?;
        let output = kubectl
            .stdout
            .take()
            .expect("its output was asked for as a pipe");
        let lines = Arc::new(Lines::default());
        let filled = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(output)
                .lines()
                .map_while(std::result::Result::ok)
            {
                let (name, value) = line.split_once(' ').unwrap_or((&line, ""));
                let stamped = (Instant::now(), name.to_owned(), value.trim().to_owned());
                filled
                    .lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(stamped);
                filled.more.notify_all();
            }
        });
        Ok(Self { kubectl, lines })
    }

    /// When the object was first seen with a value that `is_it`.
    pub(super) fn seen(&self, name: &str, is_it: impl Fn(&str) -> bool) -> Result<Instant> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self
            .lines
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((when, ..)) = lines
                .iter()
                .find(|(_, who, what)| who == name && is_it(what))
            {
                return Ok(*when);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last = lines.iter().rev().find(|(_, who, _)| who == name);
                return Err(Error::new(format!(
                    "{name} was not seen as waited for; last: {last:?}"
                )));
            }
            lines = self
                .lines
                .more
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}

/// The smallest of `times` that `percent` of them do not exceed; sorts them.
pub(super) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    times[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut times: Vec<Duration> = (1..=50).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut times, 50), Duration::from_millis(25));
        assert_eq!(percentile(&mut times, 99), Duration::from_millis(50));
        assert_eq!(percentile(&mut times[..1], 50), Duration::from_millis(1));
    }
}
