//! Where built things are kept, outside every checkout: `$SPARKCONNECT_CACHE`, else `$XDG_CACHE_HOME/sparkconnect`, else
//! `~/.cache/sparkconnect`. An entry is keyed by what it is made of, appears whole or not at all, and is built once however
//! many processes ask for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Context, Result};

/// The cache's folder; not made here.
pub fn root() -> PathBuf {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    from("SPARKCONNECT_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("sparkconnect")))
        .or_else(|| from("HOME").map(|dir| dir.join(".cache/sparkconnect")))
        .unwrap_or_else(|| PathBuf::from("/var/cache/sparkconnect"))
}

/// The folder `<root>/<kind>/<key>`, built by `build` if it is not there yet.
///
/// `build` gets an empty folder under another name on the same file system; its content must not depend on that name. The
/// finished folder is renamed into place, so a killed build leaves nothing that looks finished.
///
/// # Errors
/// What `build` returns, or the file system's refusal.
pub fn ensure(kind: &str, key: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let parent = root().join(kind);
    let place = parent.join(key);
    if place.is_dir() {
        return Ok(place);
    }
    fs::create_dir_all(&parent).context(|| format!("making {}", parent.display()))?;
    let _lock = lock(&parent.join(format!("{key}.lock")))?;
    if place.is_dir() {
        return Ok(place);
    }
    let partial = parent.join(format!("{key}.partial"));
    remove(&partial)?;
    fs::create_dir_all(&partial).context(|| format!("making {}", partial.display()))?;
    build(&partial)?;
    fs::rename(&partial, &place).context(|| format!("keeping {}", place.display()))?;
    Ok(place)
}

/// Removes the entries of `kind` whose key begins with `prefix`, but for the `kept` youngest: the cache of what is built anew with every
/// change would grow without end.
///
/// # Errors
/// The file system's refusal.
pub fn prune(kind: &str, prefix: &str, kept: usize) -> Result<()> {
    prune_in(&root().join(kind), prefix, kept)
}

fn prune_in(parent: &Path, prefix: &str, kept: usize) -> Result<()> {
    let reading = || format!("reading {}", parent.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(parent).context(reading)? {
        let entry = entry.context(reading)?;
        let name = entry.file_name();
        // What has a dot behind the prefix is a lock, a log or half built.
        let key = name.to_str().and_then(|name| name.strip_prefix(prefix));
        let is_one = key.is_some_and(|key| !key.contains('.'));
        // One that another process removed in this moment is no entry any more.
        if let (true, Ok(about)) = (is_one, entry.metadata()) {
            entries.push((about.modified().context(reading)?, entry.path()));
        }
    }
    entries.sort();
    let outdated = entries.len().saturating_sub(kept);
    entries[..outdated]
        .iter()
        .try_for_each(|(_, path)| remove(path))
}

/// Bytes that are free for this user on the file system that the cache is on.
///
/// # Errors
/// When the folder cannot be made or asked about.
pub fn free_bytes() -> Result<u64> {
    let root = root();
    fs::create_dir_all(&root).context(|| format!("making {}", root.display()))?;
    let about =
        rustix::fs::statvfs(&root).context(|| format!("asking about {}", root.display()))?;
    Ok(about.f_bavail * about.f_frsize)
}

/// An exclusive lock on `path`, waited for, and held until the returned file is dropped or its process ends.
///
/// # Errors
/// When the file cannot be made or locked.
pub fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).context(|| format!("making {}", path.display()))?;
    file.lock()
        .context(|| format!("locking {}", path.display()))?;
    Ok(file)
}

/// A short key over everything that an entry is made of: 16 hexadecimal digits of a SHA-256.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_key_separates_its_parts() {
        assert_ne!(key([b"ab".as_slice(), b"c"]), key([b"a".as_slice(), b"bc"]));
        assert_eq!(key([b"ab".as_slice()]).len(), 16);
    }

    #[test]
    fn the_youngest_entries_of_a_prefix_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in [
            (3, "spark-4.1.4-a"),
            (1, "spark-4.1.4-b"),
            (2, "spark-4.1.4-c"),
            (9, "spark-4.1.4-d.partial"),
            (9, "spark-4.3.0-a"),
        ] {
            let place = folder.path().join(name);
            fs::create_dir(&place).unwrap();
            let then = SystemTime::now() - Duration::from_secs(age * 60);
            File::open(&place).unwrap().set_modified(then).unwrap();
        }
        prune_in(folder.path(), "spark-4.1.4-", 2).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "spark-4.1.4-b",
                "spark-4.1.4-c",
                "spark-4.1.4-d.partial",
                "spark-4.3.0-a"
            ]
        );
    }
}
