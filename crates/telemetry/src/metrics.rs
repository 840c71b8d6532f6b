//! The registry of a process's metrics: its own under one prefix, and the process's under their usual names. No I/O beside
//! what [`crate::process`] reads.

use prometheus::TextEncoder;
use prometheus::core::Collector;

use crate::process;

/// Prefix of every metric of sparkconnect, written as `<prefix>_<name>`.
pub const PREFIX: &str = "sparkconnect";

/// The metrics of one process. Cheap to clone; every clone is the same registry.
#[derive(Clone, Debug)]
pub struct Registry {
    own: prometheus::Registry,
    process: prometheus::Registry,
}

impl Registry {
    /// A registry that has the process's metrics and no other.
    pub fn new() -> Self {
        let process = prometheus::Registry::new();
        process
            .register(Box::new(process::Process::new()))
            .expect("the names are constants, valid and different");
        let own = prometheus::Registry::new_custom(Some(PREFIX.to_owned()), None)
            .expect("the prefix is a constant and not empty");
        Self { own, process }
    }

    /// Adds `collector`, whose metrics are named without the prefix.
    ///
    /// # Errors
    /// When a metric of that name is there already.
    pub fn register(&self, collector: Box<dyn Collector>) -> prometheus::Result<()> {
        self.own.register(collector)
    }

    /// The registry that adds the prefix, for the macros of `prometheus`.
    pub fn prefixed(&self) -> &prometheus::Registry {
        &self.own
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
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use prometheus::IntGauge;

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
}
