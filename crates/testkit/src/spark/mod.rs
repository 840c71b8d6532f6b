//! Real Spark without Kubernetes: PySpark of any supported version with what its Connect client needs, and Connect servers
//! on loopback ports. Does I/O: runs pip, Python and Java.

mod home;
mod server;

pub use home::SparkHome;
pub use server::{Options, SparkServer};

/// The Spark versions that this project supports and tests against.
pub const VERSIONS: [&str; 4] = ["4.0.5", "4.1.4", "4.2.1", "4.3.0"];

/// The Spark 3.5 whose clients, and whose servers by the Connect back end, are tested too. Its server knows no token.
pub const EARLIER: &str = "3.5.9";
