//! Spark settings: the operator's, the user's, secret ones, merged into the one properties file. No I/O.

mod dependencies;
mod operator;
mod redaction;
mod user;

use std::collections::BTreeMap;
use std::fmt;

use super::pods::join;
use super::{Problem, Rights};
use user::Setting;

pub(super) use operator::Operator;
pub(super) use user::Sources;

const DRIVER_OPTIONS: &str = "spark.driver.extraJavaOptions";
const EXECUTOR_OPTIONS: &str = "spark.executor.extraJavaOptions";
const EXECUTOR_TOOL_OPTIONS: &str = "spark.executorEnv.JAVA_TOOL_OPTIONS";
const EXECUTOR_PYTHONPATH: &str = "spark.executorEnv.PYTHONPATH";
const PY_FILES: &str = "spark.submit.pyFiles";
const REDACTION: &str = "spark.redaction.regex";
const OWN_CLAIMS: &str = "spark.kubernetes.driver.ownPersistentVolumeClaim";
const NO_CONFIG_MAP: &str = "spark.kubernetes.executor.disableConfigMap";
const DELETE_SERVICES: &str = "spark.kubernetes.driver.service.deleteOnTermination";

/// The driver's settings, by name. Debug shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// One setting's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// All settings, and what they mean for the pods.
pub(super) struct Merged {
    pub(super) properties: Properties,
    /// The user's JAVA_TOOL_OPTIONS for executors, which go to their template.
    pub(super) executor_options: Option<String>,
    /// Python files and zips of the spec and of the settings.
    pub(super) py_files: Vec<String>,
    /// The user's PYTHONPATH for executors, where it goes to their template for the sake of `py_files`.
    pub(super) executor_python_path: Option<String>,
    pub(super) rights: Rights,
}

/// Merges everything: the operator's defaults, then the user's settings, then what the operator or a field decides.
pub(super) fn merge(
    sources: &Sources<'_>,
    operator: &Operator<'_>,
    problems: &mut Vec<Problem>,
) -> Merged {
    let mut user = user::collect(sources, problems);
    let decided = operator.decided();
    refuse_decided(&user, &decided, problems);
    let executor_options = user
        .remove(EXECUTOR_TOOL_OPTIONS)
        .map(|setting| setting.value);
    let claims = user
        .keys()
        .any(|key| key.starts_with("spark.kubernetes.executor.volumes.persistentVolumeClaim."));
    let redaction = redaction::regex(&user);
    let mut all = operator.defaults(claims);
    all.extend(user.into_iter().map(|(key, setting)| (key, setting.value)));
    all.extend(redaction.map(|regex| (REDACTION.to_owned(), regex)));
    dependencies::add(sources.spec.dependencies.as_ref(), &mut all);
    add_java_options(sources.spec.java_options.as_deref(), operator, &mut all);
    all.extend(decided);
    let py_files = dependencies::list(all.get(PY_FILES));
    let moved = (!py_files.is_empty()).then_some(EXECUTOR_PYTHONPATH);
    let executor_python_path = moved.and_then(|key| all.remove(key));
    let rights = rights(&all, claims, operator);
    Merged {
        properties: Properties(all),
        executor_options,
        py_files,
        executor_python_path,
        rights,
    }
}

/// The operator's options first, so that the user's win where Java takes the last.
fn add_java_options(
    options: Option<&str>,
    operator: &Operator<'_>,
    all: &mut BTreeMap<String, String>,
) {
    let driver = join([
        Some(operator::DRIVER_JAVA_OPTIONS),
        options,
        all.get(DRIVER_OPTIONS).map(String::as_str),
    ]);
    all.insert(DRIVER_OPTIONS.to_owned(), driver);
    let executor = join([options, all.get(EXECUTOR_OPTIONS).map(String::as_str)]);
    if operator.executor.is_some() && !executor.is_empty() {
        all.insert(EXECUTOR_OPTIONS.to_owned(), executor);
    }
}

/// Names that the table of reserved settings does not list, and that the operator sets all the same.
fn refuse_decided(
    user: &BTreeMap<String, Setting>,
    decided: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    let clashes = user.iter().filter(|(key, _)| decided.contains_key(*key));
    problems.extend(
        clashes.map(|(key, setting)| user::reserved_problem(key, "the operator", &setting.origin)),
    );
}

fn rights(all: &BTreeMap<String, String>, claims: bool, operator: &Operator<'_>) -> Rights {
    let is = |key: &str, value: &str| all.get(key).is_some_and(|given| given == value);
    if operator.executor.is_none() {
        return Rights::default();
    }
    Rights {
        claims: claims || !is(OWN_CLAIMS, "false"),
        config_maps: !is(NO_CONFIG_MAP, "true"),
        services: !is(DELETE_SERVICES, "false"),
    }
}
