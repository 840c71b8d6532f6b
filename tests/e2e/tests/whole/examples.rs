//! `examples/python` on the cluster, as a person uses it: the set-up script, then the programs, in the namespace of the current context.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, http, session};
use sparkconnect_testkit::cluster::NODE_ADDRESS;
use sparkconnect_testkit::examples::{self, folder};
use sparkconnect_testkit::install::NAMESPACE;
use sparkconnect_testkit::spark::SparkHome;
use tempfile::TempDir;

/// Version of the server that the set-up script makes.
const SPARK: &str = "4.3.0";
const SERVER: &str = "sparkconnectserver/spark-connect";
/// Runs the words after it where the file `$0` is the one that says how names are looked up.
const WITH_NAMES: &str = r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#;

/// A namespace, and what a person has who works in it.
struct Person<'a> {
    ns: &'a Namespace,
    python: PathBuf,
    home: SparkHome,
    files: TempDir,
}

impl<'a> Person<'a> {
    fn of(ns: &'a Namespace) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-examples");
        let python = examples::python(&place).unwrap_or_else(|error| panic!("{error}"));
        let home = SparkHome::ensure(SPARK).unwrap_or_else(|error| panic!("{error}"));
        let files = tempfile::tempdir().expect("a temporary folder can be made");
        let (kubectl, kubeconfig) = (
            &ns.environment().kubectl,
            ns.environment().cluster.kubeconfig(),
        );
        let copied =
            examples::kubeconfig(kubectl, kubeconfig, &ns.name, &files.path().join("config"));
        copied.unwrap_or_else(|error| panic!("{error}"));
        Self {
            ns,
            python,
            home,
            files,
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).expect("a temporary file can be written");
        path
    }

    /// Gives a program the cluster: its kubeconfig, and kubectl.
    fn at_home<'c>(&self, program: &'c mut Command) -> &'c mut Command {
        let kubectl = self.ns.environment().kubectl.command(&[]);
        let kubectl = Path::new(kubectl.get_program()).parent();
        let kubectl = kubectl.expect("kubectl is in a folder").display();
        program
            .env("PATH", format!("{kubectl}:/usr/bin:/bin"))
            .env("KUBECONFIG", self.files.path().join("config"))
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut program = examples::program(&self.python, &self.home, arguments);
        self.at_home(&mut program);
        program
    }

    fn set_up(&self, arguments: &[&str]) -> String {
        let mut script = Command::new("/bin/bash");
        script.arg(folder().join("setup.sh")).args(arguments);
        self.printed(self.at_home(&mut script), "")
    }

    /// What a program prints that is given `input` and ends well.
    fn printed(&self, program: &mut Command, input: &str) -> String {
        let piped = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped.spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("it was asked for as a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        let told = || self.ns.explain();
        assert!(
            output.status.success(),
            "{printed}\n{complaint}\n{}",
            told()
        );
        printed
    }

    fn prints_what_it_says(&self, file: &str, program: &mut Command) {
        let printed = self.printed(program, "");
        examples::check(file, &printed).unwrap_or_else(|error| panic!("{error}"));
    }

    fn snippet(&self, name: &str) -> Command {
        self.program(&["-m", &format!("snippets.{name}")])
    }
}

/// `kubectl port-forward`, ended on drop.
struct Forwarded {
    kubectl: Child,
    port: u16,
}

impl Forwarded {
    /// From a free port of this machine to one of a Service.
    fn to(person: &Person<'_>, namespace: &str, service: &str, port: u16) -> Self {
        let mut kubectl = Command::new("kubectl");
        let service = format!("service/{service}");
        kubectl.args(["port-forward", "--namespace", namespace, &service]);
        let kubectl = kubectl.arg(format!(":{port}")).stdout(Stdio::piped());
        let mut kubectl = person.at_home(kubectl).spawn().expect("kubectl starts");
        let mut lines = BufReader::new(kubectl.stdout.take().expect("as it was asked for")).lines();
        // Forwarding from 127.0.0.1:40123 -> 15002
        let line = lines
            .next()
            .expect("kubectl says which port")
            .expect("text");
        std::thread::spawn(move || lines.for_each(drop));
        let port = line.split([':', ' ']).find_map(|word| word.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line}"));
        Self { kubectl, port }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let ended = self.kubectl.kill().and_then(|()| self.kubectl.wait());
        if let Err(error) = ended {
            eprintln!("ending kubectl: {error}");
        }
    }
}

#[test]
fn the_examples_run_from_the_set_up_to_the_end() {
    let ns = Namespace::new("examples");
    let person = Person::of(&ns);
    let told = person.set_up(&[]);
    assert!(told.contains("python demo.py"), "{told}");
    ns.until_ready(SERVER);
    // Again it only says what is there.
    assert!(person.set_up(&[]).contains("python demo.py"));

    person.prints_what_it_says("demo.py", &mut person.program(&["demo.py"]));
    for snippet in ["session_management", "multiple_sessions", "aggregations"] {
        // It lists the sessions that there are, and those of the programs before may still be going.
        ns.until("no session to be left", || {
            match &ns.list("sparksessions", "")[..] {
                [] => Ok(()),
                left => Err(format!("{left:?}")),
            }
        });
        let file = format!("snippets/{snippet}.py");
        person.prints_what_it_says(&file, &mut person.snippet(snippet));
    }
    shell(&person);
    notebook(&person);
    ports(&person);
    production(&person);
    what_kubectl_tells(&ns);

    person.set_up(&["--delete"]);
    ns.until_gone(SERVER);
    person.set_up(&["--delete"]);
}

