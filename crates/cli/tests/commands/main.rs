//! The real program: what it prints, what it tells, and its exit code, as snapshots. Its cluster is a real API server with the real
//! definitions; no operator runs, and tests write what one would.

mod apps;
mod completion;
mod errors;
mod fixture;
mod help;
mod pages;
mod program;
mod servers;
mod sessions;
