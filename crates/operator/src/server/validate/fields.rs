//! The steps of validation, in order. No I/O.

use kube::ResourceExt;
use sparkconnect_api::server::{Executor, Mode};
use sparkconnect_api::{Reason, SparkConnectServer, SparkConnectServerSpec, labels};

use super::layout::{JAVA_TOOL_OPTIONS, PYTHONPATH};
use super::pods::Given;
use super::settings::{Merged, Operator, Sources};
use super::{
    Account, Defaults, Image, Injections, PodPlan, Problem, ServerKey, SparkVersion, Token,
    ValidatedServer, injection, pods, python, settings,
};
use crate::server::inputs::Inputs;

/// Resolves everything, and gathers every problem before giving up.
pub(super) fn validate(
    server: &SparkConnectServer,
    inputs: &Inputs,
    token: &Token,
    defaults: &Defaults,
) -> Result<ValidatedServer, Vec<Problem>> {
    let mut problems = Vec::new();
    let spec = &server.spec;
    let key = key(server).map_err(|problem| vec![problem])?;
    let version = SparkVersion::supported(&spec.version);
    let version = version.map_err(|problem| problems.push(problem)).ok();
    check_java_options(spec, &mut problems);
    let resolved = injection::resolve(spec, &key.namespace, inputs, &mut problems);
    let image = image(spec, defaults);
    let given = spec.service_account_name.clone();
    let account = given.map_or(Account::Made, Account::Given);
    let executor = (spec.mode == Mode::Cluster).then(|| spec.executor.clone().unwrap_or_default());
    let sources = Sources {
        spec,
        namespace: &key.namespace,
        inputs,
        injected: &resolved.settings,
    };
    let operator = Operator {
        key: &key,
        version: version.as_ref(),
        image: &image,
        token,
        ui: spec.ui.enabled,
        ip_family: spec.ip_family,
        driver: &spec.driver,
        executor: executor.as_ref(),
        account: account.name(&key),
    };
    let merged = settings::merge(&sources, &operator, &mut problems);
    let injections = resolved.injections;
    let (driver, executor) = plans(spec, executor.as_ref(), &merged, &injections, &mut problems);
    let (Some(version), true) = (version, problems.is_empty()) else {
        return Err(problems);
    };
    Ok(ValidatedServer {
        version,
        image,
        mode: spec.mode,
        ui: spec.ui.enabled,
        account,
        rights: merged.rights,
        driver,
        executor,
        properties: merged.properties,
        injections,
        restarted_at: server.annotations().get(labels::RESTARTED_AT).cloned(),
        operator_namespace: defaults.operator_namespace.clone(),
        gateway: defaults.gateway,
        key,
    })
}

/// The pods of both roles, with what settings give to their environment.
fn plans(
    spec: &SparkConnectServerSpec,
    executor: Option<&Executor>,
    merged: &Merged,
    injections: &Injections,
    problems: &mut Vec<Problem>,
) -> (PodPlan, Option<PodPlan>) {
    let python = python::paths(&merged.py_files, spec.mode, problems);
    let added = [
        Some(JAVA_TOOL_OPTIONS),
        python.executor.as_ref().map(|_| PYTHONPATH),
    ];
    let added: Vec<_> = added.into_iter().flatten().collect();
    injection::check_variables(injections, &added, problems);
    let common = pods::Common {
        ip_family: spec.ip_family,
        injections,
    };
    let of_driver = Given {
        python_path: python.driver,
        ..Given::default()
    };
    let of_executors = Given {
        java_tool_options: merged.executor_options.as_deref(),
        python_path: python.executor,
        own_python_path: merged.executor_python_path.as_deref(),
    };
    let driver = pods::driver(&spec.driver, of_driver, &common, problems);
    let executor =
        executor.map(|executor| pods::executor(executor, of_executors, &common, problems));
    (driver, executor)
}

fn key(server: &SparkConnectServer) -> Result<ServerKey, Problem> {
    let metadata = &server.metadata;
    let key = || {
        Some(ServerKey {
            name: metadata.name.clone()?,
            namespace: metadata.namespace.clone()?,
            uid: metadata.uid.clone()?,
        })
    };
    key().ok_or_else(|| {
        let message = "the resource has no name, namespace or UID: create it in a cluster first";
        Problem::spec(Reason::InvalidResource, message)
    })
}

fn image(spec: &SparkConnectServerSpec, defaults: &Defaults) -> Image {
    let name = spec
        .image
        .clone()
        .unwrap_or_else(|| defaults.image.replace("{version}", &spec.version));
    Image {
        name,
        pull_policy: spec.image_pull_policy,
        pull_secrets: spec
            .image_pull_secrets
            .iter()
            .map(|secret| secret.name.clone())
            .collect(),
    }
}

/// Spark does not start with these in executors' options.
fn check_java_options(spec: &SparkConnectServerSpec, problems: &mut Vec<Problem>) {
    let options = spec.java_options.as_deref().unwrap_or_default();
    for (part, hint) in [
        ("-Dspark", "give Spark settings in spec.sparkConf"),
        (
            "-Xmx",
            "give the heap's size in driver.memory and executor.memory",
        ),
    ] {
        if options.contains(part) {
            let message = format!("spec.javaOptions has {part}, which Spark refuses: {hint}");
            problems.push(Problem::spec(Reason::InvalidJavaOptions, message));
        }
    }
}