fn shell(person: &Person<'_>) {
    let input = "step()\nstep()\nstep()\nstep()\n";
    let printed = person.printed(&mut person.program(&["shell.py"]), input);
    for said in examples::said("tutorial.py").expect("it says something") {
        let found = printed.lines().any(|line| line == said);
        assert!(found, "{said} in {printed}");
    }
    let left = person.ns.list("sparksessions", "");
    assert!(left.iter().all(is_going), "{left:?}");
}

/// Whether an object is being deleted.
fn is_going(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn notebook(person: &Person<'_>) {
    let place = person.files.path().join("notebook");
    std::fs::create_dir(&place).expect("a folder can be made");
    for file in ["notebook.ipynb", "connection.py"] {
        std::fs::copy(folder().join(file), place.join(file)).expect("it can be copied");
    }
    let execute = "from nbclient.cli import main; main()";
    let patience = ["--timeout=600", "--startup_timeout=600"];
    let mut jupyter = person.program(&["-c", execute, "--inplace", "notebook.ipynb"]);
    jupyter
        .args(patience)
        .env("IPYTHONDIR", place.join("ipython"));
    person.printed(jupyter.current_dir(&place), "");
    let text = std::fs::read_to_string(place.join("notebook.ipynb")).expect("it is there");
    // Its metrics, which the operator has hardly begun to count, and its info.
    assert_eq!(text.matches("<th>session id</th>").count(), 2, "{text}");
    for shown in [
        "<th>session</th><td>notebook-",
        "<th>server</th><td>spark-connect</td>",
        "<td>2525.0</td>",
        "<th>state</th><td>ready</td>",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
}

/// The design's forwarded ports: of the gateway, which takes the session's token; of the server itself, which takes only its own; of its UI.
fn ports(person: &Person<'_>) {
    let ns = person.ns;
    ns.apply(&session("ada", "spark-connect", &json!({})));
    let ada = ns.until_ready("sparksession/ada");
    let id = ada["status"]["sessionId"].as_str().expect("it has an id");
    let gateway = Forwarded::to(person, NAMESPACE, "sparkconnect-gateway", 443);
    let token = ns.secret("ada-connection", "token");
    let authority = ns.secret("ada-connection", "ca.crt");
    let through = |port: u16, snippet: &str| {
        let mut program = person.snippet(snippet);
        program
            .env("SPARK_REMOTE", format!("sc://localhost:{port}"))
            .env("SPARK_TOKEN", &token)
            .env("SPARK_CA", person.file("ca.crt", &authority))
            .env("SPARK_SESSION", id);
        program
    };
    let mut program = through(gateway.port, "port_forward");
    person.prints_what_it_says("snippets/port_forward.py", &mut program);
    ns.until_ready("sparksession/ada");

    let server = Forwarded::to(person, &ns.name, "spark-connect", 15002);
    let refused = through(server.port, "basic_connection").output();
    let refused = refused.expect("it starts");
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("UnauthenticatedError"), "{complaint}");

    let ui = Forwarded::to(person, &ns.name, "spark-connect", 4040);
    let page = http::get("127.0.0.1", ui.port, "/jobs/");
    assert!(page.contains("Spark Jobs"), "{page}");
}

/// As in a pod: names of the cluster are found, and a ServiceAccount's token opens the way.
fn production(person: &Person<'_>) {
    let ns = person.ns;
    ns.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "etl"}}));
    ns.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "etl-connects"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sparkconnect-connect"},
        "subjects": [{"kind": "ServiceAccount", "name": "etl"}],
    }));
    let token = ns.kubectl(&["create", "token", "etl", "--audience=sparkconnect"]);
    let authority = ns.secret("ada-connection", "ca.crt");
    let names = format!("nameserver {NODE_ADDRESS}\nsearch cluster.local\noptions ndots:5\n");
    let program = person.snippet("production");
    let mut inside = Command::new("unshare");
    inside
        .args(["--mount", "--", "sh", "-c", WITH_NAMES])
        .arg(person.file("resolv.conf", &names))
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(folder());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    let remote = format!(
        "sc://sparkconnect-gateway.{NAMESPACE}.svc:443/;x-sparkconnect-server=spark-connect.{}",
        ns.name
    );
    inside
        .env("SPARK_REMOTE", remote)
        .env("SPARK_TOKEN", token.trim())
        .env("SPARK_CA", person.file("ca.crt", &authority));
    person.prints_what_it_says("snippets/production.py", &mut inside);
    let made = ns.list("sparksessions", "sparkconnect.dev/ad-hoc");
    let user = format!("system:serviceaccount:{}:etl", ns.name);
    assert!(
        made.iter().any(|it| it["spec"]["user"] == user.as_str()),
        "{made:?}"
    );
}

/// The commands to look after a server, by a label of one's own and by the operator's.
fn what_kubectl_tells(ns: &Namespace) {
    let labels = "sparkconnect.dev/server=spark-connect,app.kubernetes.io/component=driver";
    for labels in ["app=spark-connect", labels] {
        let pods = ns.kubectl(&["get", "pods", "-l", labels, "-o=name"]);
        assert_eq!(pods, "pod/spark-connect-0", "{labels}");
    }
    let log = ns.kubectl(&["logs", "-l", "app=spark-connect", "--tail=-1"]);
    assert!(log.contains("Spark Connect server started"), "{log}");
    let executors = ns.kubectl(&["logs", "-l", "spark-role=executor", "--tail=-1"]);
    assert!(executors.contains("Running task"), "{executors}");
}
