//! What Linux says about this process, under the names that Prometheus' own clients use. Reads `/proc/self`; a value that
//! cannot be read is left out.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge};

/// Clock ticks in a second, as `/proc/self/stat` counts them: a constant of Linux' user interface, whatever the kernel's own.
const TICKS: f64 = 100.0;

const CPU: (&str, &str) = (
    "process_cpu_seconds_total",
    "CPU time of user and system, in seconds.",
);
const MEMORY: (&str, &str) = (
    "process_resident_memory_bytes",
    "Resident memory, in bytes.",
);
const FILES: (&str, &str) = ("process_open_fds", "Open file descriptors.");
const START: (&str, &str) = (
    "process_start_time_seconds",
    "When the process began to count, in seconds since 1970.",
);

/// Collects the process's values anew at every scrape.
pub(crate) struct Process {
    start: Gauge,
    descs: Vec<Desc>,
}

impl Process {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let start = gauge(START, now.map_or(0.0, |since| since.as_secs_f64()));
        let mut descs: Vec<Desc> = start.desc().into_iter().cloned().collect();
        descs.extend(counter(CPU, 0.0).desc().into_iter().cloned());
        for name in [MEMORY, FILES] {
            descs.extend(gauge(name, 0.0).desc().into_iter().cloned());
        }
        Self { start, descs }
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.start.collect();
        families.extend(
            cpu_seconds()
                .into_iter()
                .flat_map(|value| counter(CPU, value).collect()),
        );
        families.extend(
            resident_bytes()
                .into_iter()
                .flat_map(|value| gauge(MEMORY, value).collect()),
        );
        families.extend(
            open_files()
                .into_iter()
                .flat_map(|value| gauge(FILES, value).collect()),
        );
        families
    }
}

fn counter((name, help): (&str, &str), value: f64) -> Counter {
    let counter = Counter::new(name, help).expect("the names are constants and valid");
    counter.inc_by(value);
    counter
}

fn gauge((name, help): (&str, &str), value: f64) -> Gauge {
    let gauge = Gauge::new(name, help).expect("the names are constants and valid");
    gauge.set(value);
    gauge
}

fn cpu_seconds() -> Option<f64> {
    cpu_of(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Fields 14 and 15 of proc_pid_stat(5). The second field is the program's name in brackets and may have spaces and brackets.
fn cpu_of(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(count).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 1 0 100 1000 200";
        assert_eq!(cpu_of(stat), Some(3.0));
        assert_eq!(cpu_of("nonsense"), None);
    }

    #[test]
    fn every_value_is_read_on_linux() {
        let process = Process::new();
        let names: Vec<String> = process
            .collect()
            .iter()
            .map(|family| family.name().to_owned())
            .collect();
        assert_eq!(names, [START.0, CPU.0, MEMORY.0, FILES.0]);
        assert!(resident_bytes().unwrap() > 1e5 && open_files().unwrap() >= 3.0);
    }
}
