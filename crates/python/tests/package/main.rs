//! The package, built as a wheel and installed in an environment of its own, with PySpark of every version and the real other side of each
//! back end. What it does is in the programs of `tests/programs`.

mod fixture;
mod jobs;
mod sessions;
mod shown;
mod types;
