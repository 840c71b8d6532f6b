//! Resources, Java options and templates of driver and executor pods. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use sparkconnect_api::Memory;
use sparkconnect_api::Reason;
use sparkconnect_api::server::{Driver, Executor, IpFamily, Resources};

use super::layout::{CONTAINER, JAVA_TOOL_OPTIONS, PYTHONPATH};
use super::{Injections, PodPlan, Problem, python};
use crate::server::template::{self, Role, quantity};

/// Least memory beside the heap, in MiB: Spark's own.
const LEAST_OVERHEAD: u64 = 384;
/// Part of the heap that is kept beside it: one in this many.
const OVERHEAD_PART: u64 = 10;

/// What is the same for both roles.
pub(super) struct Common<'a> {
    pub(super) ip_family: IpFamily,
    pub(super) injections: &'a Injections,
}

/// What the settings give to the environment of one role.
#[derive(Default)]
pub(super) struct Given<'a> {
    /// The user's JAVA_TOOL_OPTIONS.
    pub(super) java_tool_options: Option<&'a str>,
    /// Where the Python files are; absent where there are none.
    pub(super) python_path: Option<String>,
    /// The user's PYTHONPATH.
    pub(super) own_python_path: Option<&'a str>,
}

/// The driver's plan: CPU as asked for, memory as heap and overhead together.
pub(super) fn driver(
    driver: &Driver,
    environment: Given<'_>,
    common: &Common<'_>,
    problems: &mut Vec<Problem>,
) -> PodPlan {
    let heap = driver.memory.mebibytes();
    let overhead = driver.memory_overhead.map_or_else(
        || (heap / OVERHEAD_PART).max(LEAST_OVERHEAD),
        Memory::mebibytes,
    );
    let memory = quantity::canonical(&Quantity(format!("{}Mi", heap.saturating_add(overhead))));
    let given = driver.resources.clone().unwrap_or_default();
    check_limits("spec.driver", driver.cores, &given, problems);
    let Resources {
        mut requests,
        mut limits,
    } = given;
    requests
        .entry("cpu".to_owned())
        .or_insert_with(|| cores(driver.cores));
    requests.insert("memory".to_owned(), memory.clone());
    limits.insert("memory".to_owned(), memory);
    PodPlan {
        resources: requirements(requests, limits),
        ..plan(
            Role::Driver,
            driver.template.as_ref(),
            environment,
            common,
            problems,
        )
    }
}

/// The executors' plan. Their memory and CPU are Spark's to set, from the settings; other resources are in the template.
pub(super) fn executor(
    executor: &Executor,
    environment: Given<'_>,
    common: &Common<'_>,
    problems: &mut Vec<Problem>,
) -> PodPlan {
    let given = executor.resources.clone().unwrap_or_default();
    check_limits("spec.executor", executor.cores, &given, problems);
    let Resources {
        mut requests,
        mut limits,
    } = given;
    requests.remove("cpu");
    limits.remove("cpu");
    PodPlan {
        resources: requirements(requests, limits),
        ..plan(
            Role::Executor,
            executor.template.as_ref(),
            environment,
            common,
            problems,
        )
    }
}

/// The CPU request of a pod with so many cores.
pub(super) fn cores(cores: i32) -> Quantity {
    Quantity(cores.to_string())
}

fn plan(
    role: Role,
    template: Option<&Value>,
    given: Given<'_>,
    common: &Common<'_>,
    problems: &mut Vec<Problem>,
) -> PodPlan {
    let mut template = read_template(role, template, common.injections, problems);
    let options = take(role, &mut template, JAVA_TOOL_OPTIONS, problems);
    let python_path = given.python_path.map(|path| {
        let own = take(role, &mut template, PYTHONPATH, problems);
        python::append(python::append(path, given.own_python_path), own.as_deref())
    });
    let options = [
        Some(ip_option(common.ip_family)),
        given.java_tool_options,
        options.as_deref(),
    ];
    PodPlan {
        resources: ResourceRequirements::default(),
        java_tool_options: join(options),
        python_path,
        template,
    }
}

/// Java options side by side.
pub(super) fn join<'a>(options: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let options: Vec<_> = options
        .into_iter()
        .flatten()
        .map(str::trim)
        .filter(|some| !some.is_empty())
        .collect();
    options.join(" ")
}

const fn ip_option(family: IpFamily) -> &'static str {
    match family {
        IpFamily::IPv4 => "-Djava.net.preferIPv4Stack=true",
        IpFamily::IPv6 => "-Djava.net.preferIPv6Addresses=true",
    }
}

fn read_template(
    role: Role,
    raw: Option<&Value>,
    injections: &Injections,
    problems: &mut Vec<Problem>,
) -> PodTemplateSpec {
    let Some(raw) = raw else {
        return PodTemplateSpec::default();
    };
    let field = field(role);
    let problem = |what: String| Problem::spec(Reason::InvalidTemplate, format!("{field}: {what}"));
    match template::parse(raw) {
        Ok(template) => {
            let volumes: Vec<_> = injections
                .files
                .iter()
                .map(|file| file.volume.as_str())
                .collect();
            let mounts: Vec<_> = injections
                .files
                .iter()
                .map(|file| file.path.as_str())
                .collect();
            problems.extend(
                template::refusals(role, &template, &volumes, &mounts)
                    .into_iter()
                    .map(problem),
            );
            template
        }
        Err(reasons) => {
            problems.extend(reasons.into_iter().map(problem));
            PodTemplateSpec::default()
        }
    }
}

/// Takes a variable of the user's out of the template: it is added to the operator's, not put in its place.
fn take(
    role: Role,
    template: &mut PodTemplateSpec,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let containers = &mut template.spec.as_mut()?.containers;
    let container = containers.iter_mut().find(|one| one.name == CONTAINER)?;
    let env = container.env.as_mut()?;
    let variable = env.remove(env.iter().position(|variable| variable.name == name)?);
    if env.is_empty() {
        container.env = None;
    }
    if variable.value_from.is_some() {
        let message = format!(
            "{}: containers[spark].env: {name} is added to the operator's own: give it a plain value",
            field(role)
        );
        problems.push(Problem::spec(Reason::InvalidTemplate, message));
    }
    variable.value
}

const fn field(role: Role) -> &'static str {
    match role {
        Role::Driver => "spec.driver.template",
        Role::Executor => "spec.executor.template",
    }
}

fn requirements(
    mut requests: BTreeMap<String, Quantity>,
    mut limits: BTreeMap<String, Quantity>,
) -> ResourceRequirements {
    quantity::canonical_map(&mut requests);
    quantity::canonical_map(&mut limits);
    ResourceRequirements {
        requests: (!requests.is_empty()).then_some(requests),
        limits: (!limits.is_empty()).then_some(limits),
        claims: None,
    }
}

/// Kubernetes refuses a pod whose request is above its limit.
fn check_limits(field: &str, count: i32, resources: &Resources, problems: &mut Vec<Problem>) {
    for (name, limit) in &resources.limits {
        let default = (name == "cpu").then(|| cores(count));
        let request = resources.requests.get(name).or(default.as_ref());
        let above = request.filter(|request| quantity::nanos(request) > quantity::nanos(limit));
        problems.extend(above.map(|request| {
            let message = format!(
                "{field}.resources: the limit of {name}, {}, is below its request, {}: raise it, or give a lower request",
                limit.0, request.0
            );
            Problem::spec(Reason::InvalidResources, message)
        }));
    }
}
