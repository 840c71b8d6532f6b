//! What a package has beside the program: manual pages and completions.

use std::process::Command;

use sparkconnect_testkit::command;

#[test]
fn every_verb_has_its_manual_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut pages = Command::new(cargo);
    pages.args([
        "run",
        "--quiet",
        "--package",
        "sparkconnect-cli",
        "--example",
        "pages",
        "--",
    ]);
    let made = command::output(pages.arg(folder.path()));
    made.unwrap_or_else(|error| panic!("{error}"));
    let verbs = crate::help::verbs();
    for words in &verbs {
        let name = [&["kubectl-sparkconnect".to_owned()], &words[..]]
            .concat()
            .join("-");
        let page = folder.path().join("man1").join(format!("{name}.1"));
        let page = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains("namespace"),
            "{name}: {page}"
        );
    }
    let manuals = std::fs::read_dir(folder.path().join("man1")).expect("it is there");
    assert_eq!(manuals.count(), verbs.len());
    let completions = std::fs::read_dir(folder.path().join("completions")).expect("it is there");
    assert_eq!(completions.count(), 5);
}
