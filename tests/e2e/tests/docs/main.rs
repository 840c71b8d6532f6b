//! The book's commands on the local cluster: every block of a page in its order, as a reader would run them, in a namespace of the page's own.
//! Needs root. What a page takes for granted, as a server that is there, is in `before/`.

mod desk;
mod script;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use desk::Desk;
use script::Script;
use sparkconnect_e2e::Namespace;
use sparkconnect_testkit::book::{self, Page};

/// A test a page that has something to run.
macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        const PAGES: &[&str] = &[$($path),*];
        $(#[test]
        fn $name() {
            let page = $path;
            run(page, &Namespace::new(&named(page)));
        })*
    };
}

pages! {
    airflow: "how-to/airflow.md",
    backup: "operations/backup.md",
    capacity: "operations/capacity.md",
    command_line: "reference/cli.md",
    dependencies: "how-to/dependencies.md",
    gitops: "how-to/gitops.md",
    iceberg: "how-to/iceberg.md",
    network_policies: "how-to/network-policies.md",
    notebooks: "how-to/notebooks.md",
    private_registry: "how-to/private-registry.md",
    s3: "how-to/s3.md",
    scaling: "how-to/scaling.md",
    security: "security.md",
    teams: "how-to/teams.md",
    troubleshooting: "operations/troubleshooting.md",
    upgrade: "operations/upgrade.md",
    python_client: "reference/python.md",
}

/// They change or remove the installation: no other test runs beside one, and the installation that all of them use is there again after it.
const ALONE: [&str; 2] = ["start.md", "how-to/oidc.md"];

#[test]
fn start() {
    run_alone(ALONE[0]);
}

#[test]
fn openid_connect() {
    run_alone(ALONE[1]);
}

fn run_alone(page: &str) {
    let namespace = Namespace::alone(&named(page));
    let restored = Restored(&namespace);
    run(page, &namespace);
    drop(restored);
}

#[test]
fn every_page_that_has_something_to_run_is_run() {
    let runs = |page: &&Page| Script::of(page).is_some();
    let found = pages().iter().filter(runs).map(|page| page.path.as_str());
    let missing: Vec<_> = found
        .filter(|path| !PAGES.contains(path) && !ALONE.contains(path))
        .collect();
    assert!(
        missing.is_empty(),
        "these pages need a line in `pages!`: {missing:?}"
    );
}

/// Runs what is in a page, and says which block failed, with what it printed and what the namespace tells.
fn run(path: &str, namespace: &Namespace) {
    let page = pages().iter().find(|page| page.path == path);
    let page = page.unwrap_or_else(|| panic!("docs/SUMMARY.md has no {path}"));
    let script = Script::of(page).unwrap_or_else(|| panic!("{path} has nothing to run"));
    let desk = Desk::new(namespace);
    if let Err(printed) = desk.run(&script, &before(path)) {
        panic!("docs/{path}\n{printed}\n{}", namespace.explain());
    }
}

/// The book's pages, of a build of this process.
fn pages() -> &'static [Page] {
    static PAGES: OnceLock<Vec<Page>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("docs-book");
        let pages = book::build(&place).and_then(|()| book::pages(&place));
        pages.unwrap_or_else(|error| panic!("{error}"))
    })
}

/// What is run before a page; nothing for most.
fn before(path: &str) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docs/before");
    let file = place.join(format!("{}.sh", named(path)));
    std::fs::read_to_string(file).unwrap_or_default()
}

/// A page's name as an object's, as in `how-to-s3`.
fn named(path: &str) -> String {
    path.trim_end_matches(".md").replace('/', "-")
}

/// Sees to it that the installation that all tests use is there when a page has ended, however it has.
struct Restored<'a>(&'a Namespace);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        self.0.environment().restore();
    }
}
