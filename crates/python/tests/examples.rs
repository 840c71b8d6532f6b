//! The programs of `examples/python` as they are, with the package in an environment of its own and a real Spark Connect server: each prints
//! what it says that it prints.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::command;
use sparkconnect_testkit::examples::{self, folder};
use sparkconnect_testkit::livy::Livy;
use sparkconnect_testkit::spark::{Options, SparkServer};

const SPARK: &str = "4.1.4";

/// Snippets with tests of their own: by Livy here, the others on the cluster (tests/e2e).
const OTHERS: [&str; 4] = ["batch_livy", "batch_operator", "port_forward", "production"];

/// Python with the package, and with what the examples need beside it.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
        examples::python(&place).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The one server of all tests, without a token. Never dropped: it ends with this process.
fn spark() -> &'static SparkServer {
    static SERVER: OnceLock<SparkServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        SparkServer::start(SPARK, Options::default()).unwrap_or_else(|error| panic!("{error}"))
    })
}

fn url() -> String {
    format!("sc://127.0.0.1:{}/;use_ssl=false", spark().grpc_port())
}

/// That Python in the folder of the examples, with the server in its environment.
fn program(arguments: &[&str]) -> Command {
    let mut program = examples::program(python(), spark().home(), arguments);
    program.env("SPARK_REMOTE", url());
    program
}

fn run(program: &mut Command) -> String {
    command::output(program).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs it with `input`; whether it ended well, and what it printed, its errors behind the rest.
fn fed(program: &mut Command, input: &str) -> (bool, String) {
    let piped = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it was asked for as a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.success(), text)
}

fn prints_what_it_says(file: &str, arguments: &[&str]) {
    let printed = run(&mut program(arguments));
    examples::check(file, &printed).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_snippet_prints_what_it_says() {
    let data = spark().folder().join("people");
    let data = data.display().to_string();
    let mut snippets = 0;
    for entry in fs::read_dir(folder().join("snippets")).expect("the snippets are there") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        let name = name.expect("a name").to_owned();
        if path.extension().is_none_or(|extension| extension != "py")
            || OTHERS.contains(&name.as_str())
        {
            continue;
        }
        let module = format!("snippets.{name}");
        prints_what_it_says(
            &format!("snippets/{name}.py"),
            &["-m", module.as_str(), data.as_str()],
        );
        snippets += 1;
    }
    assert!(snippets >= 10, "{snippets}");
}

