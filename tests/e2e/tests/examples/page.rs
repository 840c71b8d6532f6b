//! One example and its page, followed as a reader would. Does I/O: runs bash, with kubectl, the command line client and a Python that has PySpark.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sparkconnect_e2e::Namespace;
use sparkconnect_testkit::book;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::{cache, command, examples, program, python_package};
use tempfile::TempDir;

use crate::SPARK;

/// The image that the examples name for pods of their own.
const IMAGE: &str = "apache/spark";
/// Longest time for one block of commands, which have limits of their own.
const PATIENCE: &str = "600";

/// One block of commands.
struct Step {
    commands: String,
    /// What the page says that they print.
    printed: Option<String>,
}

/// An example on the cluster, removed on drop.
pub(crate) struct Example {
    pub(crate) ns: Namespace,
    name: String,
    steps: Vec<Step>,
    /// A checkout of the examples alone, whose pods have the images that are here.
    checkout: TempDir,
    client: PathBuf,
    _lock: File,
}

impl Example {
    /// The example of a folder, once no other test has it.
    pub(crate) fn new(name: &str) -> Self {
        let lock = cache::lock(&cache::root().join(format!("e2e-example-{name}.lock")));
        let ns = Namespace::named(&format!("example-{name}"));
        let client = program::built("sparkconnect-cli", "kubectl-sparkconnect");
        let page = folder().join(name).join("README.md");
        let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{page:?}: {error}"));
        Self {
            checkout: checkout(name, &ns.environment().spark_image(SPARK)),
            steps: steps(&page),
            name: name.to_owned(),
            ns,
            client: client.unwrap_or_else(|error| panic!("{error}")),
            _lock: lock.unwrap_or_else(|error| panic!("{error}")),
        }
    }

    /// Follows the page but for its last step, which removes the example.
    pub(crate) fn follow(self) -> Self {
        let (_, steps) = self.steps.split_last().expect("the page has commands");
        for step in steps {
            self.run(step);
        }
        self
    }

    /// Removes the example as the page says.
    pub(crate) fn end(self) {
        self.run(self.steps.last().expect("the page has commands"));
        let left = ["get", "namespace", &self.ns.name, "--ignore-not-found"];
        assert_eq!(self.ns.kubectl(&left), "", "nothing is left");
    }

    fn run(&self, step: &Step) {
        let Step { commands, printed } = step;
        let output = self.bash(commands).output().expect("bash starts");
        let [out, err] = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let told = || format!("{commands}\n{out}\n{err}\n{}", self.ns.explain());
        assert!(output.status.success(), "{}: {}", output.status, told());
        if let Some(said) = printed {
            let compared = examples::compare(&self.name, said, &out);
            compared.unwrap_or_else(|error| panic!("{error}\nof {}", told()));
        }
    }

    /// Bash with `commands`, where a reader has a shell: at the root of the checkout, with all that they need in the path.
    fn bash(&self, commands: &str) -> Command {
        let home = SparkHome::ensure(SPARK).unwrap_or_else(|error| panic!("{error}"));
        let kubectl = &self.ns.environment().kubectl;
        let path = kubectl.path().unwrap_or_else(|error| panic!("{error}"));
        let client = self.client.parent().map(Path::to_owned);
        let folders = client.into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).expect("no folder has a colon");
        let mut bash = python_package::with_pyspark(Path::new("timeout"), &home);
        bash.args([
            "--kill-after=10",
            PATIENCE,
            "bash",
            "-euo",
            "pipefail",
            "-c",
        ])
        .arg(commands)
        .current_dir(self.checkout.path())
        .env("PATH", path)
        .env("KUBECONFIG", self.ns.environment().cluster.kubeconfig())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
        bash
    }
}

/// The blocks `sh` of a page, each with the block `text` that follows it, if any.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in book::blocks(page) {
        match block.language.as_str() {
            "sh" => steps.push(Step {
                commands: block.text,
                printed: None,
            }),
            "text" => {
                let last = steps.last_mut().expect("commands come before their output");
                let before = last.printed.replace(block.text);
                assert_eq!(before, None, "two outputs of {}", last.commands);
            }
            other => panic!("a page of an example has blocks `sh` and `text`, not `{other}`"),
        }
    }
    steps
}

fn checkout(name: &str, image: &str) -> TempDir {
    let checkout = tempfile::tempdir().expect("a temporary folder can be made");
    let copied = command::output(
        Command::new("cp")
            .arg("-r")
            .arg(folder())
            .arg(checkout.path()),
    );
    copied.unwrap_or_else(|error| panic!("{error}"));
    let file = checkout
        .path()
        .join("examples")
        .join(name)
        .join("kustomization.yaml");
    let (new_name, tag) = image.rsplit_once(':').expect("an image has a tag");
    let images = format!("images: [{{name: {IMAGE}, newName: {new_name}, newTag: \"{tag}\"}}]\n");
    let text = fs::read_to_string(&file).expect("it was copied");
    fs::write(&file, text + &images).expect("it can be written");
    checkout
}

fn folder() -> PathBuf {
    repository().join("examples")
}

/// The names of the examples that can be applied and have a page.
pub(crate) fn folders() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("there are examples");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let is_one = |path: &PathBuf| {
        ["README.md", "kustomization.yaml"]
            .iter()
            .all(|file| path.join(file).exists())
    };
    let names = paths.filter(is_one).map(|path| {
        let name = path.file_name().expect("an entry has a name");
        name.to_string_lossy().into_owned()
    });
    names.collect()
}
