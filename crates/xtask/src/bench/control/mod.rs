//! `cargo xtask bench control`: the operator's figures of the README, measured on the local cluster in one run. Nothing is
//! asserted here.

mod measure;
mod writes;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use sparkconnect_testkit::cluster::Cluster;
use sparkconnect_testkit::install::{self, Images, Kubectl};
use sparkconnect_testkit::spark::{Options, SparkServer};
use sparkconnect_testkit::{Error, Result, progress};

use measure::{Watch, percentile};

/// Namespace of the measurements.
const NAMESPACE: &str = "bench";
/// Sessions that are made at once.
const SESSIONS: usize = 50;

/// What to measure with.
#[derive(Args)]
pub(crate) struct Cli {
    /// Spark version of the servers.
    #[arg(long, default_value = "4.3.0")]
    version: String,
    /// Starts of a server that are measured, of each kind.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds in which nothing happens and nothing should be written.
    #[arg(long, default_value_t = 300)]
    idle: u64,
}

/// Measures everything and prints one line a figure.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let cluster = progress::step("Starting the local cluster", Cluster::up)?;
    let kubectl = Kubectl::local(&cluster)?;
    let images = Images::local(&cluster, &[&cli.version])?;
    install::cluster_wide(&kubectl, &images)?;
    fresh_namespace(&kubectl)?;
    let bench = Bench {
        kubectl,
        version: &cli.version,
    };
    bench.starts(cli.rounds)?;
    bench.many_sessions()?;
    bench.one_by_one()?;
    bench.one_session()?;
    bench.idle(Duration::from_secs(cli.idle))?;
    bench.memory()?;
    bench
        .kubectl
        .run(&["delete", "namespace", NAMESPACE, "--wait=false"])?;
    Ok(ExitCode::SUCCESS)
}

fn fresh_namespace(kubectl: &Kubectl) -> Result<()> {
    kubectl.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found"])?;
    kubectl.run(&["create", "namespace", NAMESPACE]).map(drop)
}

struct Bench<'a> {
    kubectl: Kubectl,
    version: &'a str,
}