#[test]
fn the_batch_job_by_livy_prints_what_it_says() {
    let livy = Livy::start(SPARK).unwrap_or_else(|error| panic!("{error}"));
    let example = spark().home().spark_home();
    let example = example.join("examples/src/main/python/pi.py");
    let pi = livy.files().join("pi.py");
    fs::copy(example, &pi).expect("Spark has its example");
    let pi = pi.display().to_string();
    let mut program = program(&["-m", "snippets.batch_livy", &pi]);
    program.env("LIVY_URL", format!("http://127.0.0.1:{}", livy.port()));
    let printed = run(&mut program);
    examples::check("snippets/batch_livy.py", &printed).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_demo_prints_what_it_says() {
    prints_what_it_says("demo.py", &["demo.py"]);
}

#[test]
fn the_tutorial_prints_what_it_says() {
    prints_what_it_says("tutorial.py", &["tutorial.py"]);
}

#[test]
fn the_shell_runs_what_it_is_fed() {
    let tutorial = "step()\nstep()\nstep()\nstep()\nassert session.is_closed\nstep()\n";
    let (well, told) = fed(&mut program(&["shell.py"]), tutorial);
    assert!(well, "{told}");
    // The step shows what it should print too, but as comments.
    for said in examples::said("tutorial.py").expect("it says something") {
        let printed = told.lines().any(|line| line == said);
        assert!(printed, "{said} in {told}");
    }
    assert!(told.contains("6. The end") && told.contains("the last step"));

    let (well, told) = fed(
        &mut program(&["shell.py"]),
        "spark.range(3).show()\n1 / 0\n",
    );
    assert!(
        !well && told.contains("|  2|") && told.contains("ZeroDivisionError"),
        "{told}"
    );
}

/// Python's own `pty` gives it a terminal; there it is IPython where that is installed. A shell that does not end by its input would wait
/// for more, and is ended.
#[test]
fn the_shell_is_ipython_on_a_terminal() {
    let limited = "['timeout', '--foreground', '300', sys.executable, *sys.argv[1:]]";
    let on_a_terminal =
        format!("import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn({limited})))");
    let mut shell = program(&["-c", &on_a_terminal, "shell.py"]);
    shell
        .env("IPY_TEST_SIMPLE_PROMPT", "1")
        .env("IPYTHONDIR", spark().folder().join("ipython"));
    let input =
        "step()\nprint('shell', type(get_ipython()).__name__, spark.range(3).count())\nexit\n";
    let (well, told) = fed(&mut shell, input);
    assert!(well, "{told}");
    for line in [
        "shows the next step",
        "3. A query",
        "|  1|Hello|",
        "shell TerminalInteractiveShell 3",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
}

#[test]
fn the_notebook_runs_and_is_kept_without_outputs() {
    let notebook = fs::read_to_string(folder().join("notebook.ipynb")).expect("it is there");
    let before: Value = serde_json::from_str(&notebook).expect("a notebook is JSON");
    for cell in before["cells"].as_array().expect("it has cells") {
        let clean = cell["execution_count"].is_null()
            && cell["outputs"].as_array().is_none_or(Vec::is_empty);
        assert!(clean, "{cell}");
    }
    let place = spark().folder().join("notebook");
    fs::create_dir(&place).expect("a folder can be made");
    for file in ["notebook.ipynb", "connection.py"] {
        fs::copy(folder().join(file), place.join(file)).expect("it can be copied");
    }
    let execute = "from nbclient.cli import main; main()";
    let patience = ["--timeout=600", "--startup_timeout=600"];
    let mut jupyter = program(&["-c", execute, "--inplace", "notebook.ipynb"]);
    jupyter
        .args(patience)
        .env("IPYTHONDIR", place.join("ipython"));
    run(jupyter.current_dir(&place));
    let after = fs::read_to_string(place.join("notebook.ipynb")).expect("it is there");
    let after: Value = serde_json::from_str(&after).expect("a notebook is JSON");
    let outputs = |id: &str| {
        let cells = after["cells"].as_array().expect("it has cells");
        let cell = cells.iter().find(|cell| cell["id"] == id);
        cell.expect("the cell is there")["outputs"].to_string()
    };
    for (id, shown) in [
        ("create", "<th>app name</th><td>notebook</td>"),
        ("query", "|   Clothing|  Shirt|  35.0|       3|  105.0|"),
        ("table", "<td>2525.0</td>"),
        ("metrics", "<th>queries executed</th><td>"),
        ("info", "<th>state</th><td>ready</td>"),
    ] {
        assert!(outputs(id).contains(shown), "{id}: {}", outputs(id));
    }
    assert_eq!(outputs("end"), "[]");
}

/// A URL's parameters are read, by PySpark alone as well; `spark.ssl.enabled` as a setting changes nothing about the connection.
#[test]
fn tls_is_the_urls_matter_and_no_setting_of_spark() {
    let text = "
from pyspark.sql import SparkSession
import os
spark = SparkSession.builder.remote(os.environ['SPARK_REMOTE']).config('spark.ssl.enabled', 'true').create()
print(spark.range(3).count())
";
    assert_eq!(run(&mut program(&["-c", text])), "3");
}

#[test]
fn the_set_up_script_says_what_is_missing() {
    let server = ApiServer::start().unwrap_or_else(|error| panic!("{error}"));
    let kubectl = server.kubectl(&[]);
    let kubectl = Path::new(kubectl.get_program()).parent();
    let kubectl = kubectl.expect("a folder").display().to_string();
    let script = |path: &str, arguments: &[&str]| {
        let mut script = Command::new("/bin/bash");
        script
            .arg(folder().join("setup.sh"))
            .args(arguments)
            .env("PATH", path)
            .env("KUBECONFIG", server.kubeconfig());
        fed(&mut script, "")
    };
    let (well, told) = script("/nonexistent", &[]);
    assert!(
        !well && told.contains("error: there is no kubectl\nhint: "),
        "{told}"
    );
    let path = format!("{kubectl}:/usr/bin:/bin");
    let (well, told) = script(&path, &[]);
    assert!(
        !well
            && told.contains("sparkconnect is not installed")
            && told.contains("deploy/cluster-wide"),
        "{told}"
    );
    let (well, told) = script(&path, &["--remove"]);
    assert!(!well && told.starts_with("usage: "), "{told}");
    let (well, told) = script(&path, &["--help"]);
    assert!(well && told.starts_with("usage: "), "{told}");
}
