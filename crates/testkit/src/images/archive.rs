//! Docker archives: gives an image a second name, in place. An archive may be larger than a gigabyte and its list of images stands
//! near the end, so only the end is written anew. Reads and writes files.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::Value;

use crate::error::{Context, Error, Result};

const MANIFEST: &str = "manifest.json";

/// A tar archive is a sequence of blocks of this many bytes: each file's header, then its content.
const BLOCK: usize = 512;

/// Names the one image in `archive` also `name`.
///
/// # Errors
/// When `archive` is not a docker archive of one image with a name.
pub(super) fn add_name(archive: &Path, name: &str) -> Result<()> {
    let opened = OpenOptions::new().read(true).write(true).open(archive);
    let mut file = opened.context(|| format!("opening {}", archive.display()))?;
    rename(&mut file, name)
        .context(|| format!("reading {}", archive.display()))?
        .context(|| format!("adding a name to {}", archive.display()))
}

/// The outer result is the file's, the inner one tells what is wrong with its content.
fn rename(file: &mut File, name: &str) -> std::io::Result<Result<()>> {
    let Some((offset, mut header)) = find(file)? else {
        return Ok(Err(Error::new(format!("it holds no {MANIFEST}"))));
    };
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    let size = size(&header);
    let Some(content) = rest.get(..size) else {
        return Ok(Err(Error::new("it is cut short")));
    };
    let named = match with_name(content, name) {
        Ok(named) => named,
        Err(error) => return Ok(Err(error)),
    };
    set_size(&mut header, named.len());
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(&header)?;
    file.write_all(&named)?;
    file.write_all(&vec![0; padded(named.len()) - named.len()])?;
    file.write_all(rest.get(padded(size)..).unwrap_or_default())?;
    Ok(Ok(()))
}

/// Where the manifest's header is, and the header; the file is left at the content.
fn find(file: &mut File) -> std::io::Result<Option<(u64, [u8; BLOCK])>> {
    let mut header = [0; BLOCK];
    loop {
        let offset = file.stream_position()?;
        file.read_exact(&mut header)?;
        if header[0] == 0 {
            return Ok(None);
        }
        if header.starts_with(MANIFEST.as_bytes()) && header[MANIFEST.len()] == 0 {
            return Ok(Some((offset, header)));
        }
        file.seek_relative(i64::try_from(padded(size(&header))).unwrap_or(i64::MAX))?;
    }
}

/// The content's size in bytes, which a header has in octal digits.
fn size(header: &[u8; BLOCK]) -> usize {
    let digits = header[124..136].iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum, digit| sum * 8 + usize::from(digit - b'0'))
}

fn set_size(header: &mut [u8; BLOCK], size: usize) {
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn padded(size: usize) -> usize {
    size.next_multiple_of(BLOCK)
}

fn with_name(manifest: &[u8], name: &str) -> Result<Vec<u8>> {
    let unfit = || Error::new("its manifest is not that of one image with a name");
    let mut value: Value = serde_json::from_slice(manifest).map_err(|_| unfit())?;
    let tags = value
        .pointer_mut("/0/RepoTags")
        .and_then(Value::as_array_mut)
        .ok_or_else(unfit)?;
    tags.push(Value::from(name));
    Ok(value.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::command;

    /// An archive whose manifest stands between other files, as buildah writes it.
    fn archive(folder: &Path, manifest: &str) -> std::path::PathBuf {
        let files = [
            ("layer.tar", "x".repeat(700)),
            (MANIFEST, manifest.to_owned()),
            ("repositories", "{}".to_owned()),
        ];
        for (name, content) in &files {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let archive = folder.join("image.archive");
        let mut tar = Command::new("tar");
        tar.args(["--format=ustar", "--create", "--file"])
            .arg(&archive)
            .arg("-C")
            .arg(folder);
        command::output(tar.args(files.map(|(name, _)| name))).unwrap();
        archive
    }

    fn content(archive: &Path, name: &str) -> String {
        command::output(Command::new("tar").arg("-xOf").arg(archive).arg(name)).unwrap()
    }

    #[test]
    fn a_second_name_joins_the_first_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        // A manifest that just fills its block: the second name needs one more.
        let filler = "l".repeat(BLOCK - 49);
        let manifest = format!(r#"[{{"Config":"c","Layers":["{filler}"],"RepoTags":["a:1"]}}]"#);
        let archive = archive(folder.path(), &manifest);
        add_name(&archive, "a:dev").unwrap();
        let value: Value = serde_json::from_str(&content(&archive, MANIFEST)).unwrap();
        assert_eq!(value[0]["RepoTags"], serde_json::json!(["a:1", "a:dev"]));
        assert_eq!(value[0]["Config"], "c");
        assert_eq!(content(&archive, "repositories"), "{}");
        assert_eq!(content(&archive, "layer.tar").len(), 700);
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for manifest in ["", "[]", "{}", r#"[{"RepoTags":null}]"#] {
            let archive = archive(folder.path(), manifest);
            assert!(add_name(&archive, "a:dev").is_err(), "{manifest}");
        }
        let text = folder.path().join("text");
        std::fs::write(&text, "no archive").unwrap();
        assert!(add_name(&text, "a:dev").is_err());
    }
}
