//! Settings that the operator gives: those that it decides, and defaults that a user may override. No I/O.

use std::collections::BTreeMap;

use sparkconnect_api::labels;
use sparkconnect_api::server::{Driver, Executor, IpFamily};

use super::super::layout::{
    BLOCK_MANAGER_PORT, CONFIG_DIR, CONNECT_PORT, CONTAINER, DRIVER_PORT, EXECUTOR_TEMPLATE_FILE,
    LOCAL_DIR, UI_PORT,
};
use super::super::{Image, ServerKey, SparkVersion, Token, labels_of, pods};
use super::{DELETE_SERVICES, NO_CONFIG_MAP, OWN_CLAIMS};

/// The driver's own Java options: the image's class-data archive, which halves its start (Java passes over one that is
/// missing or does not fit), and logging.
pub(super) const DRIVER_JAVA_OPTIONS: &str = "-XX:SharedArchiveFile=/opt/spark/cds/spark-connect.jsa \
     -Dlog4j2.configurationFile=file:/etc/sparkconnect/config/log4j2.properties";

/// Longest message that a server takes, in bytes: what a client may send, 128 MiB, and 4 KiB for the session and user that the
/// gateway appends to it.
const MAX_MESSAGE: u32 = 128 * 1024 * 1024 + 4 * 1024;

/// What the operator's settings are made from.
pub(in super::super) struct Operator<'a> {
    pub(in super::super) key: &'a ServerKey,
    /// Absent where it is not supported: then nothing is built, and the settings are merged for their problems.
    pub(in super::super) version: Option<&'a SparkVersion>,
    pub(in super::super) image: &'a Image,
    pub(in super::super) token: &'a Token,
    pub(in super::super) ui: bool,
    pub(in super::super) ip_family: IpFamily,
    pub(in super::super) driver: &'a Driver,
    /// Absent in mode Local.
    pub(in super::super) executor: Option<&'a Executor>,
    /// Account of executor pods: the driver's, without its token.
    pub(in super::super) account: &'a str,
}

