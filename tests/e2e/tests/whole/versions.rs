//! Every supported version of Spark, one after another: from the same resource to rows that a Python function made on an executor.

use serde_json::json;
use sparkconnect_e2e::{Namespace, server_with_executors, session};
use sparkconnect_testkit::spark::VERSIONS;

/// A Python function's answer, from an executor.
const PROGRAM: &str = "
from pyspark.sql.functions import udf
@udf('long')
def twice(n):
    return 2 * n
";

#[test]
fn every_version_serves() {
    let namespace = Namespace::new("versions");
    for version in VERSIONS {
        namespace.environment().spark_image(version);
        let name = format!("spark-{}", version.replace('.', "-"));
        let server = format!("sparkconnectserver/{name}");
        namespace.apply(&server_with_executors(&name, &json!({"version": version})));
        namespace.apply(&session(&name, &name, &json!({})));
        let mut shell = namespace.shell(&name);
        shell.run(PROGRAM);
        let sum = shell
            .run("spark.range(10).select(twice('id').alias('n')).agg({'n': 'sum'}).first()[0]");
        assert_eq!(sum, 90, "{version}");
        assert_eq!(shell.run("spark.version"), version);
        namespace.until_condition(&server, "VersionMatched", "True", "VersionMatches");
        namespace.delete(&server);
        namespace.until_condition(
            &format!("sparksession/{name}"),
            "Ended",
            "True",
            "ServerDeleted",
        );
    }
}
