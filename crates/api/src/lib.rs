//! The custom resources of sparkconnect: [`SparkConnectServer`] and [`SparkSession`], with their conditions and labels.
//!
//! Types, schemas and pure helpers: no client and no I/O. The doc comments of the specs are the users' manual: `kubectl
//! explain` and the API reference are made from them.

#![expect(
    unreachable_pub,
    reason = "the schema derive makes private copies of public types"
)]

pub mod address;
pub mod condition;
mod definitions;
pub mod inputs;
pub mod labels;
pub mod memory;
pub mod period;
pub mod reason;
mod rules;
pub mod server;
pub mod session;

pub use definitions::definitions;
pub use memory::Memory;
pub use period::Period;
pub use reason::Reason;
pub use server::{ServerStatus, SparkConnectServer, SparkConnectServerSpec};
pub use session::{SessionStatus, SparkSession, SparkSessionSpec};

/// API group of both resources.
pub const GROUP: &str = "sparkconnect.dev";
