//! Opens the user's browser. Does I/O: runs it.
//!
//! A program's arguments are seen by every user of the machine: so the address, which has the token, goes into a file that only this user
//! can read, and the browser is given that.

use std::io::{self, Write};

use tempfile::{NamedTempFile, TempPath};

/// Opens the address; the file must stay until the browser has read it.
pub(super) fn open(url: &str) -> io::Result<TempPath> {
    let path = file(url)?;
    open::that_detached(&path)?;
    Ok(path)
}

fn file(url: &str) -> io::Result<TempPath> {
    let mut file = NamedTempFile::with_suffix(".html")?;
    let page = format!(
        "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={url}\"><a href=\"{url}\">Spark's UI</a>\n"
    );
    file.write_all(page.as_bytes())?;
    Ok(file.into_temp_path())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_leads_to_the_address_and_is_this_users_alone() {
        let path = file("http://127.0.0.1:1/?token=hidden").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("url=http://127.0.0.1:1/?token=hidden"),
            "{text}"
        );
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}
