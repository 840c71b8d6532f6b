//! Paths, ports and names inside a server's pods: builders use them, validation refuses what clashes with them. No I/O.

/// The container that Spark runs in, in driver and executor pods.
pub(crate) const CONTAINER: &str = "spark";

/// Where clients speak Spark Connect.
pub(crate) const CONNECT_PORT: i32 = sparkconnect_api::address::CONNECT_PORT as i32;
/// Where executors reach the driver.
pub(crate) const DRIVER_PORT: i32 = 7078;
/// Where driver and executors exchange blocks.
pub(crate) const BLOCK_MANAGER_PORT: i32 = 7079;
/// Spark's web interface and REST API.
pub(crate) const UI_PORT: i32 = 4040;

/// What the driver may write: artifacts, shuffle files, the warehouse. Not /tmp: Spark would mount it on executors a second
/// time, beside their own, and never get one started.
pub(crate) const LOCAL_DIR: &str = "/var/spark-local";
/// Writable as programs expect.
pub(crate) const TMP_DIR: &str = "/tmp";
/// Folder of the properties file.
pub(crate) const DRIVER_DIR: &str = "/etc/sparkconnect/driver";
/// Folder of logging and the executor pod template.
pub(crate) const CONFIG_DIR: &str = "/etc/sparkconnect/config";
/// A folder that does not exist: spark-submit puts SPARK_CONF_DIR first on the classpath, and a folder there, even an
/// empty one, would switch the image's class-data archive off.
pub(crate) const NO_CONF_DIR: &str = "/etc/sparkconnect/no-conf-dir";

/// Name of the properties file.
pub(crate) const PROPERTIES_FILE: &str = "spark.properties";
/// Name of the logging configuration.
pub(crate) const LOG4J2_FILE: &str = "log4j2.properties";
/// Name of the executor pod template.
pub(crate) const EXECUTOR_TEMPLATE_FILE: &str = "executor-pod-template.yaml";

/// Volume of the properties file.
pub(crate) const PROPERTIES_VOLUME: &str = "spark-properties";
/// Volume of logging and the executor pod template.
pub(crate) const CONFIG_VOLUME: &str = "spark-config";
/// Volume of [`TMP_DIR`]; a template may give another source under this name.
pub(crate) const TMP_VOLUME: &str = "tmp";
/// Volume of [`LOCAL_DIR`]; a template may give another source under this name. Spark makes it on executors.
pub(crate) const LOCAL_VOLUME: &str = "spark-local-dir-1";

/// Volumes that a template cannot redefine.
pub(crate) const FIXED_VOLUMES: [&str; 2] = [PROPERTIES_VOLUME, CONFIG_VOLUME];

/// Folders that nothing may be mounted on, in or above.
pub(crate) const FIXED_DIRS: [&str; 9] = [
    DRIVER_DIR,
    CONFIG_DIR,
    NO_CONF_DIR,
    "/opt/spark/bin",
    "/opt/spark/cds",
    "/opt/spark/jars",
    TMP_DIR,
    LOCAL_DIR,
    "/var/run/secrets/kubernetes.io",
];

/// Environment variables that the operator or Spark sets on the container.
pub(crate) const FIXED_VARIABLES: [&str; 4] = [
    "POD_NAME",
    "SPARK_CONF_DIR",
    "SPARK_LOCAL_DIRS",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN",
];

/// Set by adding to what the user gives.
pub(crate) const JAVA_TOOL_OPTIONS: &str = "JAVA_TOOL_OPTIONS";
/// Set by adding to what the user gives, where there are Python files.
pub(crate) const PYTHONPATH: &str = "PYTHONPATH";

/// Whether two mount paths are the same, or one lies in the other.
pub(crate) fn overlap(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || outer.is_empty())
    };
    let (a, b) = (a.trim_end_matches('/'), b.trim_end_matches('/'));
    within(a, b) || within(b, a)
}

/// The operator's folder that `path` clashes with.
pub(crate) fn clash(path: &str) -> Option<&'static str> {
    FIXED_DIRS.into_iter().find(|fixed| overlap(path, fixed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_clash_with_what_is_on_in_or_above_them() {
        for path in [
            "/tmp",
            "/tmp/",
            "/tmp/x",
            "/",
            "/etc",
            "/etc/sparkconnect",
            "/opt/spark/jars/x.jar",
        ] {
            assert!(clash(path).is_some(), "{path}");
        }
        for path in [
            "/tmpfiles",
            "/etc/sparkconnect/secrets/s3",
            "/opt/spark/conf",
            "/data",
        ] {
            assert_eq!(clash(path), None, "{path}");
        }
    }
}
