//! The user's settings: plain, injected and by key, with what may not be given where. No I/O.

use std::collections::BTreeMap;

use sparkconnect_api::Reason;
use sparkconnect_api::SparkConnectServerSpec;
use sparkconnect_api::inputs::reserved;

use super::super::{Problem, injection};
use crate::server::inputs::{Inputs, Source, SourceKind, SourceRef, value_source};

/// Where the user's settings come from.
pub(in super::super) struct Sources<'a> {
    pub(in super::super) spec: &'a SparkConnectServerSpec,
    pub(in super::super) namespace: &'a str,
    pub(in super::super) inputs: &'a Inputs,
    /// Objects injected as settings, with the prefix of their keys.
    pub(in super::super) injected: &'a [(&'static str, SourceRef, &'a Source)],
}

/// One setting of the user's.
pub(super) struct Setting {
    pub(super) value: String,
    /// Whether it comes from a Secret.
    pub(super) secret: bool,
    /// What gave it: a field, or an object.
    pub(super) origin: String,
    rank: Rank,
}

/// Who wins: the later over the earlier. Two of one rank are a mistake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Plain,
    Injected,
    ByKey,
}

/// All of the user's settings, by name.
pub(super) fn collect(
    sources: &Sources<'_>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    let offered = plain(sources.spec)
        .chain(injected(sources))
        .chain(by_key(sources));
    for offer in offered {
        match offer.and_then(|(key, setting)| checked(key, setting)) {
            Ok((key, setting)) => problems.extend(insert(&mut settings, key, setting)),
            Err(problem) => problems.push(problem),
        }
    }
    settings
}

type Offer = Result<(String, Setting), Problem>;

fn plain(spec: &SparkConnectServerSpec) -> impl Iterator<Item = Offer> {
    let setting = |origin: &str, value: &String| Setting {
        value: value.clone(),
        secret: false,
        origin: origin.to_owned(),
        rank: Rank::Plain,
    };
    let spark = spec.spark_conf.iter();
    let hadoop = spec.hadoop_conf.iter();
    spark
        .map(move |(key, value)| Ok((key.clone(), setting("spec.sparkConf", value))))
        .chain(hadoop.map(move |(key, value)| {
            Ok((
                format!("spark.hadoop.{key}"),
                setting("spec.hadoopConf", value),
            ))
        }))
}

fn injected<'a>(sources: &'a Sources<'a>) -> impl Iterator<Item = Offer> + 'a {
    sources
        .injected
        .iter()
        .flat_map(|(prefix, reference, source)| {
            source.data.iter().map(move |(key, value)| {
                read(
                    format!("{prefix}{key}"),
                    key,
                    value,
                    reference,
                    Rank::Injected,
                )
            })
        })
}

fn by_key<'a>(sources: &'a Sources<'a>) -> impl Iterator<Item = Offer> + 'a {
    sources.spec.spark_conf_from.iter().map(|conf| {
        let (reference, key) = value_source(&conf.value_from).ok_or_else(|| {
            let message = format!(
                "spec.sparkConfFrom: {} has no source: give secretKeyRef or configMapKeyRef",
                conf.name
            );
            Problem::input(Reason::SourceMissing, message)
        })?;
        let field = format!("sparkConfFrom ({})", conf.name);
        let source = injection::find(sources.inputs, sources.namespace, &reference, &field)?;
        let value = source.data.get(key).ok_or_else(|| {
            let message = format!(
                "{reference} in namespace {} has no key {key}: add it, or remove it from {field}",
                sources.namespace
            );
            Problem::input(Reason::KeyNotFound, message)
        })?;
        read(conf.name.clone(), key, value, &reference, Rank::ByKey)
    })
}

fn read(name: String, key: &str, value: &[u8], reference: &SourceRef, rank: Rank) -> Offer {
    let text = std::str::from_utf8(value).map_err(|_| {
        let message = format!("{reference}, key {key}: the value is not UTF-8 text and cannot be a setting: inject it as Files");
        Problem::input(Reason::NotText, message)
    })?;
    if !name.starts_with("spark.") {
        let message = format!(
            "{reference}, key {key}: a Spark setting starts with `spark.`: rename it, or inject as HadoopConf"
        );
        return Err(Problem::input(Reason::InvalidSetting, message));
    }
    let setting = Setting {
        value: text.to_owned(),
        secret: reference.kind == SourceKind::Secret,
        origin: reference.to_string(),
        rank,
    };
    Ok((name, setting))
}

fn checked(key: String, setting: Setting) -> Offer {
    if let Some(owner) = reserved(&key) {
        return Err(reserved_problem(&key, owner, &setting.origin));
    }
    if setting.secret && is_written_in_the_open(&key) {
        let message = format!(
            "{} gives {key}, which Spark writes into arguments or pods for all to read: inject it as Env or Files instead, \
             or give it in sparkConf if it is not secret",
            setting.origin
        );
        return Err(Problem::input(Reason::SettingNotSecret, message));
    }
    Ok((key, setting))
}

/// That a setting is decided elsewhere.
pub(super) fn reserved_problem(key: &str, owner: &str, origin: &str) -> Problem {
    let message = format!("{key} is decided by {owner}: remove it from {origin}");
    Problem::input(Reason::ReservedSetting, message)
}

fn insert(
    settings: &mut BTreeMap<String, Setting>,
    key: String,
    setting: Setting,
) -> Option<Problem> {
    let problem = settings
        .get(&key)
        .filter(|before| before.rank == setting.rank)
        .map(|before| {
            let message = format!(
                "{key} is given by {} and by {}: remove it from one of them",
                before.origin, setting.origin
            );
            Problem::input(Reason::DuplicateSetting, message)
        });
    settings.insert(key, setting);
    problem
}

/// Whether Spark copies the setting's value into a command line, a pod's environment or a pod's spec: Java options, class
/// and library paths, executors' environment, Kubernetes' own, and what an executor needs before it can ask its driver
/// (`SparkConf.isExecutorStartupConf`).
fn is_written_in_the_open(key: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "spark.auth",
        "spark.executorEnv.",
        "spark.kubernetes.",
        "spark.network",
        "spark.port.",
        "spark.rpc",
        "spark.ssl",
        "spark.submit.",
    ];
    const SUFFIXES: [&str; 5] = [
        ".defaultJavaOptions",
        ".extraClassPath",
        ".extraJavaOptions",
        ".extraLibraryPath",
        ".port",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| key.ends_with(suffix))
}
