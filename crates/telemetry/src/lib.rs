//! Logs, the metrics registry and the health server of operator and gateway. Listens on one address, writes to standard
//! error and reads `/proc/self`.

pub mod health;
pub mod logs;
pub mod metrics;
mod process;

pub use health::{Health, serve};
pub use logs::LogFormat;
pub use metrics::Registry;
