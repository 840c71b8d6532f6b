//! Replays every input that is kept, of every target. Reads `corpus/`.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

/// Longest input, in bytes: longer ones are slow to search and to read.
const LONGEST: u64 = 4 << 10;
/// All inputs together, in bytes.
const ALL: u64 = 1 << 20;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fn replay(target: &str, run: fn(&[u8])) {
    let inputs = names(&here("corpus").join(target));
    assert!(!inputs.is_empty(), "{target} has no inputs");
    let fails = |input: &PathBuf| {
        let bytes = fs::read(input).expect("an input");
        panic::catch_unwind(|| run(&bytes)).is_err()
    };
    let failed: Vec<_> = inputs.into_iter().filter(fails).collect();
    assert!(failed.is_empty(), "the panics above are from {failed:#?}");
}

#[test]
fn address() {
    replay("address", sparkconnect_fuzz::address);
}

#[test]
fn credentials() {
    replay("credentials", sparkconnect_fuzz::credentials);
}

#[test]
fn framer() {
    replay("framer", sparkconnect_fuzz::framer);
}

#[test]
fn resources() {
    replay("resources", sparkconnect_fuzz::resources);
}

#[test]
fn settings() {
    replay("settings", sparkconnect_fuzz::settings);
}

#[test]
fn walk() {
    replay("walk", sparkconnect_fuzz::walk);
}

#[test]
fn every_target_has_a_corpus_and_all_of_it_is_small() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let paths = names(&here(folder));
        let stem = |path: &PathBuf| {
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        };
        paths.iter().filter_map(stem).collect()
    };
    assert_eq!(stems("corpus"), stems("fuzz_targets"));
    let inputs = names(&here("corpus"))
        .into_iter()
        .flat_map(|folder| names(&folder));
    let sizes: Vec<_> = inputs
        .map(|input| (fs::metadata(&input).expect("an input").len(), input))
        .collect();
    for (size, input) in &sizes {
        assert!(
            *size <= LONGEST,
            "{} has {size} bytes: `cargo fuzz tmin` makes it smaller",
            input.display()
        );
    }
    let all: u64 = sizes.iter().map(|(size, _)| size).sum();
    assert!(
        all <= ALL,
        "{all} bytes in all: `cargo fuzz cmin` leaves out what adds nothing"
    );
}
