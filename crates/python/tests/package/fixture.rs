//! The one Python of all tests, and what its programs talk to. Nothing of this is dropped: it ends with this process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use sparkconnect_testkit::livy::Livy;
use sparkconnect_testkit::spark::{Options, SparkHome, SparkServer};
use sparkconnect_testkit::{command, examples, python_package};

const TOKEN: &str = "a-token.of~these+tests/1=";

/// It has the package, Jupyter, type checkers, and Kubeflow's SDK.
pub(crate) fn python() -> &'static Path {
    static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
        let python = examples::python(&folder).unwrap_or_else(|error| panic!("{error}"));
        let more = include_str!("../requirements.txt");
        python_package::add(&python, more).unwrap_or_else(|error| panic!("{error}"));
        python
    });
    &PYTHON
}

pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// That Python, with PySpark `version`.
pub(crate) fn with_pyspark(version: &str) -> Command {
    let home = SparkHome::ensure(version).unwrap_or_else(|error| panic!("{error}"));
    python_package::with_pyspark(python(), &home)
}

/// One of the programs, with PySpark `version`.
pub(crate) fn program(name: &str, version: &str) -> Command {
    let mut program = with_pyspark(version);
    program.arg(here("tests/programs").join(name));
    program
}

/// Tells a program where Spark of `version` serves.
pub(crate) fn with_server<'a>(program: &'a mut Command, version: &str) -> &'a mut Command {
    let server = server(version);
    let url = format!("sc://127.0.0.1:{}", server.grpc_port());
    program
        .env("CONNECT_URL", url)
        .env("CONNECT_TOKEN", TOKEN)
        .env("UI_ADDRESS", format!("127.0.0.1:{}", server.ui_port()))
}

/// Tells a program where Livy is, and where files are that it may run.
pub(crate) fn with_livy(program: &mut Command) -> &mut Command {
    static LIVY: LazyLock<Livy> =
        LazyLock::new(|| Livy::start("4.1.4").unwrap_or_else(|error| panic!("{error}")));
    program
        .env("LIVY_URL", format!("http://127.0.0.1:{}", LIVY.port()))
        .env("FILES", LIVY.files())
}

/// What a program printed.
pub(crate) fn run(program: &mut Command) -> String {
    command::output(program).unwrap_or_else(|error| panic!("{error}"))
}

/// One server of each version, for all tests.
fn server(version: &str) -> Arc<SparkServer> {
    type Servers = Mutex<HashMap<String, Arc<OnceLock<Arc<SparkServer>>>>>;
    static SERVERS: LazyLock<Servers> = LazyLock::new(Servers::default);
    let place = {
        let mut servers = SERVERS.lock().expect("no test panics here");
        Arc::clone(servers.entry(version.to_owned()).or_default())
    };
    let start = || {
        let options = Options {
            token: Some(TOKEN.to_owned()),
            ..Options::default()
        };
        Arc::new(SparkServer::start(version, options).unwrap_or_else(|error| panic!("{error}")))
    };
    Arc::clone(place.get_or_init(start))
}
