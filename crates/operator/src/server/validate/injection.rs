//! What is injected into driver and executors: named in the spec, or labelled for the server. No I/O.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sparkconnect_api::Reason;
use sparkconnect_api::SparkConnectServerSpec;
use sparkconnect_api::inputs::{InjectAs, Injection};
use sparkconnect_api::labels;

use super::Problem;
use super::layout::{self, FIXED_VARIABLES};
use crate::server::inputs::{Inputs, Labelled, Source, SourceKind, SourceRef};

/// Longest name that becomes part of a volume's name as it is: a volume's name is a label of at most 63 characters.
const LONGEST_PLAIN_NAME: usize = 50;

/// What the builders put into pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injections {
    /// Folders of files.
    pub files: Vec<FileVolume>,
    /// Sources of environment variables.
    pub environment: Vec<SourceRef>,
    /// Content of both, for the hash.
    pub content: BTreeMap<SourceRef, Source>,
}

/// One Secret or ConfigMap as a folder of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVolume {
    /// The volume's name.
    pub volume: String,
    /// Where it is mounted.
    pub path: String,
    /// What it holds.
    pub reference: SourceRef,
}

/// One object to inject, whoever asked for it.
pub(super) struct Request<'a> {
    pub(super) reference: SourceRef,
    inject_as: InjectAs,
    path: Option<&'a str>,
    source: &'a Source,
}

/// Everything resolved: what goes into pods, and the objects whose keys are settings, with the prefix of those.
pub(super) struct Resolved<'a> {
    pub(super) injections: Injections,
    pub(super) settings: Vec<(&'static str, SourceRef, &'a Source)>,
}

/// Resolves the spec's injections and the labelled ones.
pub(super) fn resolve<'a>(
    spec: &'a SparkConnectServerSpec,
    namespace: &str,
    inputs: &'a Inputs,
    problems: &mut Vec<Problem>,
) -> Resolved<'a> {
    let requests = requests(spec, namespace, inputs, problems);
    let mut resolved = Resolved {
        injections: Injections::default(),
        settings: Vec::new(),
    };
    for request in requests {
        add(&mut resolved, request);
    }
    check_paths(&resolved.injections.files, problems);
    resolved
}

/// Looks an object up, or says that it is missing and what in the spec names it.
pub(super) fn find<'a>(
    inputs: &'a Inputs,
    namespace: &str,
    reference: &SourceRef,
    field: &str,
) -> Result<&'a Source, Problem> {
    let found = inputs.named.get(reference).and_then(Option::as_ref);
    found.ok_or_else(|| {
        let reason = match reference.kind {
            SourceKind::Secret => Reason::SecretNotFound,
            SourceKind::ConfigMap => Reason::ConfigMapNotFound,
        };
        let message =
            format!("{reference} does not exist in namespace {namespace}: create it, or remove it from {field}");
        Problem::input(reason, message)
    })
}

fn requests<'a>(
    spec: &'a SparkConnectServerSpec,
    namespace: &str,
    inputs: &'a Inputs,
    problems: &mut Vec<Problem>,
) -> Vec<Request<'a>> {
    let mut requests = Vec::new();
    for (reference, injection, field) in named(spec) {
        match find(inputs, namespace, &reference, field) {
            Ok(source) => requests.push(Request {
                reference,
                inject_as: injection.inject_as,
                path: injection.mount_path.as_deref(),
                source,
            }),
            Err(problem) => problems.push(problem),
        }
    }
    let explicit: Vec<_> = named(spec).map(|(reference, ..)| reference).collect();
    let mut labelled: Vec<_> = inputs.labelled.iter().collect();
    labelled.sort_by(|a, b| a.reference.cmp(&b.reference));
    for object in labelled {
        if explicit.contains(&object.reference) {
            continue;
        }
        match read_labelled(object) {
            Ok(request) => requests.push(request),
            Err(problem) => problems.push(problem),
        }
    }
    requests
}

fn named(
    spec: &SparkConnectServerSpec,
) -> impl Iterator<Item = (SourceRef, &Injection, &'static str)> {
    spec.inject.iter().flat_map(|inject| {
        let secrets = inject.secrets.iter();
        let config_maps = inject.config_maps.iter();
        secrets
            .map(|one| (SourceRef::secret(&one.name), one, "inject.secrets"))
            .chain(
                config_maps.map(|one| (SourceRef::config_map(&one.name), one, "inject.configMaps")),
            )
    })
}

