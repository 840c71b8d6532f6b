//! The book in `docs/`: built by the pinned mdBook, its links checked by the pinned lychee, its blocks of code read for the tests that run
//! them. Runs both programs; reads and writes files.

mod block;
mod links;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use block::{Block, blocks};
pub use links::links_lead_somewhere;

use crate::error::{Context, Result};
use crate::install::repository;
use crate::{cargo_tools, command};

/// One page of the book, as mdBook has put it together: what it includes from other files is in it.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its file below `docs/`, as in `how-to/s3.md`.
    pub path: String,
    /// Its blocks of code, in their order.
    pub blocks: Vec<Block>,
}

/// Builds the book into `place`: `html` has the pages for readers, `markdown` what mdBook made them of.
///
/// # Errors
/// When mdBook cannot be had, or says that something is wrong with the book.
pub fn build(place: &Path) -> Result<()> {
    let mut mdbook = Command::new(cargo_tools::mdbook()?);
    mdbook
        .arg("build")
        .arg(repository().join("docs"))
        .arg("--dest-dir")
        .arg(place)
        // Beside the pages, the Markdown that they are made of.
        .env("MDBOOK_OUTPUT__MARKDOWN", "{}");
    command::output(&mut mdbook).map(drop)
}

/// Every page of the book that was built into `place`.
///
/// # Errors
/// When a file cannot be read.
pub fn pages(place: &Path) -> Result<Vec<Page>> {
    let root = place.join("markdown");
    let mut pages = Vec::new();
    for file in markdown(&root)? {
        let text = fs::read_to_string(&file).context(|| format!("reading {}", file.display()))?;
        let path = file.strip_prefix(&root).unwrap_or(&file);
        pages.push(Page {
            path: path.display().to_string(),
            blocks: blocks(&text),
        });
    }
    Ok(pages)
}

/// Every Markdown file below `folder`, in the order of their names.
///
/// # Errors
/// When a folder cannot be read.
pub fn markdown(folder: &Path) -> Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context(reading)? {
        let path = entry.context(reading)?.path();
        if path.is_dir() {
            files.extend(markdown(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
