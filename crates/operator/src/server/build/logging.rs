//! Logging of the driver. No I/O.

/// The driver's log4j2 configuration.
pub(super) const LOG4J2: &str = include_str!("log4j2.properties");
