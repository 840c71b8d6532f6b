//! The package, built as a wheel and installed in an environment of its own, with PySpark of every version against a real server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sparkconnect_testkit::spark::{Options, SparkHome, SparkServer};
use sparkconnect_testkit::{command, wheels};

const TOKEN: &str = "a-token.of~these+tests/1=";
const MATURIN: &str = include_str!("requirements.txt");

/// A Python that has the package, installed from its wheel, and nothing else. Made once, in a folder that outlives its user.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
        let _ = std::fs::remove_dir_all(&folder); // of a run before
        let wheel = wheel(&folder.join("wheel"));
        let environment = folder.join("environment");
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment));
        let python = environment.join("bin/python");
        let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"];
        run(Command::new(&python).args(install).arg(wheel));
        python
    })
}

/// Builds the wheel with the pinned maturin.
fn wheel(to: &Path) -> PathBuf {
    let tools = to.join("maturin");
    let locked = wheels::locked(MATURIN).unwrap_or_else(|error| panic!("{error}"));
    let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"];
    let mut pip = Command::new("python3");
    pip.args(install).arg("--target").arg(&tools);
    run(pip.args(files(&locked, "whl")));
    let mut maturin = Command::new(tools.join("bin/maturin"));
    maturin
        .args(["build", "--quiet", "--profile", "dev", "--out"])
        .arg(to)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    run(&mut maturin);
    let mut built = files(to, "whl");
    assert_eq!(built.len(), 1, "{built:?}");
    built.remove(0)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect()
}

fn run(command: &mut Command) -> String {
    command::output(command).unwrap_or_else(|error| panic!("{error}"))
}

/// A program of `tests/programs` with PySpark of one version, against a server of another or the same.
fn program(name: &str, pyspark: &str, server: &SparkServer) {
    let home = SparkHome::ensure(pyspark).unwrap_or_else(|error| panic!("{error}"));
    let mut program = Command::new(python());
    for (variable, value) in home.python().get_envs() {
        match value {
            Some(value) => program.env(variable, value),
            None => program.env_remove(variable),
        };
    }
    program
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/programs")
                .join(name),
        )
        .env(
            "CONNECT_URL",
            format!("sc://127.0.0.1:{}", server.grpc_port()),
        )
        .env("CONNECT_TOKEN", TOKEN)
        .env("UI_ADDRESS", format!("127.0.0.1:{}", server.ui_port()));
    run(&mut program);
}

fn server(version: &str) -> SparkServer {
    let options = Options {
        token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    SparkServer::start(version, options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn pyspark_4_0() {
    program("connect.py", "4.0.5", &server("4.0.5"));
}

#[test]
fn pyspark_4_1() {
    program("connect.py", "4.1.4", &server("4.1.4"));
}

#[test]
fn pyspark_4_2() {
    program("connect.py", "4.2.1", &server("4.2.1"));
}

#[test]
fn pyspark_4_3() {
    program("connect.py", "4.3.0", &server("4.3.0"));
}
