//! The whole on the local cluster, with real PySpark: one program, so that the cluster is prepared once. Needs root.
//! Run it with `--test-threads=2`: each server takes about half of a small machine while it starts.

mod allocation;
mod chart;
mod cli;
mod cli_tools;
mod client;
mod dashboards;
mod everything;
mod examples;
mod gateway;
mod gitops;
mod inside;
mod loss;
mod metrics;
mod operator;
mod people;
mod rollout;
mod secrecy;
mod sessions;
mod traces;
mod trouble;
mod versions;
