//! A session at work while the installation changes: a query on an executor that runs until the test tells it to end. Does I/O.

use std::path::PathBuf;

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, Shell, server_with_executors, session};

const SERVER: &str = "pool";
const SESSION: &str = "ada";
const ENDED: &str = "brief";
/// The volume's folder in the pods.
const DATA: &str = "/data";
/// The query ends when this file is there, or by itself after ten minutes.
const FUNCTION: &str = "
from pyspark.sql.functions import udf
@udf('long')
def until(value):
    import os, time
    for _ in range(3000):
        if os.path.exists('/data/end'):
            return value
        time.sleep(0.2)
    return -1
";

/// A session whose query runs.
pub(crate) struct Work<'a> {
    namespace: &'a Namespace,
    folder: PathBuf,
    shell: Shell,
    pods: Value,
}

impl<'a> Work<'a> {
    /// Makes a server with an executor, and a session of it, and starts the query. `folder` is that of the namespace's volume `data`.
    pub(crate) fn begin(namespace: &'a Namespace, folder: PathBuf) -> Self {
        let volumes = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        let mounts = json!([{"name": "data", "mountPath": DATA}]);
        let template = |container: &str| {
            let containers = json!([{"name": container, "volumeMounts": mounts}]);
            json!({"template": {"spec": {"volumes": volumes, "containers": containers}}})
        };
        let spec = json!({"executor": template("spark")});
        namespace.apply(&server_with_executors(SERVER, &spec));
        namespace.apply(&session(SESSION, SERVER, &json!({})));
        let mut shell = namespace.shell(SESSION);
        shell.run(FUNCTION);
        shell.run("spark.range(3).createOrReplaceTempView('kept')");
        shell.send("spark.range(7, 8, 1, 1).select(until('id')).first()[0]");
        let mut work = Self {
            namespace,
            folder,
            shell,
            pods: Value::Null,
        };
        work.is_running();
        work.pods = work.spark_pods();
        work
    }

    /// The query runs, on the pods that it began on.
    pub(crate) fn goes_on(&self, after: &str) {
        assert_eq!(self.spark_pods(), self.pods, "after {after}");
        self.is_running();
    }

    /// Ends the query, which must have its result, and shows that the session is the same.
    pub(crate) fn end(&mut self) {
        std::fs::write(self.folder.join("end"), "").expect("the volume's folder can be written");
        assert_eq!(self.shell.answer(), Ok(json!(7)), "the query's result");
        let kept = self.shell.run("spark.table('kept').count()");
        assert_eq!(kept, 3, "it is another session");
        assert_eq!(self.spark_pods(), self.pods, "at the end");
    }

    /// The session answers to the program that has been using it.
    pub(crate) fn answers(&mut self) {
        assert_eq!(self.shell.run("spark.table('kept').count()"), 3);
    }

    /// Another session that ends, as the operator of that time has it.
    pub(crate) fn ends_another(&self) {
        let spec = json!({"ttl": "1s"});
        self.namespace.apply(&session(ENDED, SERVER, &spec));
        let object = format!("sparksession/{ENDED}");
        self.namespace.until_object(&object, "over", |session| {
            session["status"]["phase"] == "Expired"
        });
    }

    /// The present operator tells of that end as of any other.
    pub(crate) fn other_is_told_to_have_ended(&self) {
        let object = format!("sparksession/{ENDED}");
        self.namespace
            .until_object(&object, "told to be over", |session| {
                let conditions = session["status"]["conditions"].as_array();
                let mut conditions = conditions.into_iter().flatten();
                let ended = conditions.find(|it| it["type"] == "Ended");
                ended.is_some_and(|it| {
                    it["status"] == "True"
                        && it["reason"] == "TtlPassed"
                        && it["message"] == session["status"]["message"]
                })
            });
    }

    fn is_running(&self) {
        let object = format!("sparksession/{SESSION}");
        self.namespace.until_object(&object, "at work", |session| {
            session["status"]["phase"] == "Ready"
                && session["status"]["metrics"]["activeQueries"] == 1
        });
    }

    /// Each Spark pod with how often its container was started.
    fn spark_pods(&self) -> Value {
        let mut pods = self.namespace.drivers(SERVER);
        pods.extend(self.namespace.executors(SERVER));
        let about = |pod: &Value| {
            let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
            json!([pod["metadata"]["name"], pod["metadata"]["uid"], restarts])
        };
        let pods: Vec<Value> = pods.iter().map(about).collect();
        assert_eq!(pods.len(), 2, "a driver and an executor: {pods:?}");
        Value::from(pods)
    }
}
