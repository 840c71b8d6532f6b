//! A client of one live Spark Connect server: its sessions over gRPC, and what its users do over the REST API of its UI. And the
//! tokens that servers and sessions are known by. Knows no Kubernetes. Facts about Spark in the comments were seen on 4.0.5,
//! 4.1.4, 4.2.1 and 4.3.0.

mod artifact;
mod endpoint;
mod error;
pub mod key;
pub mod monitor;
mod server;
mod session;
mod spark_error;
mod token;
mod upload;

pub use artifact::Artifact;
pub use endpoint::{Endpoint, Timeouts, Tls};
pub use error::Error;
pub use key::InstallationKey;
pub use server::SparkServer;
pub use session::{Existence, OperationState, SessionRef};
pub use token::Token;
