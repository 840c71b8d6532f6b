//! What operator and gateway have in common as programs: settings, signals, logs, traces, the metrics registry and the health server.
//! Listens on one address, writes to standard error, sends traces where that is wanted and reads `/proc/self`.

pub mod health;
pub mod listen;
pub mod logs;
pub mod metrics;
mod process;
pub mod program;
pub mod request_id;
pub mod spans;
pub mod traces;

pub use health::{Health, serve};
pub use logs::LogFormat;
pub use metrics::Registry;
pub use program::Common;
pub use request_id::RequestId;