impl Bench<'_> {
    /// Server applied to children and to Ready, with and without the archive, beside the bare JVM.
    fn starts(&self, rounds: usize) -> Result<()> {
        let (mut children, mut cluster, mut local) = (vec![], vec![], vec![]);
        let (mut without, mut bare) = (vec![], vec![]);
        for _ in 0..rounds {
            let (made, ready) = self.start("cluster", "executor: {instances: 1}")?;
            children.push(made);
            cluster.push(ready);
            local.push(self.start("local", "mode: Local")?.1);
            // A user's option comes after the operator's and wins.
            let cold = "mode: Local\n  javaOptions: -Xshare:off";
            without.push(self.start("cold", cold)?.1);
            bare.push(self.bare()?);
        }
        say("server applied to StatefulSet made", &children);
        say("server with one executor applied to Ready", &cluster);
        say("server of mode Local applied to Ready", &local);
        say("the same without the class-data archive", &without);
        say(
            "Spark's own start outside Kubernetes, local mode, to its first answer",
            &bare,
        );
        Ok(())
    }

    /// One server from its creation to Ready, then gone again: when its StatefulSet was there, when it was Ready.
    fn start(&self, name: &str, extra: &str) -> Result<(Duration, Duration)> {
        let servers = Watch::start(&self.kubectl, NAMESPACE, "scs", ".status.readyReplicas")?;
        let sets = Watch::start(&self.kubectl, NAMESPACE, "statefulsets", ".metadata.name")?;
        self.server(name, extra)?;
        let applied = servers.seen(name, |_| true)?;
        let ready = servers.seen(name, |ready| ready == "1")?;
        let made = sets.seen(name, |_| true)?;
        drop((servers, sets));
        self.delete(&[format!("scs/{name}")])?;
        let gone = [
            "-n",
            NAMESPACE,
            "wait",
            "--for=delete",
            "pods",
            "--all",
            "--timeout=120s",
        ];
        self.kubectl.run(&gone)?;
        Ok((
            made.saturating_duration_since(applied),
            ready.duration_since(applied),
        ))
    }

    fn server(&self, name: &str, extra: &str) -> Result<()> {
        let version = self.version;
        self.kubectl.apply(&format!(
            "apiVersion: sparkconnect.dev/v1alpha1\nkind: SparkConnectServer\n\
             metadata: {{name: {name}, namespace: {NAMESPACE}}}\n\
             spec:\n  version: {version}\n  {extra}\n"
        ))?;
        Ok(())
    }

    /// Spark itself, started by hand with the same version.
    fn bare(&self) -> Result<Duration> {
        let began = Instant::now();
        let server = SparkServer::start(self.version, Options::default())?;
        let took = began.elapsed();
        drop(server);
        Ok(took)
    }

    /// Sessions on a warm server, all applied at once.
    fn many_sessions(&self) -> Result<()> {
        self.server("pool", "mode: Local")?;
        self.ready("scs/pool")?;
        self.session("warm-up")?;
        self.ready("sps/warm-up")?;
        let watch = self.phases()?;
        let manifests: Vec<String> = (0..SESSIONS)
            .map(|n| session(&format!("many-{n}")))
            .collect();
        self.kubectl.apply(&manifests.join("---\n"))?;
        let times = (0..SESSIONS).map(|n| until_ready(&watch, &format!("many-{n}")));
        say_sessions("all at once", times.collect::<Result<_>>()?);
        let names: Vec<String> = (20..SESSIONS).map(|n| format!("sps/many-{n}")).collect();
        self.delete(&names)
    }

    /// As many sessions, each after the one before is Ready.
    fn one_by_one(&self) -> Result<()> {
        let watch = self.phases()?;
        let mut times = Vec::new();
        for n in 0..SESSIONS {
            let name = format!("single-{n}");
            self.session(&name)?;
            times.push(until_ready(&watch, &name)?);
        }
        say_sessions("one after another", times);
        let names: Vec<String> = (0..SESSIONS).map(|n| format!("sps/single-{n}")).collect();
        self.delete(&names)
    }

    fn phases(&self) -> Result<Watch> {
        Watch::start(&self.kubectl, NAMESPACE, "sps", ".status.phase")
    }

    fn delete(&self, objects: &[String]) -> Result<()> {
        let mut delete = vec!["-n", NAMESPACE, "delete"];
        delete.extend(objects.iter().map(String::as_str));
        self.kubectl.run(&delete).map(drop)
    }

    /// What one session costs the API server.
    fn one_session(&self) -> Result<()> {
        writes::settle(&self.kubectl)?;
        let before = writes::count(&self.kubectl)?;
        self.session("alone")?;
        self.ready("sps/alone")?;
        writes::settle(&self.kubectl)?;
        let after = writes::count(&self.kubectl)?;
        let made = writes::difference(&before, &after);
        println!("API writes for one session's creation, kubectl's own among them: {made}");
        self.delete(&["sps/alone".to_owned()])
    }

    /// What nothing costs the API server.
    fn idle(&self, time: Duration) -> Result<()> {
        writes::settle(&self.kubectl)?;
        let before = writes::count(&self.kubectl)?;
        std::thread::sleep(time);
        let made = writes::difference(&before, &writes::count(&self.kubectl)?);
        println!(
            "API writes in {time:.0?} with 20 idle sessions, leases apart: {} ({made})",
            made.total()
        );
        Ok(())
    }

    /// Resident memory of the operator that leads.
    fn memory(&self) -> Result<()> {
        let pods = [
            "-n",
            install::NAMESPACE,
            "get",
            "pods",
            "--selector=app.kubernetes.io/name=sparkconnect-operator",
            "-o=jsonpath={.items[*].metadata.name}",
        ];
        for pod in self.kubectl.run(&pods)?.split_whitespace() {
            let path = format!(
                "/api/v1/namespaces/{}/pods/{pod}:8080/proxy/metrics",
                install::NAMESPACE
            );
            let metrics = self.kubectl.run(&["get", "--raw", &path])?;
            let value = |name: &str| {
                let line = metrics.lines().find(|line| line.starts_with(name))?;
                line.rsplit(' ').next()?.parse::<f64>().ok()
            };
            let leads = value("sparkconnect_leader") == Some(1.0);
            let memory = value("process_resident_memory_bytes")
                .ok_or_else(|| Error::new(format!("{pod} tells no memory")))?;
            println!(
                "operator memory, {}: {:.1} MB",
                if leads { "leading" } else { "standby" },
                memory / 1e6
            );
        }
        Ok(())
    }

    fn session(&self, name: &str) -> Result<()> {
        self.kubectl.apply(&session(name)).map(drop)
    }

    fn ready(&self, object: &str) -> Result<()> {
        let wait = [
            "-n",
            NAMESPACE,
            "wait",
            "--for=condition=Ready",
            object,
            "--timeout=180s",
        ];
        self.kubectl.run(&wait).map(drop)
    }
}

fn session(name: &str) -> String {
    format!(
        "apiVersion: sparkconnect.dev/v1alpha1\nkind: SparkSession\n\
         metadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec: {{server: pool}}\n"
    )
}

fn until_ready(watch: &Watch, name: &str) -> Result<Duration> {
    let applied = watch.seen(name, |_| true)?;
    let ready = watch.seen(name, |phase| phase == "Ready")?;
    Ok(ready.duration_since(applied))
}

fn say_sessions(how: &str, mut times: Vec<Duration>) {
    let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
    println!("{SESSIONS} sessions, {how}, applied to Ready: p50 {p50:.0?}, p99 {p99:.0?}");
}

fn say(what: &str, times: &[Duration]) {
    let mut sorted = times.to_vec();
    let median = percentile(&mut sorted, 50);
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    println!(
        "{what}: median {median:.2?} ({least:.2?} to {most:.2?}, {} rounds)",
        times.len()
    );
}
