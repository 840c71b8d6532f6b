//! Batch jobs as this client speaks of them. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// What to run, in what all back ends have in common. A field that a back end does not have is refused by it, not dropped. In JSON lengths
/// of time are seconds, and what is unknown is refused.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApplicationRequest {
    /// Its name: the resource's where there is one.
    pub name: String,
    /// The program: a `.py`, `.jar` or `.R` by path or URL, such as `local:///opt/spark/examples/src/main/python/pi.py`. Its ending says
    /// which language it is in.
    pub main_file: String,
    /// The class to start, for a jar.
    pub main_class: Option<String>,
    /// Arguments of the program.
    pub arguments: Vec<String>,
    /// Version of Spark.
    pub spark_version: Option<String>,
    /// Container image of driver and executors.
    pub image: Option<String>,
    /// `Always`, `IfNotPresent` or `Never`.
    pub image_pull_policy: Option<String>,
    /// Names of Secrets for pulling the image.
    pub image_pull_secrets: Vec<String>,
    /// Settings of Spark.
    pub spark_conf: BTreeMap<String, String>,
    /// Settings of Hadoop, without the prefix `spark.hadoop.`.
    pub hadoop_conf: BTreeMap<String, String>,
    /// Jars by path or URL.
    pub jars: Vec<String>,
    /// Python files by path or URL.
    pub py_files: Vec<String>,
    /// Other files by path or URL.
    pub files: Vec<String>,
    /// Archives by path or URL.
    pub archives: Vec<String>,
    /// Packages by Maven coordinates.
    pub packages: Vec<String>,
    /// The driver.
    pub driver: DriverResources,
    /// The executors.
    pub executor: ExecutorResources,
    /// User to run as, by Hadoop's impersonation.
    pub proxy_user: Option<String>,
    /// How often it is started again after it failed; 0 never.
    pub retries: u32,
    /// How long its record stays after its end.
    #[serde(deserialize_with = "crate::seconds::optional")]
    pub ttl: Option<Duration>,
    /// Queue of the cluster's scheduler.
    pub queue: Option<String>,
    /// Labels of its resource.
    pub labels: BTreeMap<String, String>,
}

/// What the driver gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriverResources {
    /// Cores.
    pub cores: Option<u32>,
    /// Memory as Spark writes it, such as `2g`.
    pub memory: Option<String>,
    /// Memory beside the JVM's heap, such as `512m`.
    pub memory_overhead: Option<String>,
    /// The ServiceAccount that it runs as.
    pub service_account: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
}

/// What each executor gets, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutorResources {
    /// How many; absent: the back end's default.
    pub instances: Option<u32>,
    /// At least so many and at most so many, by dynamic allocation, instead of `instances`.
    pub bounds: Option<(u32, u32)>,
    /// Cores.
    pub cores: Option<u32>,
    /// Memory as Spark writes it, such as `4g`.
    pub memory: Option<String>,
    /// Memory beside the JVM's heap, such as `512m`.
    pub memory_overhead: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
}

/// The language of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python.
    Python,
    /// Java or Scala: a jar.
    Jvm,
    /// R.
    R,
}

impl ApplicationRequest {
    /// The language of the program, by the ending of its file.
    pub fn language(&self) -> Language {
        let file = self.main_file.to_ascii_lowercase();
        if file.ends_with(".py") {
            Language::Python
        } else if file.ends_with(".r") {
            Language::R
        } else {
            Language::Jvm
        }
    }
}

/// The state of an application in the words of this client; the peer's own word stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApplicationState {
    /// It was taken, and its driver does not run yet.
    Submitted,
    /// Its driver runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended with an error, or could not be started.
    Failed,
    /// It was stopped by somebody.
    Cancelled,
    /// It is held back until it is resumed.
    Suspended,
    /// The peer does not say.
    Unknown,
}

impl ApplicationState {
    /// The state's name, such as `running`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Suspended => "suspended",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl Serialize for ApplicationState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What there is to tell of an application. A field is absent where the peer does not tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Application {
    /// What it is asked for by: the resource's name, or Livy's number of it.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Namespace of its resource.
    pub namespace: Option<String>,
    /// Its state.
    pub state: ApplicationState,
    /// Its state in the peer's own word.
    pub peer_state: Option<String>,
    /// Why it is in that state, in the peer's words.
    pub message: Option<String>,
    /// Spark's id of it.
    pub spark_application_id: Option<String>,
    /// Address of its UI, as the peer tells it.
    pub ui_url: Option<String>,
    /// When it was submitted.
    pub submitted: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Executors that run now.
    pub executors: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_language() {
        for (file, language) in [
            ("local:///opt/pi.py", Language::Python),
            ("s3a://jobs/etl.jar", Language::Jvm),
            ("local:///opt/a.R", Language::R),
        ] {
            let request = ApplicationRequest {
                main_file: file.to_owned(),
                ..ApplicationRequest::default()
            };
            assert_eq!(request.language(), language, "{file}");
        }
    }
}
