//! `cargo xtask docs`: builds the book of `docs/`, to be read.

use std::process::ExitCode;

use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::{Result, book};

/// Builds it into `target/book` and prints where its first page is.
pub(crate) fn run() -> Result<ExitCode> {
    let place = repository().join("target/book");
    book::build(&place)?;
    println!("{}", place.join("html/index.html").display());
    Ok(ExitCode::SUCCESS)
}