impl Operator<'_> {
    /// Settings that a user may override.
    pub(super) fn defaults(&self, claims: bool) -> BTreeMap<String, String> {
        let message = MAX_MESSAGE.to_string();
        let always = [
            // The operator ends idle sessions: Spark's own timer is refreshed by any call and does not spare a running query.
            ("spark.connect.session.manager.defaultSessionTimeout", "-1"),
            ("spark.connect.grpc.maxInboundMessageSize", message.as_str()),
            ("spark.jars.ivy", "/tmp/.ivy2"),
            ("spark.sql.connect.ui.retainedSessions", "1000"),
            ("spark.sql.connect.ui.retainedStatements", "1000"),
            ("spark.ui.killEnabled", "false"),
        ];
        // Without it the bytes that a stage read are about a thousand times too small (Spark 4.1 on).
        let vectored = ("spark.hadoop.parquet.hadoop.vectored.io.enabled", "false");
        let cluster = [
            // The server opens when the driver is up, not when executors are.
            ("spark.scheduler.minRegisteredResourcesRatio", "0"),
            // Executors find the driver by its name. Spark 4.3 would give them the address that it binds, which is none.
            ("spark.kubernetes.executor.useDriverPodIP", "false"),
            // Each spares the driver a right that it would use for nothing.
            (NO_CONFIG_MAP, "true"),
            (DELETE_SERVICES, "false"),
        ];
        let no_claims = [
            (OWN_CLAIMS, "false"),
            (
                "spark.kubernetes.driver.reusePersistentVolumeClaim",
                "false",
            ),
        ];
        let mut defaults = settings(always);
        if self
            .version
            .is_some_and(|version| version.minor() >= (4, 1))
        {
            defaults.extend(settings([vectored]));
        }
        if self.executor.is_some() {
            defaults.extend(settings(cluster));
            defaults.extend(settings(no_claims).into_iter().filter(|_| !claims));
        }
        defaults
    }

    /// Settings that are not a user's to give.
    pub(super) fn decided(&self) -> BTreeMap<String, String> {
        let memory = self.driver.memory.to_string();
        let connect = CONNECT_PORT.to_string();
        let mut decided = settings([
            ("spark.connect.authenticate.token", self.token.expose()),
            ("spark.connect.grpc.binding.port", connect.as_str()),
            ("spark.driver.bindAddress", self.bind_address()),
            ("spark.driver.memory", memory.as_str()),
            ("spark.local.dir", LOCAL_DIR),
            // Spark would log an event that took over a second whole, as on a busy node: a job's has every setting, secret or not.
            ("spark.scheduler.listenerbus.logSlowEvent", "false"),
            ("spark.submit.deployMode", "client"),
            ("spark.ui.enabled", if self.ui { "true" } else { "false" }),
        ]);
        if self.ui {
            decided.insert("spark.ui.port".to_owned(), UI_PORT.to_string());
        }
        match self.executor {
            Some(executor) => {
                decided.extend(self.cluster());
                decided.extend(executors(executor));
            }
            None => {
                let master = format!("local[{}]", self.driver.cores);
                decided.insert("spark.master".to_owned(), master);
            }
        }
        decided
    }

    fn bind_address(&self) -> &'static str {
        match self.ip_family {
            IpFamily::IPv4 => "0.0.0.0",
            IpFamily::IPv6 => "[::]",
        }
    }

    fn cluster(&self) -> BTreeMap<String, String> {
        let template = format!("{CONFIG_DIR}/{EXECUTOR_TEMPLATE_FILE}");
        let (driver, blocks) = (DRIVER_PORT.to_string(), BLOCK_MANAGER_PORT.to_string());
        let mut cluster = settings([
            ("spark.blockManager.port", blocks.as_str()),
            ("spark.driver.blockManager.port", blocks.as_str()),
            ("spark.driver.port", driver.as_str()),
            (
                "spark.kubernetes.authenticate.executor.serviceAccountName",
                self.account,
            ),
            ("spark.kubernetes.container.image", self.image.name.as_str()),
            (
                "spark.kubernetes.executor.podTemplateContainerName",
                CONTAINER,
            ),
            (
                "spark.kubernetes.executor.podTemplateFile",
                template.as_str(),
            ),
            ("spark.kubernetes.namespace", self.key.namespace.as_str()),
            ("spark.master", "k8s://https://kubernetes.default.svc"),
        ]);
        if let Some(policy) = self.image.pull_policy {
            cluster.extend(settings([(
                "spark.kubernetes.container.image.pullPolicy",
                policy.as_str(),
            )]));
        }
        if !self.image.pull_secrets.is_empty() {
            let secrets = self.image.pull_secrets.join(",");
            cluster.extend(settings([(
                "spark.kubernetes.container.image.pullSecrets",
                secrets.as_str(),
            )]));
        }
        let labels = labels_of(self.key, Some(labels::EXECUTOR));
        cluster.extend(
            labels
                .into_iter()
                .map(|(key, value)| (format!("spark.kubernetes.executor.label.{key}"), value)),
        );
        cluster
    }
}

/// Size and number of executors. Spark adds the overhead to the memory itself: the request and limit are their sum.
fn executors(executor: &Executor) -> BTreeMap<String, String> {
    let resources = executor.resources.clone().unwrap_or_default();
    let request = resources
        .requests
        .get("cpu")
        .cloned()
        .unwrap_or_else(|| pods::cores(executor.cores));
    let count = executor.instances.unwrap_or(1);
    let scale = executor.autoscale.as_ref();
    let mut settings = vec![
        (
            "spark.dynamicAllocation.enabled",
            scale.is_some().to_string(),
        ),
        ("spark.executor.cores", executor.cores.to_string()),
        ("spark.executor.memory", executor.memory.to_string()),
        ("spark.kubernetes.executor.request.cores", request.0),
    ];
    match scale {
        Some(scale) => settings.extend([
            (
                "spark.dynamicAllocation.initialExecutors",
                scale.initial.unwrap_or(scale.min).to_string(),
            ),
            (
                "spark.dynamicAllocation.maxExecutors",
                scale.max.to_string(),
            ),
            (
                "spark.dynamicAllocation.minExecutors",
                scale.min.to_string(),
            ),
        ]),
        None => settings.push(("spark.executor.instances", count.to_string())),
    }
    let overhead = executor
        .memory_overhead
        .map(|memory| ("spark.executor.memoryOverhead", memory.to_string()));
    let limit = resources
        .limits
        .get("cpu")
        .map(|limit| ("spark.kubernetes.executor.limit.cores", limit.0.clone()));
    let settings = settings.into_iter().chain(overhead).chain(limit);
    settings
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn settings<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
