//! The request that options or a file stand for. Does I/O where a file is named.

use std::io;
use std::path::Path;

use sparkconnect_client::{
    ApplicationRequest, Category, DriverResources, Error, ExecutorResources,
};

use super::backend::read;
use super::options::{Driver, Executor, RequestArgs};
use crate::values::map;

/// Stands for standard input.
const INPUT: &str = "-";

/// The request.
pub(super) fn request(args: &RequestArgs) -> Result<ApplicationRequest, Error> {
    match &args.filename {
        Some(path) => from_file(path),
        None => from_options(args),
    }
}

/// A refusal of the request with the option that a field is, where it was made of options.
pub(super) fn told(args: &RequestArgs, error: Error) -> Error {
    if args.filename.is_some() || error.category() != Category::InvalidInput {
        return error;
    }
    let message = error.to_string();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some((field, option)) = quoted.find_map(|field| Some((field, option(field)?))) else {
        return error;
    };
    let here = format!("`{field}` is {option} here");
    let hint = match error.hint_text() {
        Some(hint) => format!("{hint}; {here}"),
        None => here,
    };
    error.hint(hint)
}

/// The option for a field as errors name it.
fn option(field: &str) -> Option<String> {
    let other = match field {
        "main_file" => "PROGRAM",
        "main_class" => "--class",
        "spark_conf" => "--conf",
        "executor.instances" => "--num-executors",
        "executor.bounds" => "--min-executors and --max-executors",
        "driver.service_account" => "--service-account",
        "labels" => "--label",
        "image_pull_secrets" => "--image-pull-secret",
        _ => {
            let spelled = field.replace(['_', '.'], "-");
            let command = crate::command();
            let submit = command.find_subcommand("app")?.find_subcommand("submit")?;
            let mut options = submit.get_arguments().filter_map(|known| known.get_long());
            let known = options.any(|known| known == spelled);
            return known.then(|| format!("--{spelled}"));
        }
    };
    Some(other.to_owned())
}

fn from_file(path: &Path) -> Result<ApplicationRequest, Error> {
    let (text, called) = if path == Path::new(INPUT) {
        (
            io::read_to_string(io::stdin()).map_err(unread)?,
            "standard input".to_owned(),
        )
    } else {
        (read(path)?, path.display().to_string())
    };
    // JSON is YAML too.
    serde_yaml::from_str(&text).map_err(|error| {
        Error::new(Category::InvalidInput, format!("{called} is no request"))
            .caused_by(error)
            .hint(
                "its fields are those of `app submit`'s options; docs/reference/cli.md lists them",
            )
    })
}

fn unread(error: io::Error) -> Error {
    Error::new(Category::InvalidInput, "standard input cannot be read").caused_by(error)
}

fn from_options(args: &RequestArgs) -> Result<ApplicationRequest, Error> {
    let (program, brought, running) = (&args.program, &args.dependencies, &args.running);
    Ok(ApplicationRequest {
        name: program.name.clone().unwrap_or_default(),
        main_file: program.main_file.clone().unwrap_or_default(),
        main_class: program.class.clone(),
        arguments: program.arguments.clone(),
        spark_version: program.spark_version.clone(),
        image: program.image.clone(),
        image_pull_policy: program.image_pull_policy.clone(),
        image_pull_secrets: program.image_pull_secret.clone(),
        spark_conf: map("--conf", &program.conf)?,
        hadoop_conf: map("--hadoop-conf", &program.hadoop_conf)?,
        jars: brought.jars.clone(),
        py_files: brought.py_files.clone(),
        files: brought.files.clone(),
        archives: brought.archives.clone(),
        packages: brought.packages.clone(),
        driver: driver(&args.driver)?,
        executor: executor(&args.executor)?,
        proxy_user: running.proxy_user.clone(),
        retries: running.retries.unwrap_or_default(),
        ttl: running.ttl,
        queue: running.queue.clone(),
        labels: map("--label", &running.label)?,
    })
}

fn driver(args: &Driver) -> Result<DriverResources, Error> {
    Ok(DriverResources {
        cores: args.driver_cores,
        memory: args.driver_memory.clone(),
        memory_overhead: args.driver_memory_overhead.clone(),
        service_account: args.service_account.clone(),
        env: map("--driver-env", &args.driver_env)?,
    })
}

fn executor(args: &Executor) -> Result<ExecutorResources, Error> {
    Ok(ExecutorResources {
        instances: args.num_executors,
        bounds: args.min_executors.zip(args.max_executors),
        cores: args.executor_cores,
        memory: args.executor_memory.clone(),
        memory_overhead: args.executor_memory_overhead.clone(),
        env: map("--executor-env", &args.executor_env)?,
    })
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
