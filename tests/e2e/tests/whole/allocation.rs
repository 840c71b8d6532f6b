//! Executors by demand.

use serde_json::{Value, json};
use sparkconnect_e2e::{Namespace, server_with_executors, session};

const SERVER: &str = "sparkconnectserver/elastic";

#[test]
fn executors_come_with_work_and_go_without() {
    let namespace = Namespace::new("elastic");
    let conf = json!({
        "spark.dynamicAllocation.executorIdleTimeout": "6s",
        // Without it executors stay for the shuffle files that they have.
        "spark.dynamicAllocation.shuffleTracking.timeout": "6s",
        "spark.dynamicAllocation.schedulerBacklogTimeout": "1s",
        "spark.kubernetes.allocation.batch.delay": "1s",
    });
    let spec = json!({"executor": {"autoscale": {"min": 0, "max": 2}}, "sparkConf": conf});
    namespace.apply(&server_with_executors("elastic", &spec));
    namespace.apply(&session("busy", "elastic", &json!({})));
    let mut shell = namespace.shell("busy");
    assert_eq!(namespace.executors("elastic").len(), 0, "nothing to do yet");
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
    shell.send(
        "spark.range(0, 4, 1, 4).select(slow('id').alias('n')).selectExpr('sum(n)').first()[0]",
    );
    until_executors(&namespace, 2);
    assert_eq!(namespace.executors("elastic").len(), 2);
    assert_eq!(shell.answer(), Ok(json!(6)));
    until_executors(&namespace, 0);
}

fn until_executors(namespace: &Namespace, count: i64) {
    let has = |found: &Value| found["status"]["servers"][0]["executors"] == count;
    namespace.until_object(SERVER, &format!("with {count} executors"), has);
}
