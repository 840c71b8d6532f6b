//! Sessions of a Spark Connect URL, with PySpark and Spark of each version.

use sparkconnect_testkit::spark::EARLIER;

use crate::fixture::{program, run, with_server};

/// What a user does with a session, and hands it to.
fn everything(pyspark: &str, server: &str) {
    for name in ["connect.py", "handing.py"] {
        run(with_server(&mut program(name, pyspark), server));
    }
}

/// What becomes of sessions when their program ends.
fn ends(pyspark: &str, server: &str) {
    run(with_server(&mut program("ends.py", pyspark), server));
}

/// A newer PySpark than its server knows calls that the server does not: it is told.
fn told(pyspark: &str, server: &str) {
    let mut program = program("connect.py", pyspark);
    program.arg("Session.test_another_version_of_pyspark_is_told_before_the_first_query");
    run(with_server(&mut program, server));
}

#[test]
fn pyspark_3_5() {
    everything(EARLIER, EARLIER);
}

#[test]
fn pyspark_4_0() {
    everything("4.0.5", "4.0.5");
}

#[test]
fn pyspark_4_1() {
    everything("4.1.4", "4.1.4");
}

#[test]
fn pyspark_4_2() {
    everything("4.2.1", "4.2.1");
}

#[test]
fn pyspark_4_3() {
    everything("4.3.0", "4.3.0");
}

#[test]
fn an_older_pyspark_than_the_server() {
    everything(EARLIER, "4.0.5");
    everything("4.0.5", "4.3.0");
}

#[test]
fn a_newer_pyspark_than_the_server() {
    told("4.3.0", "4.0.5");
    told("4.3.0", EARLIER);
    told("4.0.5", EARLIER);
}

#[test]
fn what_is_left_open_ends_with_the_program() {
    ends(EARLIER, "4.0.5");
    ends("4.0.5", "4.0.5");
    ends("4.3.0", "4.3.0");
}
