//! The mounts below the cluster's folders: layers of containers, volumes of pods, network namespaces. Reads
//! `/proc/self/mountinfo`, runs `umount`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::layout::Layout;
use crate::command;
use crate::error::{Context, Error, Result};

/// Unmounts everything below the cluster's folders.
pub(super) fn remove(layout: &Layout) -> Result<()> {
    // A mount can hide another one in the same place, so one pass may not be enough.
    for _ in 0..5 {
        let places = ours(layout)?;
        if places.is_empty() {
            return Ok(());
        }
        // Lazily: whoever still looks at a file in one (a shell, a backup) must not hold up the rest.
        command::output(Command::new("umount").args(["--lazy", "--"]).args(&places))?;
    }
    Err(Error::new("mounts of the cluster keep coming back").hint("`findmnt` shows them"))
}

/// The cluster's mounts, the innermost first.
pub(super) fn ours(layout: &Layout) -> Result<Vec<PathBuf>> {
    let table = "/proc/self/mountinfo";
    let text = fs::read_to_string(table).context(|| format!("reading {table}"))?;
    let mut places: Vec<PathBuf> = text
        .lines()
        .filter_map(place)
        .filter(|path| layout.owns(path))
        .collect();
    places.reverse();
    Ok(places)
}

fn place(line: &str) -> Option<PathBuf> {
    line.split(' ')
        .nth(4)
        .map(|field| PathBuf::from(unescape(field)))
}

/// The kernel writes a space, a tab, a newline and a backslash as a backslash and three octal digits.
fn unescape(field: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(field.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_mount_is_read_with_its_spaces() {
        let line = r"36 35 98:0 /root /mnt/my\040disk rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(place(line), Some(PathBuf::from("/mnt/my disk")));
    }
}
