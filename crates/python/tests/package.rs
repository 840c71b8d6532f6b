//! The package, built as a wheel and installed in an environment of its own, with PySpark of every version against a real server.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sparkconnect_testkit::spark::{Options, SparkHome, SparkServer};
use sparkconnect_testkit::{command, python_package};

const TOKEN: &str = "a-token.of~these+tests/1=";

fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
        python_package::installed(&folder).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The programs with PySpark of one version against a server of the same.
fn programs(version: &str) {
    let options = Options {
        token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    let server = SparkServer::start(version, options).unwrap_or_else(|error| panic!("{error}"));
    let home = SparkHome::ensure(version).unwrap_or_else(|error| panic!("{error}"));
    let mut program = python_package::with_pyspark(python(), &home);
    program
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/connect.py"))
        .env(
            "CONNECT_URL",
            format!("sc://127.0.0.1:{}", server.grpc_port()),
        )
        .env("CONNECT_TOKEN", TOKEN)
        .env("UI_ADDRESS", format!("127.0.0.1:{}", server.ui_port()));
    command::output(&mut program).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn pyspark_4_0() {
    programs("4.0.5");
}

#[test]
fn pyspark_4_1() {
    programs("4.1.4");
}

#[test]
fn pyspark_4_2() {
    programs("4.2.1");
}

#[test]
fn pyspark_4_3() {
    programs("4.3.0");
}