fn read_labelled(object: &Labelled) -> Result<Request<'_>, Problem> {
    let Labelled {
        reference,
        inject_as,
        mount_path,
        source,
    } = object;
    let word = inject_as.as_deref();
    let parsed = word
        .map_or(Some(InjectAs::Files), InjectAs::parse)
        .ok_or_else(|| {
            let message = format!(
                "{reference} has the annotation {}: {}; write Files, Env, SparkConf or HadoopConf",
                labels::INJECT_AS,
                word.unwrap_or_default(),
            );
            Problem::input(Reason::InvalidAnnotation, message)
        })?;
    let path = mount_path.as_deref();
    let fits =
        path.is_none_or(|path| path.len() > 1 && path.starts_with('/') && !path.contains(':'));
    if !fits || (path.is_some() && parsed != InjectAs::Files) {
        let message = format!(
            "{reference} has the annotation {}: {}; write an absolute path, and only with {}: Files",
            labels::INJECT_MOUNT_PATH,
            path.unwrap_or_default(),
            labels::INJECT_AS,
        );
        return Err(Problem::input(Reason::InvalidAnnotation, message));
    }
    Ok(Request {
        reference: reference.clone(),
        inject_as: parsed,
        path,
        source,
    })
}

fn add<'a>(resolved: &mut Resolved<'a>, request: Request<'a>) {
    let Request {
        reference,
        inject_as,
        path,
        source,
    } = request;
    let injections = &mut resolved.injections;
    match inject_as {
        InjectAs::SparkConf => return resolved.settings.push(("", reference, source)),
        InjectAs::HadoopConf => {
            return resolved.settings.push(("spark.hadoop.", reference, source));
        }
        InjectAs::Env => injections.environment.push(reference.clone()),
        InjectAs::Files => injections.files.push(FileVolume {
            volume: volume_name(&reference),
            path: path.map_or_else(|| default_path(&reference), normal_path),
            reference: reference.clone(),
        }),
    }
    injections.content.insert(reference, source.clone());
}

fn normal_path(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

fn default_path(reference: &SourceRef) -> String {
    let folder = match reference.kind {
        SourceKind::Secret => "secrets",
        SourceKind::ConfigMap => "configmaps",
    };
    format!("/etc/sparkconnect/{folder}/{}", reference.name)
}

/// A volume's name may have no dot and 63 characters at most, an object's name may have both.
fn volume_name(reference: &SourceRef) -> String {
    let kind = match reference.kind {
        SourceKind::Secret => "secret",
        SourceKind::ConfigMap => "configmap",
    };
    let name = &reference.name;
    if name.len() <= LONGEST_PLAIN_NAME && !name.contains('.') {
        return format!("{kind}-{name}");
    }
    let digest = Sha256::digest(name.as_bytes());
    let short: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{kind}-{short}")
}

fn check_paths(files: &[FileVolume], problems: &mut Vec<Problem>) {
    for (index, file) in files.iter().enumerate() {
        let FileVolume {
            path, reference, ..
        } = file;
        let other = files[..index]
            .iter()
            .find(|other| layout::overlap(&other.path, path));
        let taken = layout::clash(path)
            .map(|fixed| format!("{fixed}, which the operator uses"))
            .or_else(|| other.map(|other| format!("{} of {}", other.path, other.reference)));
        if let Some(taken) = taken {
            let message = format!(
                "{reference} would be mounted at {path}, over {taken}: choose another mountPath"
            );
            problems.push(Problem::input(Reason::MountPathTaken, message));
        }
    }
}

/// Refuses variables that would not arrive: `added` are those that the operator sets by adding to the user's.
pub(super) fn check_variables(
    injections: &Injections,
    added: &[&str],
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeMap<&str, &SourceRef> = BTreeMap::new();
    let sources = injections.environment.iter();
    let keys = sources.flat_map(|reference| {
        let data = injections.content.get(reference).map(|source| &source.data);
        data.into_iter()
            .flat_map(move |data| data.keys().map(move |key| (key.as_str(), reference)))
    });
    for (key, reference) in keys {
        let said = if !is_variable(key) {
            Some((
                Reason::InvalidVariable,
                "is not the name of an environment variable: rename the key, or inject it as Files"
                    .to_owned(),
            ))
        } else if FIXED_VARIABLES.contains(&key) {
            Some((
                Reason::ReservedVariable,
                "is set by the operator: remove the key".to_owned(),
            ))
        } else if added.contains(&key) {
            Some((
                Reason::ReservedVariable,
                "is set by the operator: give it in the pods' templates, where it is added to the operator's".to_owned(),
            ))
        } else {
            seen.insert(key, reference).map(|other| {
                (
                    Reason::DuplicateVariable,
                    format!("is in {other} too: remove it from one of them"),
                )
            })
        };
        problems.extend(said.map(|(reason, what)| {
            Problem::input(
                reason,
                format!("{reference} is injected as Env, and its key {key} {what}"),
            )
        }));
    }
}

fn is_variable(key: &str) -> bool {
    let starts = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts
        && key
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
}
