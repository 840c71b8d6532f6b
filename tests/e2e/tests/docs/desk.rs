//! A reader's desk: a folder with what the repository has in it and what a page shows, the programs that pages use, and the cluster. Does I/O.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sparkconnect_e2e::Namespace;
use sparkconnect_testkit::helm::Helm;
use sparkconnect_testkit::install::repository;
use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::toolchain::{self, Tool};
use sparkconnect_testkit::{Result, command, examples, maven, program, python_package};
use tempfile::TempDir;

use crate::script::Script;

/// Version of PySpark on the desk, where a page's server is of no other.
const SPARK: &str = "4.3.0";
/// Longest time for a page, in seconds.
const PATIENCE: &str = "900";
/// Debian's programs that pages use.
const TOOLS: [Tool; 2] = [
    Tool {
        program: "jq",
        package: "jq",
    },
    Tool {
        program: "curl",
        package: "curl",
    },
];
/// What `before/` has at hand.
const FUNCTIONS: &str = include_str!("before/functions.sh");
/// What a page's commands can fetch by Maven in the cluster, and the Python packages of what they reach there.
const PACKAGES: &str = include_str!("packages.xml");
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// What stands before a page's commands: a failure names its block, and nothing that the page left running lives on.
const HEAD: &str = r#"set -Eeuo pipefail
block='what the page takes for granted'
trap 'echo "failed in the block that begins with: $block" >&2' ERR
after() { :; }
trap 'after; kill $(jobs -p) 2>/dev/null || true' EXIT
"#;

/// One page's.
pub(crate) struct Desk<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(namespace: &'a Namespace) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let desk = Self { namespace, folder };
        desk.furnish().unwrap_or_else(|error| panic!("{error}"));
        desk
    }

    /// Runs a page's commands after `before`.
    ///
    /// # Errors
    /// Everything that was printed.
    pub(crate) fn run(&self, script: &Script, before: &str) -> Result<(), String> {
        for (name, text) in &script.files {
            self.write(&format!("work/{name}"), &self.with_images(text), 0o644);
        }
        let commands = self.with_images(&format!("{before}\n{}", script.commands));
        let commands = self.write("page.sh", &format!("{HEAD}{FUNCTIONS}{commands}"), 0o644);
        let log = self.folder.path().join("log");
        let file = fs::File::create(&log).expect("a file can be made");
        let errors = file.try_clone().expect("a file can be shared");
        let mut bash = Command::new("timeout");
        bash.args(["--kill-after=10", PATIENCE, "bash"])
            .arg(commands);
        let surrounded = self.surround(&mut bash, script.spark.as_deref().unwrap_or(SPARK));
        surrounded
            .and_then(|()| services(&mut bash, before))
            .unwrap_or_else(|error| panic!("{error}"));
        bash.stdin(Stdio::null()).stdout(file).stderr(errors);
        let status = bash.status().expect("bash starts");
        if status.success() {
            return Ok(());
        }
        let printed = fs::read_to_string(&log).unwrap_or_default();
        Err(format!(
            "{printed}\nended with {status} (124: it took more than {PATIENCE} s)"
        ))
    }

    /// What the desk has before there is a page.
    fn furnish(&self) -> Result<()> {
        for folder in ["bin", "work", "home/.local/bin"] {
            fs::create_dir_all(self.folder.path().join(folder)).expect("a folder can be made");
        }
        let entries = fs::read_dir(repository()).expect("the repository can be read");
        let entries = entries.map(|entry| entry.expect("it can be read"));
        for entry in entries.filter(|entry| entry.file_name() != "examples") {
            let place = self.folder.path().join("work").join(entry.file_name());
            symlink(entry.path(), place).expect("a link can be made");
        }
        self.copy_examples()?;
        let environment = self.namespace.environment();
        examples::kubeconfig(
            &environment.kubectl,
            environment.cluster.kubeconfig(),
            &self.namespace.name,
            &self.folder.path().join("kubeconfig"),
        )?;
        let kubectl = environment.kubectl.command(&[]);
        self.program(
            "kubectl",
            &format!("exec {} \"$@\"", quoted(kubectl.get_program().as_ref())),
        );
        let client = program::built("sparkconnect-cli", "kubectl-sparkconnect")?;
        self.program(
            "kubectl-sparkconnect",
            &format!("exec {} \"$@\"", quoted(&client)),
        );
        let python = python();
        for name in ["python", "python3"] {
            self.program(name, &format!("exec {} \"$@\"", quoted(python)));
        }
        self.program("helm", &helm(&environment.images.values())?);
        toolchain::install(&TOOLS)
    }

    /// Gives a command the desk: its folder, its programs, PySpark of that version and the cluster.
    fn surround(&self, command: &mut Command, spark: &str) -> Result<()> {
        let path = |name: &str| self.folder.path().join(name);
        let home = SparkHome::ensure(spark)?;
        for (name, value) in home.python().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let bin = [path("bin"), path("home/.local/bin")].map(|folder| folder.display().to_string());
        command
            .current_dir(path("work"))
            .env(
                "PATH",
                format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.join(":")),
            )
            .env("HOME", path("home"))
            .env("KUBECONFIG", path("kubeconfig"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(())
    }

    /// The examples, with Spark's images as this cluster knows them.
    fn copy_examples(&self) -> Result<()> {
        let work = self.folder.path().join("work");
        let from = repository().join("examples");
        command::output(Command::new("cp").arg("-r").arg(from).arg(&work))?;
        let images = format!("s#apache/spark:#{}#", self.images());
        let mut replace = Command::new("find");
        replace.arg(work.join("examples")).args(["-name", "*.yaml"]);
        replace.args(["-exec", "sed", "-i", &images, "{}", "+"]);
        command::output(&mut replace).map(drop)
    }

    /// Spark's images as this cluster knows them.
    fn with_images(&self, text: &str) -> String {
        text.replace("apache/spark:", self.images())
    }

    /// What their names begin with, up to the version.
    fn images(&self) -> &str {
        let template = &self.namespace.environment().images.spark;
        template.trim_end_matches("{version}")
    }

    fn program(&self, name: &str, commands: &str) {
        self.write(
            &format!("bin/{name}"),
            &format!("#!/bin/bash\n{commands}\n"),
            0o755,
        );
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is this process's own");
        path
    }
}

/// Helm, which takes the images of this cluster wherever it installs.
fn helm(values: &[String]) -> Result<String> {
    let program = Helm::new()?.command(&[]);
    let program = quoted(program.get_program().as_ref());
    let values: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
    let values = values.join(" ");
    Ok(format!(
        "case $1 in\ninstall | upgrade | template) exec {program} \"$@\" {values} ;;\n*) exec {program} \"$@\" ;;\nesac"
    ))
}

/// Gives a command what `before` has it run beside the cluster.
fn services(command: &mut Command, before: &str) -> Result<()> {
    if before.contains("$MAVEN") {
        command.env("MAVEN", maven::registry(PACKAGES)?);
    }
    if before.contains("$SERVICES") {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-services");
        command::output(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        python_package::add(&place.join("bin/python"), REQUIREMENTS)?;
        command.env("SERVICES", place.join("bin"));
    }
    Ok(())
}

/// A Python with the package, made once.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-python");
        examples::python(&place).unwrap_or_else(|error| panic!("{error}"))
    })
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}
