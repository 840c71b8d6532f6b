//! The registry of a process's metrics: its own under one prefix, and the process's under their usual names. No I/O beside
//! what [`crate::process`] reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::Collector;
use prometheus::proto::MetricType;
use prometheus::{IntGauge, Opts, TextEncoder};

use crate::process;

/// Prefix of every metric of sparkconnect, written as `<prefix>_<name>`.
pub const PREFIX: &str = "sparkconnect";

/// The metrics of one process. Cheap to clone; every clone is the same registry.
#[derive(Clone, Debug)]
pub struct Registry {
    own: prometheus::Registry,
    process: prometheus::Registry,
    described: Arc<Mutex<Vec<Described>>>,
}

/// What there is to say of a metric, whether or not it has a value yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Described {
    /// Its name, the prefix included.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// What it is the number of.
    pub help: String,
}

impl Registry {
    /// A registry that has the process's metrics, the program's version, and no other.
    pub fn new() -> Self {
        let own = prometheus::Registry::new_custom(Some(PREFIX.to_owned()), None)
            .expect("the prefix is a constant and not empty");
        let registry = Self {
            own,
            process: prometheus::Registry::new(),
            described: Arc::default(),
        };
        registry.describe("", &process::Process::new());
        let added = registry
            .process
            .register(Box::new(process::Process::new()))
            .and_then(|()| registry.register(Box::new(version()?)));
        added.expect("the names are constants, valid and different");
        registry
    }

    /// Adds `collector`, whose metrics are named without the prefix.
    ///
    /// # Errors
    /// When a metric of that name is there already.
    pub fn register(&self, collector: Box<dyn Collector>) -> prometheus::Result<()> {
        self.describe(&format!("{PREFIX}_"), collector.as_ref());
        self.own.register(collector)
    }

    /// What every metric is, by name.
    pub fn described(&self) -> Vec<Described> {
        let mut all = self.known().clone();
        all.sort();
        all.dedup();
        all
    }

    /// Every metric in Prometheus' text format.
    ///
    /// # Errors
    /// When a collector gives a family without metrics or a name.
    pub fn text(&self) -> prometheus::Result<String> {
        let mut text = String::new();
        for registry in [&self.own, &self.process] {
            TextEncoder::new().encode_utf8(&registry.gather(), &mut text)?;
        }
        Ok(text)
    }

    fn describe(&self, prefix: &str, collector: &dyn Collector) {
        let families = collector.collect();
        let kind = |name: &str| families.iter().find(|it| it.name() == name);
        let described = collector.desc().into_iter().map(|desc| {
            let fixed = desc.const_label_pairs.iter().map(|it| it.name().to_owned());
            Described {
                name: format!("{prefix}{}", desc.fq_name),
                kind: kind(&desc.fq_name).map_or("gauge", |it| kind_name(it.get_field_type())),
                labels: desc.variable_labels.iter().cloned().chain(fixed).collect(),
                help: desc.help.clone(),
            }
        });
        self.known().extend(described);
    }

    fn known(&self) -> MutexGuard<'_, Vec<Described>> {
        // Only ever added to: it is sound even after a panic.
        self.described
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

const fn kind_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::COUNTER => "counter",
        MetricType::HISTOGRAM => "histogram",
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => "gauge",
    }
}

fn version() -> prometheus::Result<IntGauge> {
    let options = Opts::new("build_info", "1, with the version of the program.")
        .const_label("version", env!("CARGO_PKG_VERSION"));
    let gauge = IntGauge::with_opts(options)?;
    gauge.set(1);
    Ok(gauge)
}

#[cfg(test)]
mod tests {
    use prometheus::IntCounterVec;

    use super::*;

    #[test]
    fn names_get_the_prefix_once_and_cannot_be_taken_twice() {
        let registry = Registry::new();
        let gauge = IntGauge::new("sessions", "Sessions that live.").unwrap();
        registry.register(Box::new(gauge.clone())).unwrap();
        gauge.set(4);
        let text = registry.text().unwrap();
        assert!(text.contains("\nsparkconnect_sessions 4\n"), "{text}");
        assert!(registry.register(Box::new(gauge)).is_err());
    }

    #[test]
    fn a_metric_without_a_value_is_described_too() {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("ends_total", "Ends."), &["phase"]).unwrap();
        registry.register(Box::new(counter)).unwrap();
        let described = registry.described();
        let expected = Described {
            name: "sparkconnect_ends_total".to_owned(),
            kind: "counter",
            labels: vec!["phase".to_owned()],
            help: "Ends.".to_owned(),
        };
        assert!(described.contains(&expected), "{described:?}");
        let names: Vec<_> = described.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "process_cpu_seconds_total",
                "process_open_fds",
                "process_resident_memory_bytes",
                "process_start_time_seconds",
                "sparkconnect_build_info",
                "sparkconnect_ends_total",
            ]
        );
        assert_eq!(described[0].kind, "counter");
    }
}
