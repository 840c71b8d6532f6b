//! One client for interactive sessions and batch jobs. [`SparkClient`] has one set of words over four back ends:
//!
//! | back end | does |
//! |---|---|
//! | [`sessions`] | sessions as this project's SparkSession resources, from within a cluster or outside of it |
//! | [`connect`] | sessions of any Spark Connect server, by its `sc://` URL |
//! | [`operators`] | batch jobs by kubeflow's or Apache's Spark operator |
//! | [`livy`] | batch jobs by a Livy server |
//!
//! What a back end cannot do is an error that names those which can.

mod application;
mod backend;
mod client;
pub mod connect;
mod error;
pub mod forward;
pub mod kubernetes;
mod live;
pub mod livy;
mod logs;
mod operation;
pub mod operators;
pub mod pods;
mod progress;
mod seconds;
mod session;
pub mod sessions;

pub use application::{
    Application, ApplicationRequest, ApplicationState, DriverResources, ExecutorResources,
};
pub use backend::{Answer, Backend};
pub use client::SparkClient;
pub use error::{Category, Error};
pub use logs::{LogRequest, LogStream, Role};
pub use operation::{BackendKind, Operation};
pub use progress::{Progress, Tell, Waiting};
pub use session::{
    Connection, Counted, File, Session, SessionInfo, SessionMetrics, SessionRequest, SessionState,
    Source, Trust,
};
