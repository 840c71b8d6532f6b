//! The batch job of `examples/python` by kubeflow's operator, as it is.

use std::path::Path;

use sparkconnect_testkit::spark::SparkHome;
use sparkconnect_testkit::{command, examples};

use crate::kubeflow::SPARK;
use crate::start;

#[test]
fn the_batch_job_by_an_operator_prints_what_it_says() {
    let kubeflow = start("kubeflow-example");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-peers");
    let python = examples::python(&place).unwrap_or_else(|error| panic!("{error}"));
    let pi = kubeflow.pi("pi", 1);
    let job = ["-m", "snippets.batch_operator", &pi.main_file];
    let home = SparkHome::ensure(SPARK).unwrap_or_else(|error| panic!("{error}"));
    let mut program = examples::program(&python, &home, &job);
    program
        .env("KUBECONFIG", kubeflow.user_kubeconfig())
        .env("SPARK_IMAGE", pi.image.expect("it has an image"));
    let printed = command::output(&mut program);
    let printed = printed.unwrap_or_else(|error| panic!("{error}\n{}", kubeflow.explain()));
    examples::check("snippets/batch_operator.py", &printed)
        .unwrap_or_else(|error| panic!("{error}\n{}", kubeflow.explain()));
}
