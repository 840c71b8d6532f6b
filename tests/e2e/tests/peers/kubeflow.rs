//! kubeflow's own operator on the local cluster, in a namespace that goes with this value.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use sparkconnect_client::kubernetes::KubernetesConfig;
use sparkconnect_client::operators::{Flavour, OperatorBackend, OperatorConfig};
use sparkconnect_client::{ApplicationRequest, DriverResources, ExecutorResources, SparkClient};
use sparkconnect_testkit::cluster::{Cluster, NODE_ADDRESS};
use sparkconnect_testkit::images::Image;
use sparkconnect_testkit::install::Kubectl;
use sparkconnect_testkit::kubeflow::Operator;
use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::{Result, examples};

pub(crate) const SPARK: &str = "4.1.4";

/// The operator and its namespace.
#[derive(Debug)]
pub(crate) struct Kubeflow {
    namespace: String,
    image: String,
    program: String,
    cluster: Cluster,
    kubectl: Kubectl,
    operator: Option<Operator>,
    folder: tempfile::TempDir,
}

impl Kubeflow {
    pub(crate) fn start(test: &str) -> Result<Self> {
        let cluster = Cluster::up()?;
        let kubectl = Kubectl::local(&cluster)?;
        let recipe = Image::Spark {
            version: SPARK.to_owned(),
        };
        let image = recipe.build()?;
        cluster.load_image(&image.archive)?;
        let home = SparkHome::ensure(SPARK)?;
        let namespace = format!("e2e-{test}-{}", std::process::id());
        kubectl.run(&["create", "namespace", &namespace])?;
        let mut kubeflow = Self {
            namespace,
            image: image.alias,
            program: serve_example(&home),
            cluster,
            kubectl,
            operator: None,
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        let Kubeflow {
            kubectl,
            namespace,
            folder,
            ..
        } = &kubeflow;
        let operator = Operator::install(kubectl, namespace, &home, folder.path())?;
        kubeflow.operator = Some(operator);
        Ok(kubeflow)
    }

    pub(crate) async fn client(&self) -> SparkClient {
        let config = OperatorConfig {
            kubernetes: KubernetesConfig {
                kubeconfig: Some(self.cluster.kubeconfig().to_owned()),
                context: None,
                namespace: Some(self.namespace.clone()),
            },
            flavour: Some(Flavour::Kubeflow),
        };
        SparkClient::new(OperatorBackend::connect(config).await.expect("a back end"))
    }

    /// Spark's own example, of so many parts, with one executor.
    pub(crate) fn pi(&self, name: &str, parts: u32) -> ApplicationRequest {
        let conf = [
            ("spark.kubernetes.driver.request.cores", "100m"),
            ("spark.kubernetes.executor.request.cores", "100m"),
        ];
        let conf = conf.map(|(setting, value)| (setting.to_owned(), value.to_owned()));
        ApplicationRequest {
            name: name.to_owned(),
            main_file: self.program.clone(),
            arguments: vec![parts.to_string()],
            spark_version: Some(SPARK.to_owned()),
            image: Some(self.image.clone()),
            image_pull_policy: Some("Never".to_owned()),
            spark_conf: conf.into(),
            driver: DriverResources {
                memory: Some("512m".to_owned()),
                service_account: Some("spark".to_owned()),
                ..DriverResources::default()
            },
            executor: ExecutorResources {
                instances: Some(1),
                memory: Some("512m".to_owned()),
                ..ExecutorResources::default()
            },
            ..ApplicationRequest::default()
        }
    }

    /// A kubeconfig of the administrator's, whose current context is in the operator's namespace.
    pub(crate) fn user_kubeconfig(&self) -> PathBuf {
        let place = self.folder.path().join("user");
        let (kubectl, kubeconfig) = (&self.kubectl, self.cluster.kubeconfig());
        let copied = examples::kubeconfig(kubectl, kubeconfig, &self.namespace, &place);
        copied.unwrap_or_else(|error| panic!("{error}"));
        place
    }

    /// Everything that there is to tell when something did not come about.
    pub(crate) fn explain(&self) -> String {
        let run = |args: &[&str]| {
            let told = self.kubectl.run(&[&["-n", &self.namespace], args].concat());
            told.unwrap_or_else(|error| error.to_string())
        };
        let applications = run(&["get", "sparkapplications.sparkoperator.k8s.io", "-o=yaml"]);
        let pods = run(&["get", "pods", "-o=wide"]);
        let events = run(&["get", "events", "--sort-by=.lastTimestamp"]);
        let log = self.operator.as_ref().map(Operator::log);
        let log = log.unwrap_or_default();
        format!("{applications}\n{pods}\n{events}\n{log}")
    }
}

impl Drop for Kubeflow {
    fn drop(&mut self) {
        let delete = ["delete", "namespace", &self.namespace, "--wait=false"];
        if let Err(error) = self.kubectl.run(&delete) {
            eprintln!("{error}");
        }
    }
}

/// Serves Spark's example from this machine, as long as the test runs: the image has no examples. Returns its URL.
fn serve_example(home: &SparkHome) -> String {
    let program = home.spark_home().join("examples/src/main/python/pi.py");
    let program = std::fs::read_to_string(program).expect("Spark has its example");
    let listener = TcpListener::bind((NODE_ADDRESS, 0)).expect("the node's address is here");
    let port = listener.local_addr().expect("it listens").port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("a connection");
            let request = BufReader::new(&connection).lines();
            let head = request.map_while(|line| line.ok().filter(|line| !line.is_empty()));
            head.for_each(drop);
            let length = program.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{program}"
            );
            connection.write_all(answer.as_bytes()).expect("it is read");
        }
    });
    format!("http://{NODE_ADDRESS}:{port}/pi.py")
}
