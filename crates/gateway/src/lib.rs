//! The gateway: one TLS address for every Spark Connect server. It finds out who calls and for which session, has every message be
//! that session's and that user's, and passes it on to the session's replica byte by byte. `main.rs` is the process.

pub mod ad_hoc;
pub mod answer;
pub mod certificate;
mod clone;
pub mod coalesce;
pub mod control;
pub mod cork;
#[cfg(test)]
mod counted;
pub mod counts;
pub mod directory;
mod expiry;
mod followed;
pub mod identity;
pub mod limiter;
pub mod listen;
pub mod message;
pub mod metrics;
pub mod oidc;
pub mod proxy;
pub mod record;
pub mod refusal;
pub mod request_id;
pub mod rpc;
pub mod run;
pub mod settings;
pub mod spans;
pub mod upstream;
pub mod wanted;
pub mod watch;
pub mod workers;
