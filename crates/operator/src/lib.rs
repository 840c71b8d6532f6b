//! The operator: makes Spark Connect servers and sessions run as their resources say. `main.rs` is the process; here is what
//! it is made of, for tests to use too.

pub mod apply;
pub mod backoff;
pub mod check;
pub mod connect;
pub mod context;
pub mod control;
pub mod events;
pub mod gateway;
pub mod input_index;
pub mod key;
pub mod leader;
pub mod live;
pub mod metrics;
pub mod pacing;
pub mod placement;
pub mod refusal;
pub mod remove;
pub mod run;
pub mod served;
pub mod server;
pub mod session;
pub mod settings;
pub mod spans;
pub mod state;
pub mod watch;
