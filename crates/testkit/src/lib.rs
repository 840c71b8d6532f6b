//! Fixtures for tests and for the developer commands: the pinned toolchain, an API server, a local cluster,
//! images and Spark itself. Everything here does I/O; everything built is cached outside the checkout.

pub mod apiserver;
pub mod book;
pub mod cache;
pub mod cargo_tools;
pub mod cluster;
pub mod collector;
pub mod command;
pub mod comparators;
pub mod error;
pub mod examples;
pub mod gitops;
pub mod go_tools;
pub mod helm;
pub mod images;
pub mod install;
pub mod kubeflow;
pub mod livy;
pub mod maven;
pub mod page;
pub mod pki;
pub mod ports;
pub mod process;
pub mod program;
pub mod progress;
pub mod prometheus;
pub mod pyright;
pub mod python_package;
pub mod spark;
pub mod toolchain;
pub mod wheels;

pub use error::{Error, Result};
