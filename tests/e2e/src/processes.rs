//! Processes of the cluster's pods, as this machine sees them: to kill or freeze one as a fault would. Reads /proc.

use rustix::process::Signal;
use sparkconnect_testkit::cluster::Cluster;
use sparkconnect_testkit::process::Identity;

/// Sends `signal` to the processes of pods whose environment has every entry of `environment`, as in `POD_NAME=demo-0`, and
/// whose command line holds `program`.
///
/// # Panics
/// When there is none, or it cannot be signalled.
pub fn signal(cluster: &Cluster, program: &str, environment: &[&str], signal: Signal) {
    let processes = cluster
        .processes()
        .unwrap_or_else(|error| panic!("{error}"));
    let found = processes.iter().filter(|process| {
        let of = |file: &str| read(process, file);
        let variables = of("environ");
        of("cmdline").iter().any(|word| word.contains(program))
            && environment
                .iter()
                .all(|entry| variables.iter().any(|found| found == entry))
    });
    let found: Vec<&Identity> = found.collect();
    assert!(
        !found.is_empty(),
        "no process of {program} with {environment:?}"
    );
    for process in found {
        process
            .signal(signal)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The strings of a file under /proc; none if the process has ended.
fn read(process: &Identity, file: &str) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{}/{file}", process.pid())).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}
