//! The book: that it can be built, that no page is forgotten, that every link leads somewhere, that every block of code says what it is, and that a
//! real API server takes every manifest. The commands are run by `tests/e2e/tests/docs`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::book::{self, Block, Page};
use sparkconnect_testkit::command;
use sparkconnect_testkit::helm::Helm;
use sparkconnect_testkit::install::repository;

/// Languages of blocks that are shown and not run.
const SHOWN: [&str; 7] = ["text", "json", "sql", "toml", "lua", "promql", "dockerfile"];
/// What tests can be told of a block, and of which languages.
const ATTRIBUTES: [(&str, &[&str]); 4] = [
    ("file", &["yaml", "python", "json", "text"]),
    ("values", &["yaml"]),
    ("tested", &["yaml", "python", "sh"]),
    ("untested", &["yaml", "python", "sh"]),
];

/// The book, built for one test.
struct Book {
    folder: PathBuf,
    pages: Vec<Page>,
}

impl Book {
    fn build(test: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        let pages = book::build(&folder).and_then(|()| book::pages(&folder));
        let pages = pages.unwrap_or_else(|error| panic!("{error}"));
        Self { folder, pages }
    }

    fn blocks(&self) -> impl Iterator<Item = (&str, &Block)> {
        self.pages.iter().flat_map(|page| {
            let name = page.path.as_str();
            page.blocks.iter().map(move |block| (name, block))
        })
    }
}

#[test]
fn every_page_is_in_the_book() {
    let book = Book::build("docs-pages");
    let docs = repository().join("docs");
    let files = book::markdown(&docs).unwrap_or_else(|error| panic!("{error}"));
    let named = |file: &PathBuf| {
        let name = file.strip_prefix(&docs).expect("it is below the folder");
        // mdBook gives a folder's page another name.
        name.display().to_string().replace("README.md", "index.md")
    };
    let mut files: BTreeSet<String> = files.iter().map(named).collect();
    files.remove("SUMMARY.md");
    let pages: BTreeSet<String> = book.pages.into_iter().map(|page| page.path).collect();
    let forgotten: Vec<_> = files.symmetric_difference(&pages).collect();
    assert!(
        forgotten.is_empty(),
        "docs/SUMMARY.md and the files differ in {forgotten:?}"
    );
}

#[test]
fn every_link_leads_somewhere() {
    let book = Book::build("docs-links");
    let looked = book::links_lead_somewhere(&book.folder);
    looked.unwrap_or_else(|error| panic!("{error}"));
}

/// The security model names the tests that prove it: a file, and the functions after it.
#[test]
fn every_proof_of_the_security_model_is_there() {
    let page = repository().join("docs/security.md");
    let page = std::fs::read_to_string(page).expect("the page can be read");
    let mut proofs = 0;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let codes = row.split('`').skip(1).step_by(2);
        let mut proof = codes.skip_while(|code| !code.ends_with(".rs"));
        let Some(file) = proof.next() else { continue };
        let text = std::fs::read_to_string(repository().join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        for test in proof {
            assert!(
                text.contains(&format!("fn {test}(")),
                "{file} has no {test}"
            );
            proofs += 1;
        }
    }
    assert!(proofs > 20, "the page has only {proofs} proofs");
}

/// A block that nothing runs or applies is one that somebody forgot, or that says why.
#[test]
fn every_block_says_what_it_is() {
    let book = Book::build("docs-blocks");
    let mut wrong = Vec::new();
    for (page, block) in book.blocks() {
        if let Err(what) = known(block) {
            wrong.push(format!(
                "{page}: {what} in the block that begins with `{}`",
                block.head()
            ));
        }
        if let Some(reason) = block.attribute("untested") {
            println!("{page}: not tested, {reason}: {}", block.head());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn known(block: &Block) -> Result<(), String> {
    let language = block.language.as_str();
    if !["sh", "python", "yaml"].contains(&language) && !SHOWN.contains(&language) {
        return Err(format!(
            "the language `{language}` is none of sh, python, yaml, which tests run, and {SHOWN:?}, which are shown"
        ));
    }
    for name in block.attributes() {
        let known = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == name);
        let (_, languages) = known.ok_or(format!("unknown attribute `{name}`"))?;
        if !languages.contains(&language) {
            return Err(format!("`{name}` is not for {language}"));
        }
    }
    if block
        .attribute("untested")
        .is_some_and(|reason| reason.len() < 10)
    {
        return Err("`untested` without its reason".to_owned());
    }
    match block.attribute("tested") {
        Some(test) if !repository().join(test).exists() => Err(format!("no such test, {test}")),
        _ => Ok(()),
    }
}

#[test]
fn an_api_server_takes_every_manifest() {
    let book = Book::build("docs-manifests");
    let server = ApiServer::start().unwrap_or_else(|error| panic!("{error}"));
    let definitions = repository().join("deploy/crds");
    kubectl(
        server
            .kubectl(&["apply", "--server-side", "-k"])
            .arg(definitions),
    );
    let established = [
        "wait",
        "crd",
        "--all",
        "--for=condition=Established",
        "--timeout=60s",
    ];
    kubectl(&mut server.kubectl(&established));
    let mut wrong = Vec::new();
    for page in &book.pages {
        let objects = page.blocks.iter().filter(|block| is_manifest(block));
        let text: Vec<String> = objects.map(here).collect();
        if text.is_empty() {
            continue;
        }
        let file = server.folder().join("page.yaml");
        std::fs::write(&file, text.join("---\n")).expect("a file can be written");
        let apply = [
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "-n=default",
            "-f",
        ];
        if let Err(error) = command::output(server.kubectl(&apply).arg(&file)) {
            wrong.push(format!("{}: {error}", page.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Its values in the chart's own words: a typo is refused by its schema.
#[test]
fn the_chart_takes_every_block_of_values() {
    let book = Book::build("docs-values");
    let helm = Helm::new().unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("values.yaml");
    let values = format!("--values={}", file.display());
    let mut wrong = Vec::new();
    let blocks = book.blocks();
    for (page, block) in blocks.filter(|(_, block)| block.attribute("values").is_some()) {
        std::fs::write(&file, &block.text).expect("a file can be written");
        if let Err(error) = helm.template("default", &[&values]) {
            wrong.push(format!("{page}: {}: {error}", block.head()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn kubectl(command: &mut Command) {
    let done = command::output(command);
    done.unwrap_or_else(|error| panic!("{error}"));
}

fn is_manifest(block: &Block) -> bool {
    let other = ["values", "tested", "untested"];
    block.language == "yaml" && !other.iter().any(|name| block.attribute(name).is_some())
}

/// Its objects in the namespace that is there.
fn here(block: &Block) -> String {
    let objects = serde_yaml::Deserializer::from_str(&block.text).map(|document| {
        let mut object = Value::deserialize(document)
            .unwrap_or_else(|error| panic!("{}: {error}", block.head()));
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
        object.to_string()
    });
    objects.collect::<Vec<_>>().join("\n---\n") + "\n"
}
