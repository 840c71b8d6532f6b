//! What a request must be, whichever back end it is for, and the settings of Spark that all take alike. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::application::Language;
use crate::{ApplicationRequest, Category, Error, ExecutorResources};

/// Refuses what no operator could run as it is meant.
pub(super) fn check(request: &ApplicationRequest) -> Result<(), Error> {
    if request.name.is_empty() {
        return Err(invalid("`name` is missing"));
    }
    if request.spark_version.is_none() {
        return Err(invalid(
            "`spark_version` is missing, and Spark's operators demand it",
        ));
    }
    check_program(request)
}

/// Refuses what nobody could run as it is meant.
pub(crate) fn check_program(request: &ApplicationRequest) -> Result<(), Error> {
    if request.main_file.is_empty() {
        return Err(invalid("`main_file` is missing"));
    }
    if request.main_class.is_some() && request.language() != Language::Jvm {
        return Err(invalid("`main_class` is given, but `main_file` is no jar"));
    }
    check_executors(request)?;
    check_lists(request)
}

fn check_executors(request: &ApplicationRequest) -> Result<(), Error> {
    let Some((least, most)) = request.executor.bounds else {
        return Ok(());
    };
    if request.executor.instances.is_some() {
        return Err(invalid(
            "`executor.instances` and `executor.bounds` are both given",
        ));
    }
    if least > most {
        return Err(invalid(format!(
            "`executor.bounds` are {least} and {most}, but the first is the least"
        )));
    }
    Ok(())
}

/// Spark takes these as one text with commas, in which an item with a comma would be two.
fn check_lists(request: &ApplicationRequest) -> Result<(), Error> {
    let main = std::slice::from_ref(&request.main_file);
    for (field, items) in [
        ("main_file", main),
        ("jars", &request.jars),
        ("py_files", &request.py_files),
        ("files", &request.files),
        ("archives", &request.archives),
        ("packages", &request.packages),
        ("image_pull_secrets", &request.image_pull_secrets),
    ] {
        if let Some(item) = items.iter().find(|item| item.contains(',')) {
            return Err(invalid(format!("`{field}` has `{item}`, with a comma")));
        }
    }
    Ok(())
}

/// A refusal of what was asked for.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Category::InvalidInput, message)
}

/// The time to live as a whole number of `unit`, which is called `name`.
pub(super) fn ttl(
    request: &ApplicationRequest,
    unit: Duration,
    name: &str,
) -> Result<Option<i64>, Error> {
    let Some(ttl) = request.ttl else {
        return Ok(None);
    };
    let (whole, rest) = (
        ttl.as_nanos() / unit.as_nanos(),
        ttl.as_nanos() % unit.as_nanos(),
    );
    match i64::try_from(whole) {
        Ok(whole) if rest == 0 => Ok(Some(whole)),
        _ => Err(invalid(format!("`ttl` is not a whole number of {name}"))),
    }
}

/// An object of those members that say something.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let members = members.into_iter().filter(|(_, value)| says(value));
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Settings of Spark: those that were given, and those that other fields stand for.
#[derive(Clone, Debug)]
pub(crate) struct Conf(BTreeMap<String, String>);

impl Conf {
    /// Those that were given, and the variables of the environment: as settings they need no admission webhook of an operator's.
    pub(crate) fn new(request: &ApplicationRequest) -> Result<Self, Error> {
        let mut conf = Self(request.spark_conf.clone());
        for (name, value) in &request.driver.env {
            conf.set(
                "driver.env",
                &format!("spark.kubernetes.driverEnv.{name}"),
                value,
            )?;
        }
        for (name, value) in &request.executor.env {
            conf.set("executor.env", &format!("spark.executorEnv.{name}"), value)?;
        }
        Ok(conf)
    }

    /// Has `setting` say what `field` says.
    ///
    /// # Errors
    /// When `spark_conf` has it with another value: one of the two would be dropped.
    pub(crate) fn set(
        &mut self,
        field: &str,
        setting: &str,
        value: &impl ToString,
    ) -> Result<(), Error> {
        let value = value.to_string();
        match self.0.get(setting) {
            Some(given) if *given != value => Err(invalid(format!(
                "`{field}` and `spark_conf` both say what {setting} is"
            ))),
            _ => {
                self.0.insert(setting.to_owned(), value);
                Ok(())
            }
        }
    }

    /// The same where the field is given.
    pub(crate) fn set_some(
        &mut self,
        field: &str,
        setting: &str,
        value: Option<&impl ToString>,
    ) -> Result<(), Error> {
        value.map_or(Ok(()), |value| self.set(field, setting, value))
    }

    /// The same for a list, where it has items.
    pub(crate) fn set_list(
        &mut self,
        field: &str,
        setting: &str,
        items: &[String],
    ) -> Result<(), Error> {
        let items = (!items.is_empty()).then(|| items.join(","));
        self.set_some(field, setting, items.as_ref())
    }

    /// The image, as Spark on Kubernetes has it.
    pub(crate) fn set_images(&mut self, request: &ApplicationRequest) -> Result<(), Error> {
        let image = "spark.kubernetes.container.image";
        let (policy, secrets) = (
            format!("{image}.pullPolicy"),
            format!("{image}.pullSecrets"),
        );
        self.set_some("image", image, request.image.as_ref())?;
        self.set_some(
            "image_pull_policy",
            &policy,
            request.image_pull_policy.as_ref(),
        )?;
        self.set_list("image_pull_secrets", &secrets, &request.image_pull_secrets)
    }

    /// What driver and executors have beside what every cluster manager knows: memory outside of the heap, and the driver's account.
    pub(crate) fn set_overheads(&mut self, request: &ApplicationRequest) -> Result<(), Error> {
        let (driver, executor) = (&request.driver, &request.executor);
        self.set_some(
            "driver.memory_overhead",
            "spark.driver.memoryOverhead",
            driver.memory_overhead.as_ref(),
        )?;
        self.set_some(
            "driver.service_account",
            "spark.kubernetes.authenticate.driver.serviceAccountName",
            driver.service_account.as_ref(),
        )?;
        self.set_some(
            "executor.memory_overhead",
            "spark.executor.memoryOverhead",
            executor.memory_overhead.as_ref(),
        )
    }

    /// The bounds of dynamic allocation.
    pub(crate) fn set_bounds(&mut self, executor: &ExecutorResources) -> Result<(), Error> {
        let Some((least, most)) = executor.bounds else {
            return Ok(());
        };
        let mut set = |setting: &str, value: &str| {
            let setting = format!("spark.dynamicAllocation.{setting}");
            self.set("executor.bounds", &setting, &value)
        };
        set("enabled", "true")?;
        // Kubernetes has no shuffle service that would outlive an executor.
        set("shuffleTracking.enabled", "true")?;
        set("minExecutors", &least.to_string())?;
        set("maxExecutors", &most.to_string())
    }

    /// As JSON.
    pub(crate) fn into_json(self) -> Value {
        self.0.into_iter().collect()
    }
}
