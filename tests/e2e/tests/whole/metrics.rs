//! A session's metrics against what a PySpark program is known to have done, on servers with an executor.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Shell, server_with_executors, session};

const SERVER: &str = "measured";
/// Lines of the text that is read, and one of them.
const LINES: usize = 2000;
const LINE: &str = "some words in a line\n";
/// What [`work`] is to Spark.
const OPERATIONS: i64 = 6;

#[test]
fn metrics_are_what_the_program_did() {
    measure("metrics", "4.3.0");
}

/// What an older version does not tell, the gateways do.
#[test]
fn an_older_version_tells_as_much() {
    measure("older", "4.1.4");
}

fn measure(test: &str, version: &str) {
    let mut namespace = Namespace::new(test);
    let folder = namespace.volume("data");
    let text = LINE.repeat(LINES);
    std::fs::write(folder.join("input.txt"), &text).expect("the volume can be written");
    namespace.apply(&server(version));
    namespace.apply(&session("known", SERVER, &json!({"appName": "known work"})));
    let ready = namespace.until_ready(&format!("sparkconnectserver/{SERVER}"));
    assert_eq!(ready["status"]["sparkVersion"], version);

    let mut shell = namespace.shell("known");
    let began = Instant::now();
    work(&mut shell);
    let took = i64::try_from(began.elapsed().as_millis()).expect("a short time");
    let written = data_bytes(&folder.join("output"));
    let found = namespace.until_object("sparksession/known", "up to date", |found| {
        metric(found, "dataWrittenBytes") == Some(written)
            && metric(found, "activeQueries") == Some(0)
            && metric(found, "queriesExecuted") == Some(OPERATIONS)
    });
    // Reading text reads every byte of it and nothing else.
    assert_eq!(
        metric(&found, "dataReadBytes"),
        i64::try_from(text.len()).ok(),
        "{found}"
    );
    let time = metric(&found, "executionTimeMs").expect("a time");
    assert!(time > 0 && time <= took, "{time} of {took} ms");
    // Before 4.3 it is the gateways that tell.
    assert_eq!(metric(&found, "failedQueries"), Some(1), "{found}");
    assert_eq!(metric(&found, "artifactsUploaded"), Some(0));
    a_running_query_is_active(&namespace, &mut shell);
}

/// Driver and executor share the volume.
fn server(version: &str) -> Value {
    let mount = json!({"name": "spark", "volumeMounts": [{"name": "data", "mountPath": "/data"}]});
    let volume = json!({"name": "data", "persistentVolumeClaim": {"claimName": "data"}});
    let pod = json!({"template": {"spec": {"containers": [mount], "volumes": [volume]}}});
    server_with_executors(
        SERVER,
        &json!({"version": version, "driver": pod, "executor": pod}),
    )
}

/// Two operations write, one reads, two are a SQL text and its result, which fails, and one has neither a job nor a SQL execution.
fn work(shell: &mut Shell) {
    shell.run("spark.range(1000).write.parquet('/data/output')");
    shell.run("spark.range(500).write.mode('append').parquet('/data/output')");
    assert_eq!(
        shell.run("spark.read.text('/data/input.txt').count()"),
        LINES
    );
    let failure = shell.raises("spark.sql(\"select raise_error('on purpose')\").collect()");
    assert!(failure.contains("on purpose"), "{failure}");
    assert_eq!(
        shell.run("spark.createDataFrame([(1,)], ['a']).collect()[0].a"),
        1
    );
}

fn a_running_query_is_active(namespace: &Namespace, shell: &mut Shell) {
    let object = "sparksession/known";
    shell.run(
        "
from pyspark.sql.functions import udf
@udf('long')
def slow(n):
    import time
    time.sleep(15)
    return n
",
    );
    shell.send("spark.range(0, 1, 1, 1).select(slow('id')).first()[0]");
    namespace.until_object(object, "at work", |found| {
        metric(found, "activeQueries") == Some(1)
    });
    assert_eq!(shell.answer(), Ok(json!(0)));
    namespace.until_object(object, "at rest", |found| {
        metric(found, "activeQueries") == Some(0)
    });
}

fn metric(session: &Value, name: &str) -> Option<i64> {
    session["status"]["metrics"][name].as_i64()
}

/// Bytes in the data files of a folder that Spark wrote.
fn data_bytes(folder: &Path) -> i64 {
    let files = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("a file"));
    let data = files.filter(|file| file.file_name().to_string_lossy().starts_with("part-"));
    let bytes: u64 = data
        .map(|file| file.metadata().expect("its size").len())
        .sum();
    i64::try_from(bytes).expect("not that many")
}
