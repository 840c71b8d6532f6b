//! Batch jobs: by a real Livy, and as resources of kubeflow's Spark operator that kubeflow's own SDK reads.

use std::time::Duration;

use sparkconnect_testkit::apiserver::ApiServer;
use sparkconnect_testkit::process::{Seen, wait_for};
use sparkconnect_testkit::{command, kubeflow};

use crate::fixture::{program, run, with_livy};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// The PySpark that kubeflow's SDK asks for.
const KUBEFLOWS: &str = "4.2.1";
const NAMESPACE: &str = "jobs";

#[test]
fn by_livy() {
    run(with_livy(&mut program("livy.py", "4.3.0")));
}

#[test]
fn kubeflows_sdk_reads_what_was_submitted() {
    let server = ApiServer::start().unwrap_or_else(|error| panic!("{error}"));
    let kubectl = |args: &[&str]| run(&mut server.kubectl(args));
    let definition = kubeflow::application_definition().unwrap_or_else(|error| panic!("{error}"));
    let definition = definition.display().to_string();
    kubectl(&["apply", "--server-side", "--filename", &definition]);
    kubectl(&["create", "namespace", NAMESPACE]);
    let kind = "sparkapplications.v1beta2.sparkoperator.k8s.io";
    let served = wait_for("the kind to be served", PATIENCE, || {
        let list = ["get", kind, "--namespace", NAMESPACE];
        Ok(match command::output(&mut server.kubectl(&list)) {
            Ok(_) => Seen::Done(()),
            Err(error) => Seen::NotYet(error.to_string()),
        })
    });
    served.unwrap_or_else(|error| panic!("{error}"));

    let status = ["patch", kind, "pi", "--subresource=status", "--type=merge"];
    let tell = server.kubectl(&[&status[..], &["--namespace", NAMESPACE]].concat());
    let words = std::iter::once(tell.get_program()).chain(tell.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let mut reading = program("kubeflow_sdk.py", KUBEFLOWS);
    reading
        .env("KUBECONFIG", server.kubeconfig())
        .env("NAMESPACE", NAMESPACE)
        .env("STATUS_COMMAND", words.join(" "));
    run(&mut reading);
}
